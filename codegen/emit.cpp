#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "codegen/object.h"
#include "codegen/program_emitter.h"

namespace zeektrace {

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
  constexpr uint32_t busy_word = 8;
  if (scratch) module.define_scratch(busy_word + scratch);
  return module.finish();
}

}  // namespace zeektrace
