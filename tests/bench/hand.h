// The yardstick: programs written by hand in BPF C (hand/hand.bpf.c), loaded and attached with libbpf.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct bpf_object;

namespace zeektrace {

class Hand {
 public:
  // Null when the kernel has no uprobe sessions or refuses; `problem` says why.
  static std::unique_ptr<Hand> load(const std::string& object, std::string& problem);
  ~Hand();
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;

  // On the function at this offset of the file; as a session where the program's name begins with "session".
  bool attach(const std::string& program, const std::string& file, uint64_t offset);

 private:
  explicit Hand(bpf_object* object) : object_(object) {}
  bpf_object* object_;
};

// Where a function stands in its file; 0 when it is not there.
uint64_t function_offset(const std::string& file, const std::string& function);

}  // namespace zeektrace
