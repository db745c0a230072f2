// The memory of a process that runs on, read from outside: words, texts, and the standard library's containers. Nothing
// read there is trusted: what can't be read is 0 or empty and is remembered, walks are bounded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "parser/result.h"

namespace zeektrace {

class ProcessMemory {
 public:
  explicit ProcessMemory(pid_t pid) : pid_(pid) {}

  pid_t pid() const { return pid_; }
  uint64_t word(uint64_t address);
  uint32_t number(uint64_t address);  // an int
  uint8_t byte(uint64_t address);
  // Up to its NUL.
  std::string text(uint64_t address);
  // A std::string (libstdc++ since GCC 5, basic_string.h: pointer, length).
  std::string string(uint64_t address);
  // The nodes of a std::map in its order, each by the address of its key, which stands behind the node's four words
  // (stl_tree.h, _Rb_tree_node_base). `visit` gives false to stop.
  void each_of_map(uint64_t map, const std::function<bool(uint64_t key)>& visit);

  // Since the last call: nothing when all reads went well.
  Status status();

 private:
  bool read(uint64_t address, void* to, size_t size);

  pid_t pid_;
  uint64_t failed_at_ = 0;
  int failed_ = 0;  // errno
};

}  // namespace zeektrace
