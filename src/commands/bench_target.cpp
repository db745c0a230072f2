#include "src/commands/bench_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

extern "C" const char zeektrace_bench_target_begin[];
extern "C" const char zeektrace_bench_target_end[];

namespace zeektrace {
namespace {

struct Order {
  uint32_t function;
  uint32_t calls;
};

void close_all(std::initializer_list<int> fds) {
  for (int fd : fds) {
    if (fd >= 0) close(fd);
  }
}

// In the child: the pipes become its standard input and output.
[[noreturn]] void become(int program, int orders, int answers) {
  if (dup2(orders, STDIN_FILENO) < 0 || dup2(answers, STDOUT_FILENO) < 0) _exit(126);
  char name[] = "zeektrace-bench";
  std::array<char*, 2> arguments = {name, nullptr};
  std::array<char*, 1> environment = {nullptr};
  fexecve(program, arguments.data(), environment.data());
  _exit(127);
}

}  // namespace

Result<BenchTarget> BenchTarget::start() {
  std::array<int, 2> orders = {-1, -1}, answers = {-1, -1};
  int program = memfd_create("zeektrace-bench", MFD_CLOEXEC);
  auto size = zeektrace_bench_target_end - zeektrace_bench_target_begin;
  bool ready = program >= 0 && write(program, zeektrace_bench_target_begin, static_cast<size_t>(size)) == size &&
               pipe2(orders.data(), O_CLOEXEC) == 0 && pipe2(answers.data(), O_CLOEXEC) == 0;
  pid_t pid = ready ? fork() : -1;
  if (pid == 0) become(program, orders[0], answers[1]);
  int why = errno;
  close_all({program, orders[0], answers[1]});
  if (pid < 0) {
    close_all({orders[1], answers[0]});
    return errno_error(why, "can't start the process that is to be measured");
  }
  BenchTarget target(pid, orders[1], answers[0]);
  if (auto first = target.call(TargetFunction::plain, 1); !first) return first.error();
  return target;
}

BenchTarget::BenchTarget(BenchTarget&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      orders_(std::exchange(other.orders_, -1)),
      answers_(std::exchange(other.answers_, -1)) {}

BenchTarget::~BenchTarget() {
  close_all({orders_, answers_});  // the end of its input is its own
  if (pid_ > 0) waitpid(pid_, nullptr, __WALL);
}

Result<uint64_t> BenchTarget::call(TargetFunction function, uint32_t calls) {
  if (auto status = order(function, calls); !status) return status.error();
  return took();
}

Status BenchTarget::order(TargetFunction function, uint32_t calls) {
  Order order{static_cast<uint32_t>(function), calls};
  auto before = signal(SIGPIPE, SIG_IGN);
  bool written = write(orders_, &order, sizeof order) == sizeof order;
  int why = errno;
  signal(SIGPIPE, before);
  if (!written) return errno_error(why, "the process that is measured has ended");
  return Nothing{};
}

Result<uint64_t> BenchTarget::took() {
  uint64_t nanoseconds = 0;
  ssize_t length;
  do {
    length = read(answers_, &nanoseconds, sizeof nanoseconds);
  } while (length < 0 && errno == EINTR);
  if (length == sizeof nanoseconds) return nanoseconds;
  return Error{Error::Kind::machine, "the process that is measured has ended",
               "it runs from memory (memfd_create): sysctl vm.memfd_noexec must not be 2", {}};
}

bool BenchTarget::has_answered(int milliseconds) const {
  pollfd answer{answers_, POLLIN, 0};
  return poll(&answer, 1, milliseconds) == 1;
}

}  // namespace zeektrace
