// How uprobes are armed: one link for all places in a binary (uprobe_multi, Linux 6.6), or a perf event for
// each place.
#pragma once

#include "parser/registry.h"

namespace zeektrace {

class Features;

const Mechanism& uprobe_mechanism(Features& features, bool at_return, bool one_process);

}  // namespace zeektrace
