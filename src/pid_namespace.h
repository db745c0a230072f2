// Process ids where zeektrace or the traced process runs in a PID namespace of its own (a container): the kernel's BPF side
// counts in its initial namespace, /proc and the user in ours.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "parser/program.h"
#include "parser/result.h"

namespace zeektrace {

// Nothing when we run in the kernel's initial namespace.
std::optional<PidNamespace> own_pid_namespace();

// What to compare in the kernel so that this process (a number of ours) is meant.
struct OnlyPid {
  uint32_t pid = 0;
  std::optional<PidNamespace> in;
};
Result<OnlyPid> only_process(pid_t pid);

// Nothing when /proc tells of the same processes that our numbers mean.
Status check_proc();

}  // namespace zeektrace
