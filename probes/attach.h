// What a mechanism's attach() is given, and what it gives back.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "parser/program.h"
#include "parser/registry.h"
#include "parser/result.h"

struct bpf_program;

namespace zeektrace {

class Machine;

struct AttachRequest {
  bpf_program* program = nullptr;  // loaded
  const Probe& probe;
  Machine& machine;
};

// A place that is not probed although the script asks for it, beside others that are.
struct Skipped {
  std::string place;
  std::string why;
  bool whole_point = true;  // false: one of several places of an attach point
};

// Things that keep a probe armed: bpf_links and perf events, by file descriptor. Closing them disarms it; the kernel
// takes 20 to 100 ms for some, so close_all() closes them side by side.
class Links {
 public:
  Links() = default;
  Links(Links&& other) noexcept
      : fds_(std::exchange(other.fds_, {})),
        skipped_(std::exchange(other.skipped_, {})),
        notes_(std::exchange(other.notes_, {})) {}
  Links& operator=(Links&& other) noexcept;
  ~Links() { close_all(); }
  void add(int fd) { fds_.push_back(fd); }
  void take(Links&& other);
  // One of many places that a glob named and that can't be probed: the others are armed, and this one is told.
  void skip(Skipped place) { skipped_.push_back(std::move(place)); }
  const std::vector<Skipped>& skipped() const { return skipped_; }
  // A sentence that the user should read before the answers.
  void note(std::string sentence) { notes_.push_back(std::move(sentence)); }
  const std::vector<std::string>& notes() const { return notes_; }
  size_t size() const { return fds_.size(); }
  void close_all();

 private:
  std::vector<int> fds_;
  std::vector<Skipped> skipped_;
  std::vector<std::string> notes_;
};

}  // namespace zeektrace
