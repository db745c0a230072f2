// uprobe and uretprobe: functions of programs and libraries.
#include <fmt/format.h>

#include "probes/binary_path.h"
#include "probes/functions.h"
#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/providers.h"
#include "probes/registers.h"
#include "probes/uprobe_attach.h"

namespace zeektrace {

namespace {

std::optional<Error> refuse_return_probe(const Binary& binary, const BinaryPath& path,
                                         const std::vector<FoundFunction>& functions,
                                         const Machine::Settings& settings) {
  auto hazard = return_hazard(binary);
  if (!hazard) {
    TracedProgram program{settings.program, std::nullopt};
    if (settings.pid && program.executable.empty()) program = {fmt::format("/proc/{}/exe", *settings.pid), settings.pid};
    std::vector<std::string> names;
    for (const FoundFunction& function : functions) names.push_back(function.name);
    hazard = callback_hazard(binary, names, program);
  }
  if (!hazard || (settings.unsafe && !hazard->never)) return std::nullopt;
  return Error{Error::Kind::script,
               fmt::format("a return probe on {} could kill the process: {}", path.shown, hazard->why),
               hazard->never ? "probe the function's entry, or the instruction that returns (FUNCTION+OFFSET)"
                             : "--unsafe allows it, if you know that nothing is thrown through the function",
               nullptr};
}

// A breakpoint that is not at an instruction's start overwrites the middle of one, and the process runs into
// the remains. Only a function's entry is known to be a start; nothing here decodes the code before the
// place.
std::optional<Error> refuse_inside(const FoundFunction& function, const BinaryPath& path, bool unsafe) {
  if (unsafe || (!function.name.empty() && function.from_start == 0)) return std::nullopt;
  std::string place = fmt::format("{:#x}", function.file_offset);
  if (!function.name.empty()) place = fmt::format("{}+{}", function.name, function.from_start);
  return Error{
      Error::Kind::script,
      fmt::format(
          "{} of {} is not a function's entry, and not known to be the start of an instruction: a probe "
          "in the middle of one would crash the process",
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
  if (at_return) {
    if (auto refusal = refuse_return_probe(**binary, *path, *functions, machine.settings()))
      return *std::move(refusal);
  }
  if (!path->note.empty()) inside.note(path->note);
  for (std::string& note : notes_on(*functions, left_out, function_name, path->shown)) inside.note(std::move(note));
  const Mechanism& how = uprobe_mechanism(inside.features, at_return, machine.settings().pid.has_value());
  std::vector<AttachPoint> points;
  points.reserve(functions->size());
  for (FoundFunction& function : *functions) {
    if (at_return && function.from_start != 0)
      return Error{Error::Kind::script, fmt::format("a return probe takes no offset: {}", target),
                   "name the function alone", nullptr};
    if (auto refusal = refuse_inside(function, *path, machine.settings().unsafe)) return *std::move(refusal);
    AttachPoint point;
    point.provider = &provider(row);
    point.how = &how;
    point.name = point_name(*point.provider, *path, function);
    point.target = path->open;
    point.symbol = std::move(function.name);
    point.offset = function.file_offset;
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
