// uprobe and uretprobe: functions of programs and libraries.
#include <fmt/format.h>

#include "probes/binary_path.h"
#include "probes/exits.h"
#include "probes/functions.h"
#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/providers.h"
#include "probes/registers.h"
#include "probes/site.h"
#include "probes/uprobe_attach.h"
#include "probes/uprobe_line.h"

namespace zeektrace {

namespace {

struct ReturnWay {
  UprobeKind kind = UprobeKind::kernel_return;
  std::string why;
};

// Why the functions can't be probed where they are left: of each the reason, or nothing when one at least can.
std::optional<Error> no_exits(const Code& code, const std::vector<FoundFunction>& functions) {
  std::optional<Error> first;
  for (const FoundFunction& function : functions) {
    const auto entry = code.binary().address_at(function.file_offset);
    if (!entry) continue;
    auto exits = function_exits(code, *entry);
    if (exits) return std::nullopt;
    if (!first) first = Error{Error::Kind::script, fmt::format("{}: {}", function.name, exits.error().message), "", nullptr};
  }
  return first;
}

// The rule is told in placement.h.
Result<ReturnWay> return_way(Machine& machine, const Binary& binary, const BinaryPath& path,
                             const std::vector<FoundFunction>& functions) {
  const Machine::Settings& settings = machine.settings();
  auto hazard = return_hazard(binary);
  if (!hazard) {
    TracedProgram program{settings.program, std::nullopt};
    if (settings.pid && program.executable.empty()) program = {fmt::format("/proc/{}/exe", *settings.pid), settings.pid};
    std::vector<std::string> names;
    for (const FoundFunction& function : functions) names.push_back(function.name);
    hazard = callback_hazard(binary, names, program);
  }
  if (!hazard) return ReturnWay{};
  auto code = machine.inside().code(path.open);
  if (!code) return code.error();
  const auto refusal = no_exits(**code, functions);
  if (!refusal) return ReturnWay{UprobeKind::exits, hazard->why};
  if (settings.unsafe && !hazard->never) return ReturnWay{UprobeKind::kernel_return, "of --unsafe"};
  return Error{Error::Kind::script,
               fmt::format("{} can't be probed where it returns: {}", path.shown, refusal->message),
               fmt::format("the kernel's own return probe could kill the process: {}\n{}", hazard->why,
                           hazard->never ? "probe the function's entry, or the instruction that returns (FUNCTION+OFFSET)"
                                         : "--unsafe allows it, if you know that nothing is thrown through the function"),
               nullptr};
}

// A breakpoint that is not at an instruction's start overwrites the middle of one, and the process runs into the
// remains. And of a 5-byte nop the kernel makes a call, which writes below the stack pointer: there a function that calls
// nobody keeps its variables.
std::optional<Error> refuse_inside(Machine& machine, const FoundFunction& function, const BinaryPath& path) {
  if (machine.settings().unsafe || (!function.name.empty() && function.from_start == 0)) return std::nullopt;
  std::string place = fmt::format("{:#x}", function.file_offset);
  if (!function.name.empty()) place = fmt::format("{}+{:#x}", function.name, function.from_start);
  auto code = machine.inside().code(path.open);
  const auto address = code ? (*code)->binary().address_at(function.file_offset) : std::nullopt;
  Inside seen;
  if (address) seen = look_inside(**code, *address);
  if (seen.is_start && !seen.is_inner_long_nop) return std::nullopt;
  if (seen.is_inner_long_nop)
    return Error{Error::Kind::script,
                 fmt::format("{} of {} is a 5-byte nop inside of a function: the kernel makes a call of it, which overwrites "
                             "what the function keeps below its stack pointer",
                             place, path.shown),
                 "probe the instruction before or behind it", nullptr};
  if (seen.known)
    return Error{Error::Kind::script,
                 fmt::format("{} of {} lies inside of an instruction: a probe there would crash the process", place, path.shown),
                 fmt::format("the instruction begins {} bytes earlier; objdump -d shows them all", *address - seen.starts_before),
                 nullptr};
  return Error{
      Error::Kind::script,
      fmt::format("{} of {} is not known to be the start of an instruction: it belongs to no function that can be decoded, "
                  "and a probe in the middle of an instruction would crash the process",
                  place, path.shown),
      "objdump -d shows where instructions start; --unsafe allows it, when you have looked", nullptr};
}

std::string point_name(const Provider& row, const BinaryPath& path, const FoundFunction& function) {
  std::string place = function.name;
  if (place.empty())
    place = fmt::format("{:#x}", function.file_offset);
  else if (function.from_start != 0)
    place += fmt::format("+{}", function.from_start);
  return fmt::format("{}:{}:{}", row.name, path.shown, place);
}

Points expand(Machine& machine, std::string_view target, ProviderRow row, bool at_return) {
  auto& inside = machine.inside();
  const auto& settings = machine.settings();
  const auto [binary_name, function_name] = split_target(target, settings.pid);
  if (const auto line = source_line(binary_name, function_name)) {
    if (!at_return) return expand_line(machine, provider(row), *line);
    return Error{Error::Kind::script, fmt::format("a return probe takes no line: {}", target), "name the function", nullptr};
  }
  auto path = find_binary(binary_name, settings.pid, settings.program);
  if (!path) return path.error();
  // The debug file is worth its time only for what the binary itself does not say.
  auto binary =
      inside.binary(path->open, path->shown, is_glob(function_name) ? DebugFile::read : DebugFile::skip);
  if (!binary) return binary.error();
  LeftOut left_out;
  auto functions = find_functions(**binary, function_name, path->shown, &left_out);
  if (!functions && (*binary)->only_exported) {
    binary = inside.binary(path->open, path->shown, DebugFile::read);
    if (!binary) return binary.error();
    left_out = {};
    functions = find_functions(**binary, function_name, path->shown, &left_out);
  }
  if (!functions) return functions.error();
  ReturnWay way;
  if (at_return) {
    auto safe = return_way(machine, **binary, *path, *functions);
    if (!safe) return safe.error();
    way = *std::move(safe);
  }
  if (!path->note.empty()) inside.note(path->note);
  for (std::string& note : notes_on(*functions, left_out, function_name, path->shown)) inside.note(std::move(note));
  const bool one_place = function_name.starts_with("0x") || function_name.starts_with("0X") ||
                         functions->front().from_start != 0;
  const UprobeKind kind = at_return ? way.kind : one_place ? UprobeKind::place : UprobeKind::entry;
  const Mechanism& how = uprobe_mechanism(inside.features, kind, machine.settings().pid.has_value());
  std::vector<AttachPoint> points;
  points.reserve(functions->size());
  for (FoundFunction& function : *functions) {
    if (at_return && function.from_start != 0)
      return Error{Error::Kind::script, fmt::format("a return probe takes no offset: {}", target),
                   "name the function alone", nullptr};
    if (auto refusal = refuse_inside(machine, function, *path)) return *std::move(refusal);
    AttachPoint point;
    point.provider = &provider(row);
    point.how = &how;
    point.name = point_name(*point.provider, *path, function);
    point.target = path->open;
    point.symbol = std::move(function.name);
    point.offset = function.file_offset;
    point.why = way.why;
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace

Points expand_uprobe(Machine& machine, std::string_view target) {
  return expand(machine, target, ProviderRow::uprobe, false);
}
Points expand_uretprobe(Machine& machine, std::string_view target) {
  return expand(machine, target, ProviderRow::uretprobe, true);
}

}  // namespace zeektrace
