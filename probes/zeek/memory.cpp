#include "probes/zeek/memory.h"

#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace zeektrace {
namespace {

constexpr size_t longest_text = 4096;
constexpr size_t most_nodes = 1 << 20;
constexpr uint64_t page = 4096;
// Of a tree's node: its colour, its parent, its children.
constexpr uint64_t node_parent = 8, node_left = 16, node_right = 24, node_size = 32;
// Of a map: what it compares with, then a node that is no element, then how many there are.
constexpr uint64_t map_header = 8;

}  // namespace

bool ProcessMemory::read(uint64_t address, void* to, size_t size) {
  iovec here{to, size}, there{reinterpret_cast<void*>(address), size};
  ssize_t done = process_vm_readv(pid_, &here, 1, &there, 1, 0);
  if (done == static_cast<ssize_t>(size)) return true;
  if (failed_ == 0) failed_ = done < 0 ? errno : EFAULT, failed_at_ = address;
  std::memset(to, 0, size);
  return false;
}

uint64_t ProcessMemory::word(uint64_t address) {
  uint64_t value = 0;
  read(address, &value, sizeof value);
  return value;
}

uint32_t ProcessMemory::number(uint64_t address) {
  uint32_t value = 0;
  read(address, &value, sizeof value);
  return value;
}

uint8_t ProcessMemory::byte(uint64_t address) {
  uint8_t value = 0;
  read(address, &value, sizeof value);
  return value;
}

// Page by page, since the one behind its end may not be there.
std::string ProcessMemory::text(uint64_t address) {
  std::string text;
  while (text.size() < longest_text) {
    char part[256];
    size_t size = std::min<size_t>(sizeof part, page - address % page);
    if (!read(address, part, size)) break;
    size_t length = strnlen(part, size);
    text.append(part, length);
    if (length < size) break;
    address += size;
  }
  return text;
}

std::string ProcessMemory::string(uint64_t address) {
  uint64_t data = word(address), length = word(address + 8);
  std::string text(std::min<uint64_t>(length, longest_text), '\0');
  if (!text.empty() && !read(data, text.data(), text.size())) text.clear();
  return text;
}

void ProcessMemory::each_of_map(uint64_t map, const std::function<bool(uint64_t)>& visit) {
  const uint64_t header = map + map_header;
  uint64_t node = word(header + node_left);  // the first one
  for (size_t i = 0; i < most_nodes && node != 0 && node != header; i++) {
    if (!visit(node + node_size)) return;
    uint64_t next = word(node + node_right);
    if (next != 0) {
      for (uint64_t left = next; left != 0 && i < most_nodes; i++) next = left, left = word(left + node_left);
    } else {
      uint64_t below = node;
      for (next = word(node + node_parent); next != header && next != 0 && i < most_nodes; i++) {
        if (word(next + node_right) != below) break;
        below = next;
        next = word(next + node_parent);
      }
    }
    node = next;
  }
}

Status ProcessMemory::status() {
  int why = std::exchange(failed_, 0);
  if (why == 0) return Nothing{};
  return errno_error(why, fmt::format("can't read the memory of process {} at {:#x}", pid_, failed_at_));
}

}  // namespace zeektrace
