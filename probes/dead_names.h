// Names that the kernel side has read of processes (zt_names, codegen/names.bpf.c) stay there while the process lives. This frees
// the places of those that have ended. What belongs to one that lives is never touched: its programs may be looking at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "parser/result.h"
#include "probes/map_io.h"

namespace zeektrace {

constexpr std::string_view known_name_map = "zt_names";

constexpr size_t most_known_names = 16384;

// struct known_text and known_name there.
struct KnownText {
  uint64_t size;
  char text[256];
};
struct alignas(64) KnownName {
  uint64_t process;  // 0: nobody's
  uint64_t slot, life;
  KnownText name;
};

// Processes are known by their numbers here, so the map's must be of our PID namespace. How many places are in use then; whether
// hardly one is left: then some names are read anew each time.
size_t forget_dead_names(std::span<KnownName> names);
Result<bool> forget_dead_names(const KernelMap& map);

}  // namespace zeektrace
