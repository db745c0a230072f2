// The ways of tracing that `zeektrace bench` compares: a row each, with what it asks for and what it can break. What a way
// costs is measured; what the other columns say comes from the kernel's sources and from measurements on 6.18
// (ARCHITECTURE.md, "Decisions").
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "src/commands/bench_target.h"

namespace zeektrace {

struct Technique {
  enum class Way : uint8_t {
    call,    // the function as it is, beside bench_plain: nothing is attached
    probe,   // the script is armed while the function is called
    sample,  // the script is armed while the process computes
    stop,    // the process is stopped by ptrace while it computes
  };
  std::string_view name;
  Way way = Way::probe;
  TargetFunction function = TargetFunction::plain;
  std::string_view script;  // $1 is the measured program's path
  std::string_view needs;
  std::string_view breaks;
};
std::span<const Technique> bench_techniques();

// How often the process is sampled while that is measured: far more often than one would, so that it can be told from what
// else makes a computation slower. It must be what the script says.
constexpr int samples_a_second = 4999;
// For who reads the table.
constexpr std::string_view bench_legend =
    "root: or CAP_BPF and CAP_PERFMON. a recompile: such instructions, or probes, are the compiler's or the author's choice.\n"
    "Timing: single-stepped instructions cost a debug exception, in a virtual machine many times what they cost outside.\n";

}  // namespace zeektrace
