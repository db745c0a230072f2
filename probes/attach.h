// What a mechanism's attach() is given, and what it gives back.
#pragma once

#include <functional>
#include <span>
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
  Links(Links&& other) noexcept : fds_(std::exchange(other.fds_, {})) {}
  Links& operator=(Links&& other) noexcept;
  ~Links() { close_all(); }
  void add(int fd) { fds_.push_back(fd); }
  void take(Links&& other);
  size_t size() const { return fds_.size(); }
  void close_all();

 private:
  std::vector<int> fds_;
};

}  // namespace zeektrace
