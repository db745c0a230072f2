// The process that `zeektrace bench` measures: bench_target.c, which this program carries with it, run from memory, so that
// nothing has to be installed. It is our child, is told which function to call how often, and says how long that took.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>

#include "parser/result.h"

namespace zeektrace {

// In the order of `functions` in bench_target.c.
enum class TargetFunction : uint32_t { plain, interposed, nop, push, step, returns, syscall, usdt, spin };

class BenchTarget {
 public:
  static Result<BenchTarget> start();
  BenchTarget(BenchTarget&& other) noexcept;
  BenchTarget& operator=(BenchTarget&&) = delete;
  ~BenchTarget();

  pid_t pid() const { return pid_; }
  // Nanoseconds of its processor time that this many calls took: what else runs here is not in it. An Error when the process has ended.
  Result<uint64_t> call(TargetFunction function, uint32_t calls);
  // The same in two steps, for what we do to it meanwhile: order(), then took().
  Status order(TargetFunction function, uint32_t calls);
  Result<uint64_t> took();
  bool has_answered(int milliseconds) const;

 private:
  BenchTarget(pid_t pid, int orders, int answers) : pid_(pid), orders_(orders), answers_(answers) {}
  pid_t pid_ = -1;
  int orders_ = -1;
  int answers_ = -1;
};

}  // namespace zeektrace
