#include "running.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace zeektrace {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::unique_ptr<Running> Running::start(const std::vector<std::string>& words, const std::string& output) {
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0) return nullptr;
  if (pipe2(from, O_CLOEXEC) != 0) return close(to[0]), close(to[1]), nullptr;
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], 0);
  posix_spawn_file_actions_adddup2(&actions, from[1], 2);
  if (output.empty())
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
  else
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = -1;
  const int failure = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(to[0]);
  close(from[1]);
  if (failure == 0) return std::unique_ptr<Running>(new Running(pid, to[1], from[0]));
  close(to[1]);
  close(from[0]);
  return nullptr;
}

Running::~Running() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(input_);
  close(output_);
}

bool Running::read_more(double seconds) {
  pollfd ready{output_, POLLIN, 0};
  if (poll(&ready, 1, static_cast<int>(seconds * 1000) + 1) <= 0) return false;
  std::array<char, 4096> piece;
  const ssize_t length = read(output_, piece.data(), piece.size());
  if (length <= 0) return false;
  said_.append(piece.data(), static_cast<size_t>(length));
  line_.append(piece.data(), static_cast<size_t>(length));
  return true;
}

bool Running::says(const std::string& wanted, double seconds) {
  const auto start = Clock::now();
  while (said_.find(wanted) == std::string::npos)
    if (seconds_since(start) > seconds || !read_more(seconds - seconds_since(start))) return false;
  return true;
}

std::optional<std::string> Running::line(double seconds) {
  const auto start = Clock::now();
  while (line_.find('\n') == std::string::npos)
    if (seconds_since(start) > seconds || !read_more(seconds - seconds_since(start))) return std::nullopt;
  const size_t end = line_.find('\n');
  std::string line = line_.substr(0, end);
  line_.erase(0, end + 1);
  return line;
}

bool Running::tell(const std::string& line) {
  return write(input_, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

bool Running::end(double seconds) {
  kill(pid_, SIGINT);
  const auto start = Clock::now();
  const int ending = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  bool ended = false;
  while (!ended && seconds_since(start) < seconds) {
    while (read_more(0)) {
    }
    pollfd end{ending, POLLIN, 0};
    ended = poll(&end, 1, 20) == 1;
  }
  while (read_more(0)) {
  }
  close(ending);
  if (!ended) kill(pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

double Running::cpu_ns() const {
  double sum = 0;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", error)) {
    std::ifstream file(task.path() / "schedstat");
    double ran = 0;
    file >> ran;
    sum += ran;
  }
  return sum;
}

}  // namespace zeektrace
