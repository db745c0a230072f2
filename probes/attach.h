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

// Things that keep a probe armed: bpf_links and perf events, by file descriptor. Closing them disarms it; the kernel
// takes 20 to 100 ms for some, so close_all() closes them side by side.
class Links {
 public:
  Links() = default;
  Links(Links&& other) noexcept
      : fds_(std::exchange(other.fds_, {})), skipped_(std::exchange(other.skipped_, {})) {}
  Links& operator=(Links&& other) noexcept;
  ~Links() { close_all(); }
  void add(int fd) { fds_.push_back(fd); }
  void take(Links&& other);
  // One of many places that a glob named and the kernel refuses: the others are armed, and this one is told.
  void skip(std::string place) { skipped_.push_back(std::move(place)); }
  const std::vector<std::string>& skipped() const { return skipped_; }
  size_t size() const { return fds_.size(); }
  void close_all();

 private:
  std::vector<int> fds_;
  std::vector<std::string> skipped_;
};

}  // namespace zeektrace
