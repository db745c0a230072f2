// Process → name of the node of a Zeek cluster, also for processes that have ended since. A node that its supervisor has
// forked gets its name a moment after it is there, so a process is asked again as long as it has none.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace zeektrace {

class NodeNames {
 public:
  // `look_up` asks a living process: "" when it is no node, or has gone.
  explicit NodeNames(std::function<std::string(pid_t)> look_up) : look_up_(std::move(look_up)) {}

  // Is told of each process that has got a name, and of each ("") that has none any more: it ended, or runs another program.
  void tell(std::function<void(pid_t, const std::string& name)> told) { told_ = std::move(told); }

  // There is such a process, or it runs another program now.
  void appeared(pid_t pid);
  // It is ending: its last name is kept.
  void ended(pid_t pid);
  // Asks those again that have appeared and have no name yet.
  void ask_again();

  // "worker-1"; "pid 4711" for a process that is no node.
  std::string name(uint32_t tgid);

 private:
  bool ask(pid_t pid);

  std::function<std::string(pid_t)> look_up_;
  std::function<void(pid_t, const std::string&)> told_ = [](pid_t, const std::string&) {};
  std::map<pid_t, std::string> names_;
  std::map<pid_t, int> nameless_;  // how often they were asked
};

}  // namespace zeektrace
