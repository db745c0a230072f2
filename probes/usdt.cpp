// usdt: the static probes that a program's authors put into it with <sys/sdt.h>. A place is a nop, which
// every kernel emulates: it is probed exactly there.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "probes/binary_path.h"
#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/providers.h"
#include "probes/uprobe_attach.h"
#include "probes/usdt_notes.h"

namespace zeektrace {

namespace {

struct UsdtTarget {
  std::string_view binary, provider, name;  // provider "": any
};

UsdtTarget split_target(std::string_view target) {
  const size_t first = target.find(':');
  if (first == std::string_view::npos) return {target, "", ""};
  const std::string_view rest = target.substr(first + 1);
  const size_t second = rest.find(':');
  if (second == std::string_view::npos) return {target.substr(0, first), "", rest};
  return {target.substr(0, first), rest.substr(0, second), rest.substr(second + 1)};
}

Error no_such(const UsdtNotes& notes, const UsdtTarget& target, std::string_view shown) {
  if (notes.places.empty())
    return Error{Error::Kind::script, fmt::format("{} has no USDT probes", shown),
                 "they are there only when it was built with them (<sys/sdt.h>, often --enable-dtrace)",
                 nullptr};
  std::vector<std::string_view> names;
  for (const UsdtPlace& place : notes.places)
    names.push_back(target.provider.empty() || place.provider == target.provider ? place.name
                                                                                 : place.provider);
  const bool known_provider = std::ranges::any_of(
      notes.places, [&](const UsdtPlace& place) { return place.provider == target.provider; });
  const std::string_view wanted = target.provider.empty() || known_provider ? target.name : target.provider;
  std::string hint = did_you_mean(near_matches(wanted, names));
  if (hint.empty()) hint = fmt::format("zeektrace -l 'usdt:{}:*' lists them", shown);
  return Error{Error::Kind::script,
               fmt::format("{} has no USDT probe '{}{}{}'", shown, target.provider,
                           target.provider.empty() ? "" : ":", target.name),
               hint, nullptr};
}

// The program of the traced process: what -c will run, or what -p runs.
std::string traced_program(const Machine::Settings& settings) {
  if (!settings.program.empty()) return settings.program;
  const std::string link = fmt::format("/proc/{}/exe", *settings.pid);
  std::error_code error;
  const std::string path = std::filesystem::read_symlink(link, error).string();
  return error || path.ends_with(" (deleted)") ? link : path;
}

bool is_wanted(const UsdtPlace& place, const UsdtTarget& target) {
  return (target.provider.empty() || glob_matches(target.provider, place.provider)) &&
         glob_matches(target.name, place.name);
}

}  // namespace

Points expand_usdt(Machine& machine, std::string_view text) {
  const UsdtTarget target = split_target(text);
  if (target.name.empty())
    return Error{Error::Kind::script, fmt::format("usdt:{} does not name a probe", text),
                 "write usdt:BINARY:PROVIDER:NAME or usdt:BINARY:NAME", nullptr};
  const auto pid = machine.settings().pid;
  if (target.binary.empty() && !pid)
    return Error{Error::Kind::script, fmt::format("usdt:{} does not name a binary", text),
                 "name one, or a process with -p", nullptr};
  auto path = find_binary(
      target.binary.empty() ? traced_program(machine.settings()) : std::string(target.binary), pid);
  if (!path) return path.error();
  auto notes = machine.inside().usdt_notes(path->open, path->shown);
  if (!notes) return notes.error();
  const Mechanism& how = uprobe_mechanism(machine.inside().features, UprobeKind::place, pid.has_value());
  std::vector<AttachPoint> points;
  for (const UsdtPlace& place : (*notes)->places) {
    if (!is_wanted(place, target)) continue;
    AttachPoint point;
    point.provider = &provider(ProviderRow::usdt);
    point.how = &how;
    point.name = fmt::format("{}:{}:{}:{}", point.provider->name, path->shown, place.provider, place.name);
    point.target = path->open;
    point.symbol = place.name;
    point.offset = place.file_offset;
    point.semaphore = place.semaphore;
    points.push_back(std::move(point));
  }
  if (points.empty()) return no_such(**notes, target, path->shown);
  return points;
}

Fields usdt_fields(Machine& machine, const AttachPoint& point) {
  auto notes = machine.inside().usdt_notes(point.target, point.name);
  if (!notes) return notes.error();
  for (const UsdtPlace& place : (*notes)->places)
    if (place.file_offset == point.offset && place.name == point.symbol &&
        point.name.ends_with(fmt::format(":{}:{}", place.provider, place.name)))
      return place.fields;
  return std::vector<Field>{};
}

}  // namespace zeektrace
