#include "src/perf_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "src/files.h"

namespace zeektrace {
namespace {

constexpr size_t largest = size_t{64} << 20;

uint64_t take_hexadecimal(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (line.starts_with("0x")) line.remove_prefix(2);
  uint64_t value = 0;
  auto end = std::from_chars(line.data(), line.data() + line.size(), value, 16).ptr;
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  return value;
}

// The process's number where it lives: the last one of its NSpid.
std::string number_of(pid_t pid) {
  auto status = read_file(fmt::format("/proc/{}/status", pid));
  if (!status) return fmt::to_string(pid);
  size_t line = status->find("\nNSpid:");
  if (line == std::string::npos) return fmt::to_string(pid);
  std::string_view numbers = std::string_view(*status).substr(line + 1);
  numbers = numbers.substr(0, numbers.find('\n'));
  return std::string(numbers.substr(numbers.find_last_of(" \t") + 1));
}

}  // namespace

PerfMap PerfMap::of(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/root/tmp/perf-{}.map", pid, number_of(pid)), largest);
  if (!text) text = read_file(fmt::format("/tmp/perf-{}.map", pid), largest);
  return text ? parse(std::move(*text)) : PerfMap();
}

PerfMap PerfMap::parse(std::string text) {
  PerfMap map;
  map.text_ = std::move(text);
  std::string_view all = map.text_;
  for (size_t at = 0; at < all.size();) {
    std::string_view line = all.substr(at, all.find('\n', at) - at);
    at += line.size() + 1;
    uint64_t begin = take_hexadecimal(line), size = take_hexadecimal(line);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (size == 0 || line.empty()) continue;
    map.rows_.push_back({begin, size, static_cast<size_t>(line.data() - all.data()), line.size()});
  }
  // Those that are written last come last among equals.
  std::stable_sort(map.rows_.begin(), map.rows_.end(), [](const Row& a, const Row& b) { return a.begin < b.begin; });
  return map;
}

std::optional<PerfMap::Found> PerfMap::find(uint64_t address) const {
  auto after = std::upper_bound(rows_.begin(), rows_.end(), address,
                                [](uint64_t wanted, const Row& row) { return wanted < row.begin; });
  if (after == rows_.begin()) return std::nullopt;
  const Row& row = after[-1];
  if (address - row.begin >= row.size) return std::nullopt;
  return Found{std::string_view(text_).substr(row.name, row.length), address - row.begin};
}

}  // namespace zeektrace
