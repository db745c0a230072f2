// args.NAME of zeek: probes: the parameters that scripts declare, asked of the processes that run them (types.h). What the
// probe has of its own goes by its name; a parameter of such a name has a "_" behind it.
#include <fmt/format.h>

#include <algorithm>

#include "probes/inside.h"
#include "probes/zeek/provider.h"
#include "probes/zeek/types.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {

namespace {

constexpr std::string_view before_each = "args.";

std::vector<Field> no_arguments(std::string why) {
  return {{std::string(all_named_arguments), Type(), Unavailable{std::move(why)}}};
}

const ZeekProbe* row_with_signature(std::string_view kind) {
  const auto row = std::ranges::find(zeek_probes(), kind, &ZeekProbe::kind);
  return row == zeek_probes().end() || !row->signature ? nullptr : &*row;
}

bool is_own(const ZeekProbe& row, std::string_view name) {
  return std::ranges::find(row.data, name, &ZeekDatum::name) != row.data.end();
}

// What the processes of a binary say of their scripts; nothing when none runs.
ZeekTypes* types_of(Machine& machine, const ZeekBinary& zeek) {
  auto& types = machine.inside().zeek_types;
  const auto known = types.find(&zeek);
  if (known != types.end()) return known->second.get();
  const auto processes = zeek_script_processes(machine, zeek);
  if (processes.empty()) return nullptr;
  return types.emplace(&zeek, std::make_unique<ZeekTypes>(zeek.layout, processes)).first->second.get();
}

// Where a probe on this function has the arguments, what was called, and how it is declared.
Result<ZeekTypes::Place> place_of(const ZeekOrigin& from) {
  const ZeekLayout& layout = from.zeek->layout;
  const ZeekSignature& signature = *from.row->signature;
  const auto object = zeek_thing(layout, *from.function, from.row->object.thing);
  const auto arguments = zeek_thing(layout, *from.function, signature.arguments.thing);
  auto to_object = zeek_offsets(layout, from.row->object.members);
  auto to_arguments = zeek_offsets(layout, signature.arguments.members);
  auto declared = zeek_offsets(layout, signature.declared);
  for (const auto* offsets : {&to_object, &to_arguments, &declared})
    if (!*offsets) return offsets->error();
  if (!object || !arguments)
    return Error{Error::Kind::script, fmt::format("Zeek {} does not hand them over", layout.release), "", nullptr};
  return ZeekTypes::Place{zeek_further(*arguments, *to_arguments), zeek_further(*object, *to_object), *std::move(declared)};
}

}  // namespace

// One that has just begun, or is about to end, has no registry of events.
std::vector<ZeekTypes::Process> zeek_script_processes(Machine& machine, const ZeekBinary& zeek) {
  const auto registry = zeek.layout.global("event_registry"), scopes = zeek.layout.global("scopes");
  std::vector<ZeekTypes::Process> found;
  for (const pid_t pid : zeek_processes(machine)) {
    const auto bias = zeek_load_bias(zeek, pid);
    if (!bias || !registry) continue;
    ZeekTypes::Process process{pid, *registry + *bias, scopes ? *scopes + *bias : 0};
    ProcessMemory memory(pid);
    if (memory.word(process.event_registry) != 0 && memory.status()) found.push_back(process);
  }
  return found;
}

Fields zeek_described_fields(Machine& machine, const AttachPoint& point) {
  const std::string_view name = point.name;
  const ZeekTarget target = zeek_target(name.substr(name.find(':') + 1));
  if (!row_with_signature(target.kind)) return std::vector<Field>();
  auto from = zeek_origin(machine, point);
  if (!from) return from.error();
  ZeekTypes* types = types_of(machine, *from->zeek);
  if (!types)
    return no_arguments(fmt::format("scripts declare it when Zeek starts, and no process runs {} now: start Zeek first, or run it by -c",
                                    from->zeek->shown));
  const auto place = place_of(*from);
  if (!place) return no_arguments(place.error().message);
  auto fields = types->parameters(from->row->signature->what, target.name, *place);
  if (!fields) return fields;
  for (Field& field : *fields)
    if (is_own(*from->row, field.name)) field.name += '_';
  return fields;
}

Fields zeekret_described_fields(Machine&, const AttachPoint& point) {
  const std::string_view name = point.name;
  if (!row_with_signature(zeek_target(name.substr(name.find(':') + 1)).kind)) return std::vector<Field>();
  return no_arguments("arguments are known when the call begins, not when it ends: keep them in a map");
}

std::string_view zeek_known_at(std::string_view text, const std::set<std::string>& mentioned) {
  const ZeekProbe* row = row_with_signature(zeek_target(text).kind);
  const bool asks = row && std::ranges::any_of(mentioned, [&](const std::string& name) {
    return name.starts_with(before_each) && !is_own(*row, name);
  });
  // All scripts have been read by then, and no event has been handled (zeek-setup.cc).
  constexpr std::string_view scripts_are_ready = "init_run";
  const auto function = std::ranges::find(zeek_functions(), scripts_are_ready, &ZeekFunction::key);
  return asks && function != zeek_functions().end() ? function->symbol : "";
}

}  // namespace zeektrace
