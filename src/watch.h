// Everything that can wake a session: a signal that ends it, the end of a process, an urgent message, a time.
// One epoll; signals come as events, not as interruptions.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <vector>

#include "parser/result.h"

namespace zeektrace {

class Watch {
 public:
  // Blocks SIGINT, SIGTERM and SIGHUP: from now on they are events. SIGPIPE is ignored.
  static Result<Watch> make();
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&&) = delete;
  ~Watch();

  Status add_process(pid_t pid);
  Status add_messages(int fd);
  // Descriptors that tell of code: newly mapped, or met by a walk of a stack.
  Status add_code(int fd);

  // From now on these signals are told, each by its number.
  Status add_signals(const std::vector<int>& numbers);

  struct Events {
    bool signal = false;
    std::vector<int> told;  // of add_signals()
    bool process_ended = false;
    bool message = false;
    bool code = false;
  };
  // Returns at the first event, or when the time is over (never, without one).
  Result<Events> wait(std::optional<std::chrono::milliseconds> most);

  // Whether a signal is waiting to be told.
  bool signal_waiting() const;

  // No more events: the next signal ends the process at once, with status 128 and its number.
  void signals_end_at_once();

 private:
  Watch(int epoll, int signals) : epoll_(epoll), signals_(signals) {}
  Status add(int fd, uint32_t what);
  int epoll_ = -1;
  int signals_ = -1;
  int told_ = -1;  // signals of add_signals()
  std::vector<int> processes_;
};

}  // namespace zeektrace
