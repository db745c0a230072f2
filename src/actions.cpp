#include "src/actions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace zeektrace {
namespace {

constexpr size_t most_bytes = size_t{1} << 20;

// What comes from a descriptor, at most so much; the rest is read and thrown away when `all` is wanted.
std::string read_from(int fd, bool to_its_end, bool& is_cut) {
  std::string text;
  std::array<char, 65536> chunk;
  for (ssize_t got; (got = read(fd, chunk.data(), chunk.size())) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    const size_t kept = std::min(static_cast<size_t>(got), most_bytes - text.size());
    text.append(chunk.data(), kept);
    is_cut |= kept < static_cast<size_t>(got);
    if (is_cut && !to_its_end) break;
  }
  return text;
}

std::string with_note(std::string text, bool is_cut) {
  return is_cut ? std::move(text) + "\n(cut here: there is more than 1 MB)\n" : std::move(text);
}

}  // namespace

Result<std::string> file_text(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno_error(errno, fmt::format("cat: can't read {}", path));
  bool is_cut = false;
  std::string text = read_from(fd, false, is_cut);
  close(fd);
  return with_note(std::move(text), is_cut);
}

Result<std::string> command_output(const std::string& command) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "system: no pipe");
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char shell[] = "sh", flag[] = "-c";
  std::string text = command;
  char* const words[] = {shell, flag, text.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, "/bin/sh", &files, &attributes, words, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return errno_error(error, "system: can't run /bin/sh");
  }
  bool is_cut = false;
  std::string output = read_from(ends[0], true, is_cut);
  close(ends[0]);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  return with_note(std::move(output), is_cut);
}

}  // namespace zeektrace
