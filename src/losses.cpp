#include "src/losses.h"

#include <fmt/format.h>

#include <algorithm>

namespace zeektrace {
namespace {

struct LossRow {
  Counter counter;
  std::string_view thing, fate, why, remedy;
};
// Which the kernel counts.
constexpr LossRow missed = {Counter::ring_full, "event", "missed",
                            "the kernel was running another BPF program on that processor, and lets none of this kind interrupt it", ""};
constexpr LossRow rows[] = {
    {Counter::ring_full, "event", "lost", "ring buffer full", "print less often, or count in a map instead"},
    {Counter::map_full, "new key", "lost", "the map is full", "ZEEKTRACE_MAX_MAP_KEYS=N lets maps hold more"},
    {Counter::scratch_busy, "event", "lost", "scratch memory in use by the probe that was interrupted", ""},
    {Counter::stack_lost, "stack", "lost", "no room to keep it, or it could not be walked", ""},
    {Counter::read_failed, "read", "of memory failed", "the address is wrong, or the page was not in memory",
     "the value read as 0 or empty"},
    {Counter::index_outside, "element", "asked for outside of a container", "there are fewer",
     "it read as 0 or empty"},
    {Counter::count_unread, "reading", "of a counter failed", "the processor's counters were taken by somebody else",
     "it read as 0"},
    {Counter::signal_lost, "signal", "lost", "the kernel could not send it from there", ""},
    {Counter::loop_cut, "loop", "cut short", "all loops of one run make 8,388,608 rounds at most", ""},
    {Counter::unset, "read", "of a field that is not set", "the script's record does not have it now",
     "the value read as 0 or empty"},
    {Counter::unproven, "read", "of an argument left out", "this process's scripts have it otherwise than those that were asked",
     "the value read as 0 or empty; a script compiled anew reads it"},
    {Counter::stack_guessed, "stack", "walked in part by frame pointers",
     "code without unwind tables: made at run time, or just loaded", "its frames may be wrong or missing"},
    {Counter::script_compiled, "script stack", "with functions that -O ZAM has compiled", "these keep no statements",
     "innermost lines are missing, and frames of functions that were put into their callers"},
    {Counter::script_frame_unread, "script stack", "short of a frame", "it could not be read, or was just being changed", ""},
    {Counter::stack_cut, "stack", "cut short", "the frames above could not be found", ""},
};

constexpr size_t most_places = 8;  // that are told one by one

std::string place_of(const Program& program, const LossSite& site) {
  if (site.map) return fmt::format("in @{}", program.maps[*site.map].name);
  if (!site.probe) return "";
  const Probe& probe = program.probes[*site.probe];
  std::string more;
  if (probe.points.size() > 1) more = fmt::format(" and {} more", probe.points.size() - 1);
  return fmt::format("in {}{} ({}:{})", probe.points.front().name, more, program.source->name(), site.line);
}

struct Counted {
  uint64_t count = 0;
  LossSite site;
};

void tell(const Program& program, const LossRow& row, std::vector<Counted> places, std::vector<Loss>& all) {
  std::ranges::stable_sort(places, std::greater(), &Counted::count);
  const size_t named = places.size() > most_places ? most_places - 1 : places.size();
  for (size_t i = 0; i < named; i++)
    all.push_back({places[i].count, row.thing, row.fate, row.why, row.remedy, place_of(program, places[i].site)});
  if (named == places.size()) return;
  Loss rest{0, row.thing, row.fate, row.why, row.remedy, fmt::format("in {} more places", places.size() - named)};
  for (size_t i = named; i < places.size(); i++) rest.count += places[i].count;
  all.push_back(std::move(rest));
}

}  // namespace

std::vector<Loss> losses(const Program& program, std::span<const LossSite> sites,
                         const std::function<uint64_t(uint32_t cell)>& count_of,
                         const std::function<uint64_t(size_t probe)>& missed_by) {
  std::vector<Loss> all;
  for (const LossRow& row : rows) {
    std::vector<Counted> places;
    for (uint32_t cell = 0; cell < sites.size(); cell++)
      if (sites[cell].counter == row.counter)
        if (const uint64_t count = count_of(cell); count > 0) places.push_back({count, sites[cell]});
    tell(program, row, std::move(places), all);
  }
  std::vector<Counted> places;
  for (uint32_t i = 0; i < program.probes.size(); i++)
    if (const uint64_t count = missed_by(i); count > 0) {
      const uint32_t line = program.source->position(program.probes[i].syntax->span.begin).line;
      places.push_back({count, {.probe = i, .line = line}});
    }
  tell(program, missed, std::move(places), all);
  return all;
}

}  // namespace zeektrace
