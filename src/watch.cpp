#include "src/watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

namespace zeektrace {
namespace {

constexpr std::array ending_signals = {SIGINT, SIGTERM, SIGHUP};
enum What : uint32_t { signal_came, process_ended, message_came, code_came, told_came };

sigset_t ending_set() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : ending_signals) sigaddset(&set, number);
  return set;
}

// timeout(1) sends its signal to the program and to its process group: two that come together are one wish.
constexpr int64_t together_ns = 500'000'000;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// When the first one came. A signal's handler can be told in no other way.
std::atomic<int64_t> first_signal_ns = 0;

void leave(int number) {
  if (now_ns() - first_signal_ns < together_ns) return;
  constexpr char word[] = "interrupted: not all answers were printed\n";
  (void)!write(STDERR_FILENO, word, sizeof word - 1);
  _exit(128 + number);
}

}  // namespace

Result<Watch> Watch::make() {
  sigset_t ending = ending_set();
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  Watch watch(epoll_create1(EPOLL_CLOEXEC), signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
  if (watch.epoll_ < 0 || watch.signals_ < 0) {
    return errno_error(errno, "can't watch for signals");
  }
  if (auto status = watch.add(watch.signals_, signal_came); !status) return status.error();
  return watch;
}

Watch::Watch(Watch&& other) noexcept
    : epoll_(std::exchange(other.epoll_, -1)),
      signals_(std::exchange(other.signals_, -1)),
      told_(std::exchange(other.told_, -1)),
      processes_(std::exchange(other.processes_, {})) {}

Watch::~Watch() {
  for (int fd : processes_) close(fd);
  if (signals_ >= 0) close(signals_);
  if (told_ >= 0) close(told_);
  if (epoll_ >= 0) close(epoll_);
}

Status Watch::add(int fd, uint32_t what) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = what;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
    return errno_error(errno, "can't watch a descriptor");
  return Nothing{};
}

Status Watch::add_process(pid_t pid) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno_error(errno, fmt::format("can't watch process {}", pid), "has it just ended?");
  processes_.push_back(fd);
  return add(fd, process_ended);
}

Status Watch::add_signals(const std::vector<int>& numbers) {
  if (numbers.empty()) return Nothing{};
  sigset_t set;
  sigemptyset(&set);
  for (int number : numbers) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  told_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (told_ < 0) return errno_error(errno, "can't watch for signals");
  return add(told_, told_came);
}

Status Watch::add_messages(int fd) { return add(fd, message_came); }
Status Watch::add_code(int fd) { return add(fd, code_came); }

Result<Watch::Events> Watch::wait(std::optional<std::chrono::milliseconds> most) {
  std::array<epoll_event, 8> ready;
  int count = epoll_wait(epoll_, ready.data(), ready.size(), most ? static_cast<int>(most->count()) : -1);
  if (count < 0 && errno != EINTR) return errno_error(errno, "can't wait for events");
  Events events;
  for (int i = 0; i < count; ++i) {
    switch (ready[static_cast<size_t>(i)].data.u32) {
      case signal_came: events.signal = true; break;
      case process_ended: events.process_ended = true; break;
      case code_came: events.code = true; break;
      case told_came:
        for (signalfd_siginfo info; read(told_, &info, sizeof info) > 0;) events.told.push_back(static_cast<int>(info.ssi_signo));
        break;
      default: events.message = true; break;
    }
  }
  return events;
}

bool Watch::signal_waiting() const {
  pollfd wait{signals_, POLLIN, 0};
  return poll(&wait, 1, 0) == 1;
}

void Watch::signals_end_at_once() {
  // Those that have come already asked for the end that is now under way.
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) > 0) {
  }
  first_signal_ns = now_ns();
  for (int number : ending_signals) std::signal(number, leave);
  sigset_t set = ending_set();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace zeektrace
