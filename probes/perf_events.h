// The kernel's and the processor's countable events by the names that perf gives them: page-faults,
// cache-misses, L1-dcache-load-misses, r01c4. What probes of software: and hardware: fire on, and what pmc()
// reads.
#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/program.h"
#include "parser/result.h"

namespace zeektrace {

enum class PerfEventKind { software, hardware };

struct PerfEvent {
  EventCounter counter;
  uint64_t period =
      1;  // how many events are passed over for one that fires the probe, when a script does not say
};

// By name or alias, upper and lower case alike; raw events (r and hexadecimal digits) are hardware.
std::optional<PerfEvent> find_perf_event(PerfEventKind kind, std::string_view name);
// Every name, aliases and raw events left out.
std::vector<PerfEvent> all_perf_events(PerfEventKind kind);
// "there is no … event 'x'", with near matches.
Error unknown_perf_event(PerfEventKind kind, std::string_view name);

// What to ask perf_event_open for: the event alone. Pinned, so that it counts the whole time or not at all:
// events that take turns on too few counters would have to be scaled up by a guess. Guests and hypervisors
// are counted as perf does.
perf_event_attr perf_event_attributes(const EventCounter& counter);

// 0 when the machine can count it, an errno otherwise. Tried on one CPU; EPERM and EACCES say nothing about
// the machine.
int try_perf_event(const EventCounter& counter, uint64_t period);

// Why an event of this kind can't be had, in a sentence, and what works instead.
Error no_perf_event(const EventCounter& counter, int error_number, std::string_view wanted);

}  // namespace zeektrace
