// How functions of the kernel are probed: one link for many (kprobe_multi), a perf event for each place, or,
// where the kernel has no kprobes and only system calls are wanted, the raw tracepoints at their entry and
// exit.
#pragma once

#include "parser/registry.h"

namespace zeektrace {

class Features;

// `whole_functions`: no offsets (a kprobe_multi link takes function entries only).
const Mechanism& kprobe_mechanism(Features& features, bool at_return, bool whole_functions);
const Mechanism& raw_syscall_mechanism(bool at_return);
bool is_raw_syscall(const Mechanism& how);

}  // namespace zeektrace
