// uprobe:BINARY@FILE:LINE, a line of the source.
#include "probes/uprobe_line.h"

#include <fmt/format.h>

#include <charconv>

#include "probes/binary_path.h"
#include "probes/dwarf_lines.h"
#include "probes/inside.h"
#include "probes/uprobe_attach.h"

namespace zeektrace {

std::optional<SourceLine> source_line(std::string_view binary, std::string_view after_colon) {
  const size_t at = binary.rfind('@');
  uint32_t line = 0;
  const char* end = after_colon.data() + after_colon.size();
  const auto [stop, error] = std::from_chars(after_colon.data(), end, line);
  const bool is_number = !after_colon.empty() && error == std::errc() && stop == end;
  if (at == std::string_view::npos || at == 0 || at + 1 == binary.size() || !is_number) return std::nullopt;
  return SourceLine{binary.substr(0, at), binary.substr(at + 1), line};
}

Points expand_line(Machine& machine, const Provider& row, const SourceLine& wanted) {
  auto& inside = machine.inside();
  const auto& settings = machine.settings();
  auto path = find_binary(wanted.binary, settings.pid, settings.program);
  if (!path) return path.error();
  auto binary = inside.binary(path->open, path->shown, DebugFile::skip);
  if (!binary) return binary.error();
  auto known = inside.debug_information(path->open, path->shown);
  if (!known) return known.error();
  auto places = find_line(*(*known)->file, wanted.file, wanted.line, path->shown);
  if (!places) return places.error();
  std::vector<AttachPoint> points;
  for (LinePlace& place : *places) {
    const auto offset = (*binary)->file_offset(place.address);
    if (!offset) continue;
    AttachPoint point;
    point.provider = &row;
    point.how = &uprobe_mechanism(inside.features, UprobeKind::place, settings.pid.has_value());
    point.name = fmt::format("{}:{}@{}:{}", row.name, path->shown, wanted.file, wanted.line);
    point.target = path->open;
    const FunctionSymbol* symbol = (*binary)->function_at(place.address);
    point.symbol = symbol == nullptr ? std::move(place.function) : std::string(symbol->name);
    point.offset = *offset;
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace zeektrace
