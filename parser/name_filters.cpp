// A probe at a function's return, of which only calls for objects with certain names are wanted. By then the registers that
// had the object are gone, so the entry of the same function is probed as well: by a probe of the script that lets the same
// names pass, where there is one, else by one that is made here and does nothing else.
#include <algorithm>

#include "parser/checking.h"

namespace zeektrace {
namespace {

bool uses_remembered(const Probe& probe) {
  return std::ranges::any_of(probe.fields, [&](const Field& field) {
    return std::holds_alternative<Remembered>(field.where) && probe.used_fields.contains(field.name);
  });
}

bool is_entry_of(const Probe& probe, const Probe& at_return) {
  return probe.only && same_names(*probe.only, *at_return.only) &&
         same_location(probe.only->object, at_return.only->object) &&
         std::ranges::equal(probe.points, at_return.points, [](const AttachPoint& x, const AttachPoint& y) {
           return x.target == y.target && x.offset == y.offset && x.how == y.entry;
         });
}

// Kept where the stack pointer tells calls apart.
const Mechanism* keeping_frame(const Mechanism* how) { return how->with_frame ? how->with_frame : how; }

}  // namespace

Probe& Checking::entry_of(uint32_t number) {
  for (Probe& probe : program_.probes)
    if (!probe.is_silent && is_entry_of(probe, program_.probes[number])) return probe;
  Probe made = program_.probes[number];
  made.is_silent = true;
  made.fields.clear();
  made.used_fields.clear();
  made.variables.clear();
  made.recalls = std::nullopt;
  made.how = made.points.front().entry;
  for (AttachPoint& point : made.points) point.how = point.entry;
  made.function = "p" + std::to_string(program_.probes.size()) + "_entry";
  program_.probes.push_back(std::move(made));
  return program_.probes.back();
}

// Where handlers are called whose bodies a probe is about.
void Checking::follow_bodies(uint32_t number) {
  Probe made = program_.probes[number];
  made.is_silent = true;
  made.only = std::nullopt;
  made.fields.clear();
  made.used_fields.clear();
  made.variables.clear();
  made.points = made.points.front().handlers;
  made.how = made.points.front().how;
  made.function = "p" + std::to_string(program_.probes.size()) + "_handler";
  program_.probes.push_back(std::move(made));
}

void Checking::remember_calls() {
  const auto written = static_cast<uint32_t>(program_.probes.size());
  for (uint32_t i = 0; i < written; i++) {
    if (program_.probes[i].bodies) follow_bodies(i);
    const Probe& probe = program_.probes[i];
    if (!probe.only || !probe.how->at_return || (probe.only->passes_all() && !uses_remembered(probe))) continue;
    Probe& entry = entry_of(i);
    entry.remembers.push_back(i);
    entry.how = keeping_frame(entry.how);
    program_.probes[i].recalls = i;
  }
}

}  // namespace zeektrace
