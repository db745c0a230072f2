#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "codegen/object.h"
#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

constexpr uint32_t busy_word = 8;
// A per-CPU value is at most PCPU_MIN_UNIT_SIZE long, include/linux/percpu.h.
constexpr uint32_t most_scratch = (32 << 10) - busy_word;

}  // namespace

Result<Object> emit(const Program& program, std::span<const Builtin> builtins) {
  BpfModule module(program);
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  uint64_t start_time = uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
  // Every map of the script exists, even one that no program reaches any more: it is read at the end.
  for (const MapDef& map : program.maps)
    if (map.value.kind != Type::Kind::none) module.map(bpf_map_name(map), shape_of(map));
  uint32_t scratch = 0;
  for (const Probe& probe : program.probes) {
    ProgramEmitter emitter(module, program, builtins, probe, start_time);
    emitter.emit();
    scratch = std::max(scratch, emitter.scratch_size());
  }
  if (scratch > most_scratch)
    return Error{Error::Kind::script,
                 fmt::format("the texts of one statement take {} bytes; at most {} fit", scratch, most_scratch),
                 "read less of each, such as str(p, 64), set ZEEKTRACE_MAX_STRLEN, or use several statements", nullptr};
  if (scratch) module.define_scratch(busy_word + scratch);
  return module.finish();
}

}  // namespace zeektrace
