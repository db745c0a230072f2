// How uprobes are armed: one link for all places in a binary (uprobe_multi, Linux 6.6), or a perf event for
// each place.
#pragma once

#include "parser/registry.h"

namespace zeektrace {

class Features;

enum class UprobeKind {
  place,          // at the very place that is named
  entry,          // a function's entry, or what does in its place
  kernel_return,  // its return, by the kernel's uretprobe
  exits,          // its return, by a uprobe wherever it is left
  entry_of_something,  // the same as entry, but for calls whose first argument is 0
};
const Mechanism& uprobe_mechanism(Features& features, UprobeKind kind, bool one_process);

}  // namespace zeektrace
