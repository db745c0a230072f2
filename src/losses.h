// What the kernel side could not hand over, in sentences: of each kind how many, and where it matters in which probe and
// line of the script, or of which map.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "parser/program.h"
#include "src/output/output.h"

namespace zeektrace {

// Kind by kind, the most frequent first; of the many places of a script those with few losses are told as one. `count_of`
// gives what a cell of the counters' map says, `missed_by` how often the kernel did not run a probe's program.
std::vector<Loss> losses(const Program& program, std::span<const LossSite> sites,
                         const std::function<uint64_t(uint32_t cell)>& count_of,
                         const std::function<uint64_t(size_t probe)>& missed_by);

}  // namespace zeektrace
