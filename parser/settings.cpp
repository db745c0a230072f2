#include "parser/settings.h"

#include <algorithm>
#include <charconv>

namespace zeektrace {
namespace {

std::optional<uint64_t> number_in(std::string_view text) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <uint32_t Settings::*place, uint64_t least, uint64_t most>
bool number(Settings& settings, std::string_view value) {
  auto number = number_in(value);
  if (!number || *number < least || *number > most) return false;
  settings.*place = static_cast<uint32_t>(*number);
  return true;
}

template <bool Settings::*place>
bool flag(Settings& settings, std::string_view value) {
  const bool yes = value == "1" || value == "true", no = value == "0" || value == "false";
  settings.*place = yes;
  return yes || no;
}

bool missing(Settings& settings, std::string_view value) {
  using Missing = Settings::Missing;
  if (value == "error") settings.missing_probes = Missing::error;
  else if (value == "warn") settings.missing_probes = Missing::warn;
  else if (value == "ignore") settings.missing_probes = Missing::ignore;
  else return false;
  return true;
}

bool anything(Settings&, std::string_view) { return true; }
bool only_true(Settings&, std::string_view value) { return value == "1" || value == "true"; }
bool stack_style(Settings& settings, std::string_view value) {
  if (value != "bpftrace" && value != "perf" && value != "raw") return false;
  settings.stack_style = value == "bpftrace" ? "" : value;
  return true;
}
bool trailer(Settings& settings, std::string_view value) {
  settings.str_trunc_trailer = value;
  return true;
}
bool free_licence(Settings&, std::string_view value) { return value.find("GPL") != value.npos; }

constexpr std::string_view no_meaning = "means nothing here: taken for the sake of scripts that have it";
constexpr SettingRow rows[] = {
    {"max_strlen", "a number from 8 to 16384", "bytes that str() reads at most", number<&Settings::max_strlen, 8, 16384>},
    {"max_map_keys", "a number from 1 to 16777216", "keys that a map holds at most",
     number<&Settings::max_map_keys, 1, 16 << 20>},
    {"perf_rb_pages", "a number from 1 to 65536", "pages of the buffer between the kernel and zeektrace",
     number<&Settings::ring_pages, 1, 65536>},
    {"missing_probes", "error, warn or ignore", "what to do about attach points that are not there", missing},
    {"print_maps_on_exit", "true or false", "whether maps are printed at the end", flag<&Settings::print_maps_on_exit>},
    {"show_debug_info", "true or false", "the same as --source", flag<&Settings::show_debug_info>},
    {"stack_mode", "bpftrace, perf or raw", "how stacks are printed that name no style of their own", stack_style},
    {"str_trunc_trailer", "a text", "what is printed behind a text of max_strlen - 1 characters: it was cut, or just fits", trailer},
    {"cpp_demangle", "true", "C++ names are shown as the source has them", only_true},
    {"license", "GPL or a licence compatible with it", "programs are loaded under the GPL", free_licence},
    {"cache_user_symbols", "", no_meaning, anything},
    {"lazy_symbolication", "", no_meaning, anything},
    {"log_size", "", no_meaning, anything},
    {"max_cat_bytes", "", no_meaning, anything},
    {"max_probes", "", no_meaning, anything},
    {"max_bpf_progs", "", no_meaning, anything},
    {"on_stack_limit", "", no_meaning, anything},
    {"unstable_map_decl", "", no_meaning, anything},
    {"unstable_tseries", "", no_meaning, anything},
    {"unstable_dw_ustack", "", no_meaning, anything},
    {"unstable_macro", "", no_meaning, anything},
    {"unstable_import", "", no_meaning, anything},
};

}  // namespace

std::span<const SettingRow> setting_rows() { return rows; }

const SettingRow* find_setting(std::string_view key) {
  std::string name(key);
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (std::string_view prefix : {"bpftrace_", "zeektrace_"})
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  auto row = std::ranges::find(rows, name, &SettingRow::name);
  return row == std::end(rows) ? nullptr : row;
}

}  // namespace zeektrace
