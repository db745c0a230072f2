#include "process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <limits>

namespace zeektrace {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// How long output is awaited from those that outlive the program, before its group is killed and after.
constexpr double afterglow = 0.5;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

bool make_pipe(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  pipe = Pipe{ends[0], ends[1]};
  return true;
}

void close_pipe(const Pipe& pipe) {
  if (pipe.read_end >= 0) close(pipe.read_end);
  if (pipe.write_end >= 0) close(pipe.write_end);
}

// In the child; only returns by leaving.
[[noreturn]] void become(const std::vector<char*>& words, const Pipe& in, const Pipe& out, const Pipe& err,
                         const Pipe& failure) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed runner leaves no tracer behind
  std::signal(SIGPIPE, SIG_DFL);
  const bool connected =
      dup2(in.read_end, 0) == 0 && dup2(out.write_end, 1) == 1 && dup2(err.write_end, 2) == 2;
  if (connected) execv(words[0], words.data());
  const int reason = errno;
  const ssize_t told = write(failure.write_end, &reason, sizeof reason);
  _exit(told < 0 ? 126 : 127);
}

// Reads what there is; false at the end.
bool take_output(int descriptor, std::string& text, bool& flooded) {
  std::array<char, 65536> buffer{};
  const ssize_t got = read(descriptor, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  const size_t room = captured_limit - text.size();
  text.append(buffer.data(), std::min(static_cast<size_t>(got), room));
  flooded = flooded || static_cast<size_t>(got) > room;
  return true;
}

void shut(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

// Whether what the signal waits for has been said.
bool is_told(const Outcome& outcome, const DelayedSignal& signal) {
  if (!signal.text.empty()) return outcome.err.find(signal.text) != std::string::npos;
  return outcome.err.find("Attached") != std::string::npos ||
         outcome.out.find("\"attached_probes\"") != std::string::npos;
}

// One program under watch: what has happened to it so far.
struct Watch {
  Process process;
  std::string input;
  std::optional<DelayedSignal> signal;
  double within = 0;
  Outcome outcome;
  Clock::time_point start = Clock::now();
  std::optional<double> told;  // times in seconds from the start
  std::optional<double> ended;
  std::optional<double> killed;
};

void feed(Watch& watch) {
  const ssize_t put = write(watch.process.in, watch.input.data(), watch.input.size());
  if (put > 0) watch.input.erase(0, static_cast<size_t>(put));
  if (watch.input.empty() || (put < 0 && errno != EAGAIN && errno != EINTR)) shut(watch.process.in);
}

void poll_once(Watch& watch, double timeout) {
  Process& process = watch.process;
  std::array<pollfd, 4> polled = {{{process.out, POLLIN, 0},
                                   {process.err, POLLIN, 0},
                                   {watch.ended ? -1 : process.exited, POLLIN, 0},
                                   {process.in, POLLOUT, 0}}};
  if (poll(polled.data(), polled.size(), static_cast<int>(std::max(timeout, 0.0) * 1000) + 1) <= 0) return;
  Outcome& outcome = watch.outcome;
  if (polled[0].revents != 0 && !take_output(process.out, outcome.out, outcome.flooded)) shut(process.out);
  if (polled[1].revents != 0 && !take_output(process.err, outcome.err, outcome.flooded)) shut(process.err);
  if (polled[2].revents != 0) watch.ended = seconds_since(watch.start);
  if (polled[3].revents != 0) feed(watch);
}

// Sends what is due, and says how long nothing will be. The program is not yet waited for, so its pid and its
// group are still its own.
double act(Watch& watch) {
  const double now = seconds_since(watch.start);
  double wait = std::numeric_limits<double>::max();
  if (watch.signal && !watch.told && is_told(watch.outcome, *watch.signal)) watch.told = now;
  if (watch.signal && watch.told && !watch.ended && !watch.outcome.signalled) {
    const double due = *watch.told + watch.signal->seconds;
    if (now >= due) {
      kill(watch.process.pid, watch.signal->number);
      watch.outcome.signalled = true;
    } else {
      wait = due - now;
    }
  }
  const double end =
      watch.ended ? std::min(*watch.ended + afterglow, watch.within + afterglow) : watch.within;
  if (watch.killed) return std::min(wait, *watch.killed + afterglow - now);
  if (now >= end) {
    watch.outcome.timed_out = !watch.ended;
    kill(-watch.process.pid, SIGKILL);
    watch.killed = now;
    return 0;
  }
  return std::min(wait, end - now);
}

bool is_over(const Watch& watch) {
  if (watch.killed && watch.ended && seconds_since(watch.start) > *watch.killed + afterglow) return true;
  return watch.ended && watch.process.out < 0 && watch.process.err < 0;
}

}  // namespace

std::optional<Process> start(const Command& command, std::string& problem) {
  Pipe in;
  Pipe out;
  Pipe err;
  Pipe failure;
  std::vector<char*> words;
  for (const auto& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const bool piped = make_pipe(in) && make_pipe(out) && make_pipe(err) && make_pipe(failure);
  const pid_t pid = piped ? fork() : -1;
  if (pid < 0) {
    problem = fmt::format("cannot start a process: {}", std::strerror(errno));
    for (const auto& pipe : {in, out, err, failure}) close_pipe(pipe);
    return std::nullopt;
  }
  if (pid == 0) become(words, in, out, err, failure);
  setpgid(pid, pid);  // both sides do it: whoever comes first
  close(in.read_end);
  close(out.write_end);
  close(err.write_end);
  close(failure.write_end);
  int reason = 0;
  const bool failed = read(failure.read_end, &reason, sizeof reason) == sizeof reason;
  close(failure.read_end);
  Process process{pid, static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), in.write_end, out.read_end,
                  err.read_end};
  if (failed || process.exited < 0) {
    problem = failed ? fmt::format("cannot run {}: {}", command.words[0], std::strerror(reason))
                     : fmt::format("pidfd_open: {}", std::strerror(errno));
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    for (int* descriptor : {&process.in, &process.out, &process.err, &process.exited}) shut(*descriptor);
    return std::nullopt;
  }
  for (const int descriptor : {process.in, process.out, process.err}) fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return process;
}

Outcome watch(Process process, const std::string& input, const std::optional<DelayedSignal>& signal,
              double within) {
  Watch state;
  state.process = process;
  state.input = input;
  state.signal = signal;
  state.within = within;
  if (input.empty()) shut(state.process.in);
  while (!is_over(state)) poll_once(state, std::min(act(state), 1.0));
  kill(-process.pid, SIGKILL);  // what it left behind in its group
  int status = 0;
  waitpid(process.pid, &status, 0);
  Outcome& outcome = state.outcome;
  outcome.started = true;
  outcome.status =
      WIFSIGNALED(status) ? ExitStatus{true, WTERMSIG(status)} : ExitStatus{false, WEXITSTATUS(status)};
  outcome.seconds = state.ended.value_or(within);
  for (int* descriptor : {&state.process.in, &state.process.out, &state.process.err, &state.process.exited}) {
    shut(*descriptor);
  }
  return outcome;
}

}  // namespace zeektrace
