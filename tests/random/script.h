// Random scripts that are valid: the same text for the same seed. They name functions of tests/targets/tally (their
// arguments are numbers and texts), tracepoints where the machine has them, timers, BEGIN and END.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace zeektrace {

struct Surroundings {
  std::string tally;             // path of the program
  bool has_tracepoints = false;   // this kernel's can be read
  bool has_kernel_types = false;  // it has BTF
};

// Numbers of a seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t limit) { return engine_() % limit; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  uint64_t word() { return engine_(); }
  // Any of them.
  template <class List>
  const auto& pick(const List& list) {
    return *(std::begin(list) + static_cast<std::ptrdiff_t>(below(std::size(list))));
  }

 private:
  std::mt19937_64 engine_;
};

// A number as somebody would test with: small, at the edge of a width, or anything.
uint64_t telling_number(Dice& dice);

std::string random_script(uint64_t seed, const Surroundings& surroundings);

}  // namespace zeektrace
