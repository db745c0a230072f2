// What can be set by `config = { key = value; }` and, under the names ZEEKTRACE_KEY and BPFTRACE_KEY, in the environment,
// which wins: one row each. Keys that today's bpftrace has and that mean nothing here are rows, too, so that scripts with them
// run; a value that asks for what there is not is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zeektrace {

struct Settings {
  enum class Missing : uint8_t { error, warn, ignore };
  uint32_t max_strlen = 1024;      // bytes that str() reads at most, the NUL included
  uint32_t max_map_keys = 4096;
  uint32_t ring_pages = 0;         // of the buffer between the kernel and us; 0: as many as there must be
  Missing missing_probes = Missing::error;
  bool print_maps_on_exit = true;
  bool show_debug_info = false;    // as --source
  std::string stack_style;          // of stacks that name none, as Type::name has it: "" (ours), "perf", "raw"
  std::string str_trunc_trailer = "..";  // behind a text that was cut
};

struct SettingRow {
  std::string_view name;  // in lower case
  std::string_view values;  // as a message says what it can be
  std::string_view doc;
  bool (*apply)(Settings&, std::string_view value);
};
std::span<const SettingRow> setting_rows();

// "max_strlen" of "max_strlen", "MAX_STRLEN", "BPFTRACE_MAX_STRLEN"; null when there is no such key.
const SettingRow* find_setting(std::string_view key);

}  // namespace zeektrace
