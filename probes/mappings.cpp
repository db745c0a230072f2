#include "probes/mappings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "probes/perf_event.h"

namespace zeektrace {

namespace {

// Next word of a line of /proc, and the rest.
std::string_view take_word(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const size_t end = std::min(line.find(' ', begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

uint64_t number(std::string_view text, int base) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// The kernel's dev_t (include/linux/kdev_t.h).
uint64_t kernel_device(uint64_t major, uint64_t minor) { return major << 20 | minor; }

int open_vdso(uint64_t size) {
  const auto* image = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) return -1;
  const int fd = memfd_create("vdso", MFD_CLOEXEC);
  if (fd >= 0 && write(fd, image, size) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

}  // namespace

std::vector<Mapping> parse_mappings(std::string_view maps) {
  std::vector<Mapping> mappings;
  while (!maps.empty()) {
    // 7f0c1a400000-7f0c1a428000 r-xp 00026000 fe:01 1311  /usr/lib/libc.so.6 (deleted)
    std::string_view line = maps.substr(0, maps.find('\n'));
    maps.remove_prefix(std::min(line.size() + 1, maps.size()));
    const std::string_view range = take_word(line), rights = take_word(line), offset = take_word(line);
    const std::string_view device = take_word(line), inode = take_word(line);
    const size_t dash = range.find('-'), colon = device.find(':');
    if (dash == std::string_view::npos || rights.size() < 3 || rights[2] != 'x') continue;
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    constexpr std::string_view deleted = " (deleted)";
    if (line.ends_with(deleted)) line.remove_suffix(deleted.size());
    const bool vdso = line == "[vdso]";
    if ((!line.starts_with('/') && !vdso) || colon == std::string_view::npos) continue;
    FileIdentity file = vdso_identity;
    if (!vdso)
      file = {number(inode, 10), kernel_device(number(device.substr(0, colon), 16), number(device.substr(colon + 1), 16))};
    mappings.push_back({number(range.substr(0, dash), 16), number(range.substr(dash + 1), 16), number(offset, 16),
                        std::string(line), file});
  }
  return mappings;
}

std::optional<FileIdentity> file_identity(int fd) {
  struct stat status = {};
  if (fstat(fd, &status) != 0) return std::nullopt;
  return FileIdentity{status.st_ino, kernel_device(major(status.st_dev), minor(status.st_dev))};
}

bool may_be_called_otherwise(int fd) {
  struct statfs where = {};
  return fstatfs(fd, &where) == 0 && (where.f_type == OVERLAYFS_SUPER_MAGIC || where.f_type == BTRFS_SUPER_MAGIC);
}

namespace {

// What is opened by a range or by a name may be another file by now. Its name alone counts where files have two identities.
bool is_file_of(int fd, const Mapping& mapping) {
  if (file_identity(fd) == mapping.file) return true;
  if (!may_be_called_otherwise(fd)) return false;
  std::array<char, 4096> link;
  const ssize_t length = readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), link.data(), link.size());
  std::string_view name(link.data(), length < 0 ? 0 : static_cast<size_t>(length));
  constexpr std::string_view deleted = " (deleted)";
  if (name.ends_with(deleted)) name.remove_suffix(deleted.size());
  return name.ends_with(mapping.path);
}

}  // namespace

int open_mapped(pid_t pid, const Mapping& mapping) {
  if (mapping.path == "[vdso]") return open_vdso(mapping.end - mapping.begin);
  constexpr int how = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  for (const std::string& path : {fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.begin, mapping.end),
                                  fmt::format("/proc/{}/root{}", pid, mapping.path), mapping.path}) {
    const int fd = open(path.c_str(), how);
    if (fd < 0) continue;
    if (is_file_of(fd, mapping)) return fd;
    close(fd);
  }
  return -1;
}

std::optional<uint64_t> tag_of(pid_t pid) {
  const auto text = read_small_file(fmt::format("/proc/{}/stat", pid));
  if (!text) return std::nullopt;
  // proc_pid_stat(5): endcode is field 27, startstack field 28; the second one, in brackets, may hold anything.
  std::string_view rest = *text;
  rest.remove_prefix(std::min(rest.rfind(')'), rest.size() - 1) + 1);
  std::string_view word;
  for (int field = 3; field <= 26; field++) take_word(rest);
  const uint64_t end_code = number(take_word(rest), 10), start_stack = number(take_word(rest), 10);
  if (start_stack == 0) return std::nullopt;
  return process_tag(static_cast<uint32_t>(pid), start_stack, end_code);
}

}  // namespace zeektrace
