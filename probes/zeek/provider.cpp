#include "probes/zeek/provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "parser/name_pattern.h"
#include "probes/functions.h"
#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/uprobe_attach.h"
#include "probes/zeek/allocator.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {

namespace {

std::vector<const ZeekProbe*> rows_of(std::string_view kind) {
  std::vector<const ZeekProbe*> rows;
  for (const ZeekProbe& row : zeek_probes())
    if (row.kind == kind) rows.push_back(&row);
  return rows;
}

bool has_end(const ZeekProbe& row) { return !row.function.empty() && row.kind != zeek_probe_of_bodies; }

Error unknown_kind(std::string_view kind) {
  std::vector<std::string_view> kinds;
  for (const ZeekProbe& row : zeek_probes())
    if (kinds.empty() || kinds.back() != row.kind) kinds.push_back(row.kind);
  std::string hint = did_you_mean(near_matches(kind, kinds));
  if (hint.empty()) hint = fmt::format("there are {}", fmt::join(kinds, ", "));
  return {Error::Kind::script, fmt::format("there is no probe zeek:{}", kind), hint, nullptr};
}

std::optional<Error> refuse_name(const ZeekProbe& row, const ZeekTarget& target) {
  auto refusal = [](std::string what, std::string hint) {
    return Error{Error::Kind::script, std::move(what), std::move(hint), nullptr};
  };
  if (row.name.empty() && !target.name.empty())
    return refusal(fmt::format("zeek:{} takes no name", row.kind), fmt::format("write zeek:{} alone", row.kind));
  if (!row.name.empty() && target.name.empty())
    return refusal(fmt::format("zeek:{} wants the name of {} {}", row.kind, row.name == "event" ? "an" : "a", row.name),
                   fmt::format("such as zeek:{0}:* for every {1}", row.kind, row.name));
  if (!name_pattern(target.name))
    return refusal(fmt::format("the name in zeek:{} has more than {} characters", row.kind, most_name_atoms),
                   "no name in Zeek is so long: use a glob");
  return std::nullopt;
}

// A class's name as the ABI mangles it: "zeek::analyzer::http::HTTP_Analyzer" is N4zeek8analyzer4http13HTTP_AnalyzerE, and
// the last part of it stands for itself.
std::string mangled_class_glob(std::string_view name) {
  if (is_glob(name)) {
    std::string glob(name);
    if (!glob.starts_with('*')) glob = "*[0-9]" + glob;
    if (!glob.ends_with('*')) glob += "E";
    return glob;
  }
  std::string parts;
  const bool qualified = name.find("::") != std::string_view::npos;
  while (!name.empty()) {
    const size_t end = std::min(name.find("::"), name.size());
    parts += fmt::format("{}{}", end, name.substr(0, end));
    name.remove_prefix(std::min(end + 2, name.size()));
  }
  // A class outside of all namespaces has neither N nor E around it.
  return qualified ? fmt::format("N{}E", parts) : fmt::format("*{}*", parts);
}

const ZeekProbe& row_of_functions() { return *rows_of("function").front(); }

// Of enumerators, which are an int before 8.0: the first byte tells all.
constexpr uint32_t enumerator_size = 1;

Result<NameFilter> filter_of(const ZeekProbe& row, const ZeekLayout& layout, const ZeekFunction& function,
                             std::string_view name) {
  NameFilter filter;
  const auto object = zeek_thing(layout, function, row.object.thing);
  if (!object)
    return Error{Error::Kind::script, fmt::format("it is not known where Zeek {} has the {}", layout.release, row.object.thing), "",
                 nullptr};
  auto adds = zeek_offsets(layout, row.object.members);
  if (!adds) return adds.error();
  filter.object = zeek_further(*object, *adds);
  if (row.name.empty()) return filter;
  auto text = zeek_offsets(layout, row.text);
  if (!text) return text.error();
  filter.text = *std::move(text);
  filter.is_passing = row.is_passing;
  filter.pattern = row.name == "class" && name != "*" ? mangled_class_glob(name) : std::string(name);
  if (row.what.empty()) return filter;
  auto what = zeek_offsets(layout, row.what);
  if (!what) return what.error();
  filter.require.push_back({*std::move(what), enumerator_size, row.is});
  return filter;
}

AttachPoint made_point(Machine& machine, const ZeekProbe& row, std::string_view name, bool at_return) {
  auto& inside = machine.inside();
  const bool one = machine.settings().pid.has_value();
  AttachPoint point;
  point.provider = &provider(at_return ? ProviderRow::zeekret : ProviderRow::zeek);
  point.entry = &uprobe_mechanism(inside.features, UprobeKind::entry, one);
  point.how = at_return ? &uprobe_mechanism(inside.features, UprobeKind::exits, one) : point.entry;
  point.name = fmt::format("{}:{}{}{}", point.provider->name, row.kind, name.empty() ? "" : ":", name);
  return point;
}

Result<std::vector<AttachPoint>> allocator_points(Machine& machine, const ZeekBinary& zeek, const ZeekProbe& row) {
  auto found = allocator_functions(machine, zeek, row.kind == zeek_probe_of_allocation);
  if (!found) return found.error();
  std::vector<AttachPoint> points;
  for (const AllocatorFunction& function : *found) {
    AttachPoint point = made_point(machine, row, "", false);
    // free(NULL) gives nothing back.
    if (row.kind != zeek_probe_of_allocation)
      point.how = &uprobe_mechanism(machine.inside().features, UprobeKind::entry_of_something, machine.settings().pid.has_value());
    point.target = function.file;
    point.symbol = function.name;
    point.offset = function.file_offset;
    point.why = fmt::format("{} allocates by {}", zeek.shown, function.shown);
    points.push_back(std::move(point));
  }
  return points;
}

// How the bodies of a handler are told apart; a handler is called by what stands for zeek:function.
Result<BodyWalk> body_walk(const ZeekLayout& layout, const ZeekFunction& reset, const ZeekFunction& invoke) {
  constexpr std::string_view members[] = {"Frame.function", "Func.bodies", "Func::Body.size"};
  auto offsets = zeek_offsets(layout, members);
  if (!offsets) return offsets.error();
  BodyWalk walk;
  walk.frame = std::get<ContextOffset>(reset.where("frame").value()).offset;
  walk.first = std::get<ContextOffset>(reset.where("first").value()).offset;
  walk.function = invoke.where("func").value();
  walk.arguments = invoke.where("args").value();
  walk.frame_function = static_cast<uint32_t>((*offsets)[0]);
  walk.bodies = static_cast<uint32_t>((*offsets)[1]);
  walk.body_size = static_cast<uint32_t>((*offsets)[2]);
  walk.disabled = layout.offset("Func::Body.disabled").value_or(walk.disabled);
  return walk;
}

// The places of one function that stands for a probe in one binary.
Result<std::vector<AttachPoint>> points_in(Machine& machine, const ZeekBinary& zeek, const ZeekProbe& row,
                                           const ZeekFunction& function, std::string_view name, bool at_return) {
  auto& inside = machine.inside();
  auto binary = inside.binary(zeek.open, zeek.shown, DebugFile::skip);
  if (!binary) return binary.error();
  auto found = find_functions(**binary, function.symbol, zeek.shown);
  if (!found) return found.error();
  std::optional<NameFilter> only;
  if (!row.object.thing.empty()) {
    auto filter = filter_of(row, zeek.layout, function, name);
    if (!filter) return filter.error();
    only = *std::move(filter);
  }
  std::vector<AttachPoint> points;
  for (FoundFunction& each : *found) {
    AttachPoint point = made_point(machine, row, name, at_return);
    point.target = zeek.open;
    point.symbol = std::move(each.name);
    point.offset = each.file_offset;
    point.only = only;
    point.calls_itself_last = function.calls_itself_last;
    points.push_back(std::move(point));
  }
  return points;
}

Error not_in_this_release(const ZeekBinary& zeek, std::string_view kind, std::optional<Error> why) {
  Error error{Error::Kind::script, fmt::format("zeek:{} can't be probed in {}, Zeek {}", kind, zeek.shown, zeek.layout.release),
              "", nullptr};
  if (why)
    error.message += ": " + why->message;
  else
    error.message += ": that release has no function that stands for it";
  return error;
}

std::optional<Error> add_bodies(Machine& machine, const ZeekBinary& zeek, const ZeekFunction& reset,
                                std::vector<AttachPoint>& points) {
  const ZeekProbe& functions = row_of_functions();
  const auto invokes = zeek.layout.functions(functions.function);
  if (invokes.empty()) return not_in_this_release(zeek, zeek_probe_of_bodies, std::nullopt);
  auto walk = body_walk(zeek.layout, reset, *invokes.front());
  if (!walk) return walk.error();
  auto handlers = points_in(machine, zeek, functions, *invokes.front(), "*", false);
  if (!handlers) return handlers.error();
  for (AttachPoint& point : points) {
    point.bodies = *walk;
    point.handlers = *handlers;
  }
  return std::nullopt;
}

Points expand(Machine& machine, std::string_view text, bool at_return) {
  const ZeekTarget target = zeek_target(text);
  const auto rows = rows_of(target.kind);
  if (rows.empty()) return unknown_kind(target.kind);
  if (auto refusal = refuse_name(*rows.front(), target)) return *std::move(refusal);
  if (at_return && !has_end(*rows.front()))
    return Error{Error::Kind::script, fmt::format("there is no zeekret:{}", target.kind), fmt::format("use zeek:{}", target.kind),
                 nullptr};
  auto zeeks = zeek_binaries(machine);
  if (!zeeks) return zeeks.error();
  std::vector<AttachPoint> points;
  for (const ZeekBinary* zeek : *zeeks) {
    const size_t before = points.size();
    std::optional<Error> first;
    for (const ZeekProbe* row : rows) {
      if (row->function.empty()) {
        auto found = allocator_points(machine, *zeek, *row);
        if (!found) return found.error();
        points.insert(points.end(), found->begin(), found->end());
      }
      for (const ZeekFunction* function : zeek->layout.functions(row->function)) {
        auto found = points_in(machine, *zeek, *row, *function, target.name, at_return);
        if (found && row->kind == zeek_probe_of_bodies)
          if (auto error = add_bodies(machine, *zeek, *function, *found)) found = *std::move(error);
        if (!found && !first) first = found.error();
        if (found) points.insert(points.end(), found->begin(), found->end());
      }
    }
    if (points.size() == before) return not_in_this_release(*zeek, target.kind, std::move(first));
  }
  return points;
}

}  // namespace

std::vector<Listed> zeek_kinds(const Provider& row) {
  const bool ends = &row == &provider(ProviderRow::zeekret);
  std::vector<Listed> listed;
  for (const ZeekProbe& each : zeek_probes()) {
    if (ends && !has_end(each)) continue;
    std::string name = fmt::format("{}:{}", row.name, each.kind);
    if (!each.name.empty()) name += each.name == "class" ? ":CLASS" : ":NAME";
    if (listed.empty() || listed.back().name != name)
      listed.push_back({name, fmt::format("{}{}", ends ? "the end of it: " : "", each.doc), {}, {}, ""});
  }
  return listed;
}

Points expand_zeek(Machine& machine, std::string_view target) { return expand(machine, target, false); }
Points expand_zeekret(Machine& machine, std::string_view target) { return expand(machine, target, true); }

}  // namespace zeektrace
