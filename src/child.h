// The command of -c: started before anything is attached, held back until release(), so that not one of its
// instructions runs unseen. It stays in our process group (Ctrl-C reaches it as under a shell), inherits none
// of our descriptors, and never runs when we end before release().
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parser/result.h"

namespace zeektrace {

// Words as a shell splits them: blanks divide, '…' and "…" hold together, a backslash takes the next
// character as it is. Nothing is expanded.
Result<std::vector<std::string>> split_words(std::string_view text);

class Child {
 public:
  // Finds the program (PATH, when the name has no slash) and forks.
  static Result<Child> start(std::vector<std::string> words);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  const std::string& program() const { return program_; }  // its path
  pid_t pid() const { return pid_; }
  // Lets it run, from where it is held. An Error when the system refuses to execute it.
  Status release();
  // Once it has been let run: waits until something has stopped it (SIGSTOP), and holds it there. Should we end before the
  // next release(), however that is, it goes on. False when it has ended in place of that.
  Result<bool> hold_stopped();
  bool is_stopped() const { return guard_ >= 0; }
  // The wait status, once it has ended.
  std::optional<int> ended();
  // SIGTERM, when it still runs, and a short while for it to end.
  void stop(int milliseconds);

 private:
  void dismiss_guardian();
  Child(pid_t pid, int go, int failure, std::string program)
      : pid_(pid), go_(go), failure_(failure), program_(std::move(program)) {}
  pid_t pid_ = -1;
  int go_ = -1;       // the child waits for a byte from here
  int guard_ = -1;    // of the process that lets it go on should we end: it waits for our end of this pipe
  pid_t guardian_ = -1;
  int failure_ = -1;  // errno of a failed execve comes from here; end of file when it worked
  std::string program_;
  std::optional<int> status_;
};

// "status 3", "signal 11 (Segmentation fault)"
std::string wait_status_text(int status);

}  // namespace zeektrace
