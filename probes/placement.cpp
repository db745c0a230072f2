#include "probes/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "probes/exits.h"
#include "probes/inside.h"

namespace zeektrace {

namespace {

constexpr std::string_view misread =
    "the kernel takes the vector instruction there for another one: under a probe it would not run, and the program would "
    "go wrong or crash";
constexpr std::string_view refused =
    "the kernel probes no instruction with such a prefix (lock, notrack)";
constexpr std::string_view tail_call =
    "the function ends there in a jump to another one, whose result is not known yet";

class Placing {
 public:
  Placing(const Probe& probe, Machine::Inside& inside) : probe_(probe), inside_(inside) {
    // What the kernel's return probe reads, it reads at the return.
    if (!probe.how->section.starts_with("uretprobe")) needs_ = needs_of(probe);
    if (probe.how->where == Mechanism::Where::entry_with_stack)
      needs_.registers |= needs_of_return_address().registers;
    reads_result_ = std::any_of(probe.fields.begin(), probe.fields.end(), [&](const Field& field) {
      return probe.used_fields.contains(field.name) && !std::holds_alternative<Remembered>(field.where);
    });
  }

  Placement run() {
    for (size_t i = 0; i < probe_.points.size(); i++) {
      const AttachPoint& point = probe_.points[i];
      const auto code = inside_.code(point.target);
      const auto address = code ? (*code)->binary().address_at(point.offset) : std::nullopt;
      // What can't be read here the kernel refuses with its own reason.
      if (!address) made_.places.push_back({i, point.offset, {}});
      else if (probe_.how->where == Mechanism::Where::exits) place_exits(i, **code, *address);
      else place_entry(i, **code, *address);
    }
    return std::move(made_);
  }

 private:
  void place_entry(size_t point, const Code& code, uint64_t entry) {
    if (probe_.how->where == Mechanism::Where::as_named)
      return add(point, code, fixed_site(code, entry, entry, inside_.features), true);
    const auto site = entry_site(code, entry, needs_, inside_.features, probe_.points[point].calls_itself_last);
    if (site) add(point, code, *site, true);
    else leave_out(point, site.error().message);
  }

  void place_exits(size_t point, const Code& code, uint64_t entry) {
    const auto exits = function_exits(code, entry, probe_.points[point].calls_itself_last);
    if (!exits) return leave_out(point, exits.error().message);
    const bool only_returns = reads_result_ && !exits->returns.empty();
    if (reads_result_ && exits->returns.empty()) return leave_out(point, tail_call);
    for (const uint64_t address : exits->returns)
      add(point, code, fixed_site(code, entry, address, inside_.features), false);
    if (!exits->tail_calls.empty() && !only_returns) made_.left_early.push_back(point);
    for (const uint64_t address : exits->tail_calls) {
      if (only_returns)
        made_.left_out.push_back({place_name(point, address - entry), std::string(tail_call), false});
      else
        add(point, code, fixed_site(code, entry, address, inside_.features), false);
    }
  }

  void add(size_t point, const Code& code, const Site& site, bool whole) {
    const auto offset = code.binary().file_offset(site.address);
    if (!offset) return leave_out(point, "it lies outside of the file");
    if (site.run == Instruction::Run::misread)
      made_.left_out.push_back({place_name(point, site.from_entry), std::string(misread), whole});
    else if (site.run == Instruction::Run::refused)
      made_.left_out.push_back({place_name(point, site.from_entry), std::string(refused), whole});
    else
      made_.places.push_back({point, *offset, site});
  }

  std::string place_name(size_t point, uint64_t from_entry) const {
    const std::string& name = probe_.points[point].name;
    return from_entry == 0 ? name : fmt::format("{}+{:#x}", name, from_entry);
  }

  void leave_out(size_t point, std::string_view why) {
    made_.left_out.push_back({probe_.points[point].name, std::string(why), true});
  }

  const Probe& probe_;
  Machine::Inside& inside_;
  Needs needs_;
  bool reads_result_ = false;
  Placement made_;
};

}  // namespace

Placement place(const Probe& probe, Machine& machine) { return Placing(probe, machine.inside()).run(); }

std::vector<std::string> describe_places(const Probe& probe, Machine& machine) {
  constexpr size_t most_told = 8;
  std::vector<std::string> lines;
  const Placement placement = place(probe, machine);
  std::map<std::string_view, size_t> by_cost;
  for (const Place& each : placement.places) {
    const AttachPoint& point = probe.points[each.point];
    by_cost[cost_of(each.site.run)]++;
    const auto code = machine.inside().code(point.target);
    if (lines.size() < most_told && code && each.site.address != 0)
      lines.push_back(fmt::format("{} at {}", point.name, described(**code, each.site)));
  }
  if (placement.places.size() > lines.size())
    for (const auto& [cost, count] : by_cost) lines.push_back(fmt::format("in all {} places: {}", count, cost));
  const std::string_view way =
      probe.how->where == Mechanism::Where::exits ? "where the function is left, not by the kernel's return probe: " : "";
  if (!probe.points.front().why.empty()) lines.push_back(fmt::format("{}because {}", way, probe.points.front().why));
  return lines;
}

}  // namespace zeektrace
