// What a script can read in a zeek: probe, and where it is in this release.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "probes/functions.h"
#include "probes/inside.h"
#include "probes/zeek/allocator.h"
#include "probes/zeek/provider.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {

namespace {

const ZeekBinary* zeek_of(const std::vector<const ZeekBinary*>& zeeks, const AttachPoint& point) {
  const auto found = std::ranges::find_if(zeeks, [&](const ZeekBinary* zeek) { return zeek->open == point.target; });
  return found == zeeks.end() ? nullptr : *found;
}

Location unavailable(std::string why) { return Unavailable{std::move(why)}; }

Location where(const ZeekDatum& datum, const ZeekProbe& row, const ZeekLayout& layout, const ZeekFunction& function,
               bool at_return) {
  const auto adds = zeek_offsets(layout, datum.from.members);
  if (!adds) return unavailable(adds.error().message);
  if (at_return) {
    const size_t known = row.object.members.size();  // what leads to the object that is remembered
    if (datum.at_return && datum.from.thing == row.object.thing)
      return Remembered{{adds->begin() + static_cast<std::ptrdiff_t>(known), adds->end()}};
    return unavailable("it is known when the call begins, not when it ends");
  }
  if (datum.from.thing == zeek_probe_of_bodies) return Remembered{*adds};
  if (!datum.not_at_entry.empty()) return unavailable(std::string(datum.not_at_entry));
  const auto thing = zeek_thing(layout, function, datum.from.thing);
  if (!thing) return unavailable(fmt::format("Zeek {} does not hand it over", layout.release));
  return zeek_further(*thing, *adds);
}

std::optional<ZeekOrigin> origin(Machine& machine, const ZeekBinary& zeek, const AttachPoint& point) {
  const std::string_view name = point.name;
  const ZeekTarget target = zeek_target(name.substr(name.find(':') + 1));
  auto binary = machine.inside().binary(zeek.open, zeek.shown, DebugFile::skip);
  if (!binary) return std::nullopt;
  for (const ZeekProbe& row : zeek_probes()) {
    if (row.kind != target.kind) continue;
    for (const ZeekFunction* function : zeek.layout.functions(row.function)) {
      auto found = find_functions(**binary, function->symbol, zeek.shown);
      if (!found) continue;
      const bool here = std::ranges::any_of(*found, [&](const auto& each) { return each.file_offset == point.offset; });
      if (here) return ZeekOrigin{&row, function, &zeek};
    }
  }
  return std::nullopt;
}

Fields fields(Machine& machine, const AttachPoint& point, bool at_return) {
  const std::string_view name = point.name;
  const ZeekTarget target = zeek_target(name.substr(name.find(':') + 1));
  const auto row = std::ranges::find(zeek_probes(), target.kind, &ZeekProbe::kind);
  if (row->function.empty())
    return std::vector<Field>{allocator_field(point.symbol, target.kind == zeek_probe_of_allocation)};
  auto from = zeek_origin(machine, point);
  if (!from) return from.error();
  std::vector<Field> fields;
  for (const ZeekDatum& datum : from->row->data)
    fields.push_back({std::string(datum.name), datum.type,
                      where(datum, *from->row, from->zeek->layout, *from->function, at_return), datum.kept_as});
  return fields;
}

}  // namespace

Result<ZeekOrigin> zeek_origin(Machine& machine, const AttachPoint& point) {
  auto zeeks = zeek_binaries(machine);
  if (!zeeks) return zeeks.error();
  const ZeekBinary* zeek = zeek_of(*zeeks, point);
  const auto from = zeek ? origin(machine, *zeek, point) : std::nullopt;
  if (!from) bug(fmt::format("{} was never expanded", point.name));
  return *from;
}

Location zeek_further(const Location& from, const std::vector<int64_t>& adds) {
  if (adds.empty()) return from;
  if (const auto* at = std::get_if<ContextOffset>(&from)) return UserMemory{at->offset, adds, std::nullopt};
  UserMemory memory = std::get<UserMemory>(from);
  memory.adds.insert(memory.adds.end(), adds.begin(), adds.end());
  return memory;
}

ZeekTarget zeek_target(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<std::vector<int64_t>> zeek_offsets(const ZeekLayout& layout, std::span<const std::string_view> members) {
  std::vector<int64_t> found;
  for (const std::string_view member : members) {
    int64_t number = 0;
    if (std::from_chars(member.data(), member.data() + member.size(), number).ec == std::errc{}) {
      found.push_back(number);
      continue;
    }
    const auto offset = layout.offset(member);
    if (!offset)
      return Error{Error::Kind::script, fmt::format("it is not known where Zeek {} has {}", layout.release, member), "", nullptr};
    found.push_back(*offset);
  }
  return found;
}

// A log's stream: the manager has a vector of pointers to them, by the number of the name that is written to.
std::optional<Location> zeek_thing(const ZeekLayout& layout, const ZeekFunction& function, std::string_view thing) {
  if (auto found = function.where(thing)) return found;
  const auto manager = function.where("manager"), id = function.where("id");
  const auto streams = layout.offset("logging::Manager.streams"), number = layout.offset("EnumVal.int_val");
  if (thing != "stream" || !manager || !id || !streams || !number) return std::nullopt;
  const UserMemory::Index index{std::get<ContextOffset>(*id).offset, 8, {*number}, 1};
  return UserMemory{std::get<ContextOffset>(*manager).offset, {*streams, 0}, index};
}

Fields zeek_fields(Machine& machine, const AttachPoint& point) { return fields(machine, point, false); }
Fields zeekret_fields(Machine& machine, const AttachPoint& point) { return fields(machine, point, true); }

}  // namespace zeektrace
