// What the fuzzers have in common: a script from bytes, and surroundings that neither read the machine nor touch it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "parser/result.h"
#include "probes/machine.h"
#include "tests/golden/shapes.h"

namespace zeektrace {

inline Source script_of(const uint8_t* data, size_t size) {
  return Source("fuzz.bt", std::string(reinterpret_cast<const char*>(data), size));
}

// Providers that open no file which the script names: a fuzzer would get at devices and pipes.
inline std::span<const Provider> harmless_providers() {
  static const std::vector<Provider> rows = [] {
    constexpr std::array names = {"BEGIN", "END", "interval", "profile", "software", "hardware", "tracepoint"};
    std::vector<Provider> kept;
    for (const char* name : names) {
      if (const Provider* row = find_provider(all_providers(), name)) kept.push_back(*row);
    }
    return kept;
  }();
  return with_shapes(rows);
}

inline Machine::Settings harmless_settings() {
  Machine::Settings settings;
  settings.tracefs = ZEEKTRACE_TRACEFS;
  return settings;
}

inline CheckOptions fuzzed_options() {
  CheckOptions options;
  options.params = {"5", "text", ""};
  options.unsafe = true;
  return options;
}

inline void errors_are_short(const Source& source, const Diagnostics& diagnostics) {
  constexpr size_t a_screen = 8192;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (render(source, diagnostic).size() > a_screen) bug("an error that fills the screen");
  }
}

}  // namespace zeektrace
