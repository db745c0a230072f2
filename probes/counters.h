// The counts that pmc() reads: for each event of the script a perf event on every CPU, counting while the
// script runs.
#pragma once

#include "parser/program.h"
#include "parser/result.h"

struct bpf_object;

namespace zeektrace {

// Opens the events and puts them into their maps, which keep them. An Error when the machine can't count one
// of them, or not all of them at once.
Status open_counters(const Program& program, bpf_object* object);

}  // namespace zeektrace
