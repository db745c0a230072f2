#include "src/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace zeektrace {
namespace {

Error no_program(const std::string& name, std::string why) {
  return {Error::Kind::machine,
          fmt::format("-c: can't run '{}': {}", name, why),
          "give a program in PATH, or its path",
          {}};
}

// 0, or the errno that says why this can't be executed.
int executable(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  if (!S_ISREG(info.st_mode)) return EACCES;
  return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (int why = executable(name)) return no_program(name, std::strerror(why));
    return name;
  }
  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
  while (!path.empty()) {
    size_t end = std::min(path.find(':'), path.size());
    std::string folder = end == 0 ? "." : std::string(path.substr(0, end));
    std::string candidate = folder + "/" + name;
    if (executable(candidate) == 0) return candidate;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return no_program(name, "no such program in PATH");
}

// In the child, between fork and execve: nothing here allocates.
[[noreturn]] void wait_and_execute(int go, int failure, const char* program, char* const* arguments) {
  char byte;
  ssize_t length;
  do {
    length = read(go, &byte, 1);
  } while (length < 0 && errno == EINTR);
  if (length != 1) _exit(127);  // the tracer has gone
  execve(program, arguments, environ);
  int why = errno;
  if (write(failure, &why, sizeof why) < 0) _exit(126);
  _exit(127);
}

// In a process of its own: when nobody holds the other end of the pipe any more and nothing came through it, the tracer has gone
// and left the child stopped.
[[noreturn]] void guard(int pipe, int child) {
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  // Nothing else of ours may outlive us, such as a probe.
  const auto low = static_cast<unsigned>(std::min(pipe, child)), high = static_cast<unsigned>(std::max(pipe, child));
  if (low > 3) close_range(3, low - 1, 0);
  if (high > low + 1) close_range(low + 1, high - 1, 0);
  close_range(high + 1, ~0u, 0);
  char byte;
  ssize_t length;
  do {
    length = read(pipe, &byte, 1);
  } while (length < 0 && errno == EINTR);
  if (length == 0) syscall(SYS_pidfd_send_signal, child, SIGCONT, nullptr, 0);
  _exit(0);
}

void close_if_open(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size() &&
                   (quote == 0 || text[i + 1] == '"' || text[i + 1] == '\\');
    if (escapes) {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) {
    return Error{Error::Kind::machine,
                 fmt::format("the command has a {} that is never closed", quote),
                 fmt::format("close it with {}", quote),
                 {}};
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

Result<Child> Child::start(std::vector<std::string> words) {
  if (words.empty())
    return Error{Error::Kind::machine, "-c: the command is empty", "give a program to run", {}};
  auto program = find_program(words[0]);
  if (!program) return program.error();
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  int go[2], failure[2];
  if (pipe2(go, O_CLOEXEC) != 0) return errno_error(errno, "-c: can't make a pipe");
  if (pipe2(failure, O_CLOEXEC) != 0) {
    int why = errno;
    close(go[0]);
    close(go[1]);
    return errno_error(why, "-c: can't make a pipe");
  }
  pid_t pid = fork();
  if (pid == 0) {
    close(go[1]);
    close(failure[0]);
    wait_and_execute(go[0], failure[1], program->c_str(), arguments.data());
  }
  int why = errno;
  close(go[0]);
  close(failure[1]);
  if (pid < 0) {
    close(go[1]);
    close(failure[0]);
    return errno_error(why, "-c: can't start a process");
  }
  return Child(pid, go[1], failure[0], std::move(*program));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      go_(std::exchange(other.go_, -1)),
      guard_(std::exchange(other.guard_, -1)),
      guardian_(std::exchange(other.guardian_, -1)),
      failure_(std::exchange(other.failure_, -1)),
      program_(std::move(other.program_)),
      status_(other.status_) {}

Child::~Child() {
  bool held = go_ >= 0 || is_stopped();
  if (is_stopped()) {  // it has hardly begun
    kill(pid_, SIGKILL);
    dismiss_guardian();
  }
  close_if_open(go_);  // held back still: it ends by itself
  close_if_open(failure_);
  if (held && pid_ > 0) waitpid(pid_, nullptr, 0);
}

Status Child::release() {
  if (is_stopped()) {
    kill(pid_, SIGCONT);
    dismiss_guardian();
    return Nothing{};
  }
  // Should the child have been killed, SIGPIPE must not end us: `ended` tells.
  auto before = signal(SIGPIPE, SIG_IGN);
  char byte = 1;
  ssize_t written = write(go_, &byte, 1);
  signal(SIGPIPE, before);
  close_if_open(go_);
  int why = 0;
  ssize_t length = 0;
  if (written == 1) {
    do {
      length = read(failure_, &why, sizeof why);
    } while (length < 0 && errno == EINTR);
  }
  close_if_open(failure_);
  if (length != static_cast<ssize_t>(sizeof why)) return Nothing{};
  Error error = errno_error(why, fmt::format("-c: can't run '{}'", program_));
  if (why == ENOEXEC) error.hint = "a script begins with #! and what runs it, such as #!/bin/sh";
  if (why == ENOENT) error.hint = "what its first line (#!) or its ELF interpreter names is not there";
  return error;
}

Result<bool> Child::hold_stopped() {
  int status = 0;
  pid_t who;
  do {
    who = waitpid(pid_, &status, WUNTRACED);
  } while (who < 0 && errno == EINTR);
  if (who < 0) return errno_error(errno, fmt::format("-c: can't wait for '{}'", program_));
  if (!WIFSTOPPED(status)) {
    status_ = status;
    return false;
  }
  int ends[2], child = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (child < 0 || pipe2(ends, O_CLOEXEC) != 0) {
    int why = errno;
    close_if_open(child);
    return errno_error(why, "-c: can't make a pipe");
  }
  guardian_ = fork();
  if (guardian_ == 0) {
    close(ends[1]);
    guard(ends[0], child);
  }
  int why = errno;
  close(ends[0]);
  close(child);
  guard_ = ends[1];
  if (guardian_ < 0) return errno_error(why, "-c: can't start a process");
  return true;
}

void Child::dismiss_guardian() {
  auto before = signal(SIGPIPE, SIG_IGN);
  char byte = 1;
  [[maybe_unused]] ssize_t told = write(guard_, &byte, 1);  // gone already: then there is nobody to tell
  signal(SIGPIPE, before);
  close_if_open(guard_);
  if (guardian_ > 0) waitpid(std::exchange(guardian_, -1), nullptr, 0);
}

std::optional<int> Child::ended() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

void Child::stop(int milliseconds) {
  if (pid_ < 0 || ended()) return;
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  kill(pid_, SIGTERM);
  if (fd >= 0) {
    pollfd wait{fd, POLLIN, 0};
    poll(&wait, 1, milliseconds);
    close(fd);
  }
  ended();
}

std::string wait_status_text(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("status {}", WEXITSTATUS(status));
}

}  // namespace zeektrace
