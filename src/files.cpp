#include "src/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace zeektrace {

Result<std::string> read_all(int fd, const std::string& name, size_t most) {
  std::string text;
  std::array<char, 64 << 10> piece;
  while (true) {
    ssize_t length = read(fd, piece.data(), piece.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return errno_error(errno, fmt::format("can't read {}", name));
    if (length == 0) return text;
    text.append(piece.data(), static_cast<size_t>(length));
    if (text.size() > most) {
      return Error{Error::Kind::script, fmt::format("{} is larger than {} bytes", name, most), {}, {}};
    }
  }
}

Result<std::string> read_file(const std::string& path, size_t most) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno_error(errno, fmt::format("can't open {}", path));
  auto text = read_all(fd, path, most);
  close(fd);
  return text;
}

}  // namespace zeektrace
