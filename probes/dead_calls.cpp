#include "probes/dead_calls.h"

#include <bpf/bpf.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "parser/program.h"

namespace zeektrace {

namespace {

constexpr size_t most_at_once = 512;  // IOV_MAX is 1024
constexpr uint64_t page_size = 4096;

struct LeftCall {
  FrameKey key;
  FrameWord value;
};

std::vector<LeftCall> calls_of(const std::vector<MapRow>& rows) {
  std::vector<LeftCall> calls;
  for (const MapRow& row : rows) {
    if (row.key.size() != sizeof(FrameKey) || row.values.front().size() != sizeof(FrameWord)) continue;
    LeftCall& call = calls.emplace_back();
    std::memcpy(&call.key, row.key.data(), sizeof call.key);
    std::memcpy(&call.value, row.values.front().data(), sizeof call.value);
  }
  std::ranges::sort(calls, {}, [](const LeftCall& call) { return std::pair(call.key.tgid, call.key.stack); });
  return calls;
}

// Reads where the return addresses of some calls of one process stand. The dead go to `dead`; gives how many of the calls it
// has looked at, one at least.
size_t look(std::span<const LeftCall> calls, std::vector<LeftCall>& dead) {
  uint64_t words[most_at_once] = {};
  iovec remote[most_at_once];
  const size_t count = std::min(calls.size(), most_at_once);
  for (size_t i = 0; i < count; i++) remote[i] = {reinterpret_cast<void*>(calls[i].key.stack), sizeof(uint64_t)};
  const iovec local = {words, count * sizeof(uint64_t)};
  const ssize_t bytes = process_vm_readv(static_cast<pid_t>(calls.front().key.tgid), &local, 1, remote, count, 0);
  // Not to be known; nor of a process that is there, but whose first thread has ended.
  const bool gone = bytes < 0 && errno == ESRCH && kill(static_cast<pid_t>(calls.front().key.tgid), 0) != 0;
  if (bytes < 0 && errno != EFAULT && !gone) return count;
  const size_t read = bytes < 0 ? 0 : static_cast<size_t>(bytes) / sizeof(uint64_t);
  for (size_t i = 0; i < read; i++)
    if (calls[i].value.return_address != 0 && calls[i].value.return_address != words[i]) dead.push_back(calls[i]);
  if (read == count) return count;
  // The page is no more, or the process: so are the others there.
  const uint64_t page = calls[read].key.stack / page_size;
  size_t next = read;
  for (; next < calls.size() && (gone || calls[next].key.stack / page_size == page); next++) dead.push_back(calls[next]);
  return next;
}

// Another call may have come to stand there meanwhile: its word is put back.
bool take_out(const KernelMap& map, const LeftCall& call) {
  FrameWord was;
  int failure = bpf_map_lookup_and_delete_elem(map.fd, &call.key, &was);
  if (failure == -EINVAL || failure == -524) return bpf_map_delete_elem(map.fd, &call.key) == 0;  // before Linux 5.14
  if (failure != 0) return false;
  if (std::memcmp(&was, &call.value, sizeof was) == 0) return true;
  bpf_map_update_elem(map.fd, &call.key, &was, BPF_NOEXIST);
  return false;
}

}  // namespace

Result<uint64_t> drop_dead_calls(const KernelMap& map) {
  const auto rows = read_rows(map);
  if (!rows) return rows.error();
  uint64_t dropped = 0;
  if (rows->size() < map.max_entries / 2) return dropped;
  const std::vector<LeftCall> calls = calls_of(*rows);
  std::vector<LeftCall> dead;
  for (size_t begin = 0; begin < calls.size();) {
    const auto process = calls[begin].key.tgid;
    const auto end = std::find_if(calls.begin() + static_cast<std::ptrdiff_t>(begin), calls.end(),
                                  [&](const LeftCall& call) { return call.key.tgid != process; });
    begin += look({calls.begin() + static_cast<std::ptrdiff_t>(begin), end}, dead);
  }
  for (const LeftCall& call : dead) dropped += take_out(map, call);
  return dropped;
}

}  // namespace zeektrace
