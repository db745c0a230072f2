// text_changes PID: in how many places the code of a process, as it is in memory, differs from the files that
// it was mapped from. Each uprobe is one such place (a breakpoint, or a call in place of a nop); without any
// there are none.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace zeektrace {
namespace {

struct Mapping {
  uint64_t begin, end, offset;
  std::string file;
};

// The mappings that can be executed and come from a file.
std::vector<Mapping> code_of(const std::string& process) {
  std::vector<Mapping> mappings;
  std::ifstream maps("/proc/" + process + "/maps");
  for (std::string line; std::getline(maps, line);) {
    Mapping mapping;
    char dash;
    std::string rights, device, inode;
    std::istringstream words(line);
    words >> std::hex >> mapping.begin >> dash >> mapping.end >> rights >> mapping.offset >> device >>
        inode >> std::ws;
    std::getline(words, mapping.file);
    if (rights.size() > 2 && rights[2] == 'x' && mapping.file.starts_with("/")) mappings.push_back(mapping);
  }
  return mappings;
}

// As much as can be read there: a file's last page goes on behind its end.
std::optional<std::vector<char>> read_at(const std::string& path, uint64_t offset, size_t size) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::vector<char> bytes(size);
  ssize_t got = pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  close(fd);
  if (got < 0) return std::nullopt;
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

// A probed instruction is changed in its first byte or in all of it, never in two places.
size_t places(const std::vector<char>& one, const std::vector<char>& other) {
  constexpr size_t longest_change = 5;
  size_t count = 0, size = std::min(one.size(), other.size());
  for (size_t at = 0; at < size; ++at) {
    if (one[at] == other[at]) continue;
    ++count;
    at += longest_change - 1;
  }
  return count;
}

int report(const std::string& process) {
  auto mappings = code_of(process);
  if (mappings.empty())
    return fmt::print(stderr, "text_changes: no process {}, or it has no code\n", process), 1;
  size_t count = 0;
  for (const auto& mapping : mappings) {
    size_t size = mapping.end - mapping.begin;
    auto memory = read_at("/proc/" + process + "/mem", mapping.begin, size);
    auto file = read_at(mapping.file, mapping.offset, size);
    if (!memory || !file) {
      fmt::print(stderr, "text_changes: cannot read {}: {}\n", mapping.file, std::strerror(errno));
      return 1;
    }
    count += places(*memory, *file);
  }
  fmt::print("{}\n", count);
  return 0;
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) {
  if (argc != 2) return fmt::print(stderr, "usage: text_changes PID\n"), 2;
  return zeektrace::report(argv[1]);
}
