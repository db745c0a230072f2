#include "process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

namespace zeektrace {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Both of its streams go to `output`; it reads nothing. 0, or an errno.
int spawn(const std::vector<std::string>& words, int output, pid_t& pid) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  int why = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return why;
}

// Reads until the text has been said, the program has closed its streams, or the time is over. True: it was
// said.
bool hear(int fd, const std::string& wanted, Clock::time_point start, double until_ms, std::string& said) {
  std::array<char, 4096> piece;
  while (true) {
    pollfd input{fd, POLLIN, 0};
    double left = until_ms - ms_since(start);
    if (left <= 0 || poll(&input, 1, static_cast<int>(left) + 1) < 0) return false;
    if (input.revents == 0) continue;
    ssize_t length = read(fd, piece.data(), piece.size());
    if (length <= 0) return false;
    said.append(piece.data(), static_cast<size_t>(length));
    if (!wanted.empty() && said.find(wanted) != std::string::npos) return true;
  }
}

// Its end, by the clock; false when it had to be killed. It is not waited for yet.
bool await_end(pid_t pid, double left_ms) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  pollfd end{fd, POLLIN, 0};
  bool ended = poll(&end, 1, left_ms > 0 ? static_cast<int>(left_ms) + 1 : 0) == 1;
  if (!ended) kill(pid, SIGKILL);
  close(fd);
  return ended;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::optional<Figures> measure(const Run& run, std::string& problem) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return problem = std::strerror(errno), std::nullopt;
  Figures figures;
  double limit_ms = run.seconds * 1000.0;
  pid_t pid = -1;
  auto start = Clock::now();
  int why = spawn(run.words, ends[1], pid);
  close(ends[1]);
  if (why != 0) {
    close(ends[0]);
    problem = fmt::format("cannot run {}: {}", run.words[0], std::strerror(why));
    return std::nullopt;
  }
  std::string said;
  bool ready = hear(ends[0], run.ready, start, limit_ms, said);
  Clock::time_point signalled = start;
  if (ready) {
    figures.ready_ms = ms_since(start);
    usleep(static_cast<useconds_t>(run.settle_ms * 1000));
    signalled = Clock::now();
    kill(pid, SIGINT);
    hear(ends[0], "", start, limit_ms, said);  // or a full pipe would hold it up
  }
  bool ended = await_end(pid, limit_ms - ms_since(start));
  figures.total_ms = ms_since(start);
  figures.leave_ms = ms_since(signalled);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(pid, &status, 0, &usage);
  figures.peak_mb = static_cast<double>(usage.ru_maxrss) / 1024;
  bool well = ended && ready == !run.ready.empty() && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (well) return figures;
  problem = fmt::format("{} {}: {}", run.words[0], ended ? "failed" : "was too slow", first_line(said));
  return std::nullopt;
}

}  // namespace zeektrace
