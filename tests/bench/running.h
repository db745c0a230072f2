// A program that runs beside the bench: started with pipes, spoken to, and ended. Promises: it is killed when it is not
// ended well, and nobody is waited for longer than said.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zeektrace {

class Running {
 public:
  // Its standard error goes to our reader, its standard output too unless `output` names a file.
  static std::unique_ptr<Running> start(const std::vector<std::string>& words, const std::string& output = "");
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // Whether it said this, on stdout or stderr, within so many seconds.
  bool says(const std::string& wanted, double seconds);
  // Its next line, without the line break.
  std::optional<std::string> line(double seconds);
  bool tell(const std::string& line);
  // SIGINT, and its end. False when it had to be killed, or failed.
  bool end(double seconds);
  // Processor time of all its threads so far.
  double cpu_ns() const;
  const std::string& said() const { return said_; }
  pid_t pid() const { return pid_; }

 private:
  Running(pid_t pid, int input, int output) : pid_(pid), input_(input), output_(output) {}
  bool read_more(double seconds);
  pid_t pid_;
  int input_, output_;
  std::string said_, line_;
};

}  // namespace zeektrace
