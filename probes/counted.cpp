// software and hardware: the probe fires each time so many events have been counted. One perf event a CPU
// counts for all processes, and -p is a filter in the program, as it is for profile: a perf event of a
// process counts one thread each, so that threads which start while it is armed would be missed or counted
// twice. The hits that a process gets out of a period of N are then its share of all hits: an unbiased
// sample, exact for a period of 1.
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "probes/attach.h"
#include "probes/glob.h"
#include "probes/perf_event.h"
#include "probes/perf_events.h"
#include "probes/providers.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

PerfEventKind kind_of(const Provider& row) {
  return &row == &provider(ProviderRow::software) ? PerfEventKind::software : PerfEventKind::hardware;
}

Result<Links> attach_counted(const AttachRequest& request) {
  Links links;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    const AttachPoint& point = request.probe.points[i];
    const auto event = find_perf_event(kind_of(*point.provider), point.symbol);
    if (!event) return unknown_perf_event(kind_of(*point.provider), point.symbol);
    perf_event_attr attr = perf_event_attributes(event->counter);
    attr.sample_period = point.offset;
    for (const int cpu : online_cpus()) {
      const int link = link_perf_event(attr, -1, cpu, request.program, request.probe.first_point + i);
      if (link < 0)
        return no_perf_event(event->counter, -link,
                             fmt::format("cannot attach {} on CPU {}", point.name, cpu));
      links.add(link);
    }
  }
  return links;
}

std::vector<std::string> describe_periods(const Probe& probe, Machine&) {
  std::vector<std::string> lines;
  for (const AttachPoint& point : probe.points)
    lines.push_back(fmt::format("fires once in {} {} of a processor", point.offset, point.symbol));
  return lines;
}

constexpr Mechanism counted_event = {
    .name = "perf event on every CPU",
    .section = "perf_event",
    .has_cookie = true,
    .attach = attach_counted,
    .interrupted_segment = pt_regs::cs,
    .describe = describe_periods,
};

// "100", "1_000", "1e6"; nothing when it is no number of events.
std::optional<uint64_t> parse_period(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != '_') digits += c;
  const size_t exponent_at = digits.find('e');
  uint64_t count = 0, exponent = 0;
  auto read = [](std::string_view part, uint64_t& number) {
    const auto [at, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    return error == std::errc() && at == part.data() + part.size();
  };
  if (!read(std::string_view(digits).substr(0, exponent_at), count)) return std::nullopt;
  if (exponent_at != std::string::npos && !read(std::string_view(digits).substr(exponent_at + 1), exponent))
    return std::nullopt;
  for (; exponent > 0; exponent--) {
    if (count > INT64_MAX / 10 || exponent > 18) return std::nullopt;
    count *= 10;
  }
  if (count == 0 || count > INT64_MAX) return std::nullopt;  // perf_event_open refuses the top bit
  return count;
}

AttachPoint make_point(const Provider& row, const PerfEvent& event, uint64_t period) {
  AttachPoint point;
  point.provider = &row;
  point.how = &counted_event;
  point.name = fmt::format("{}:{}:{}", row.name, event.counter.name, period);
  point.symbol = event.counter.name;
  point.offset = period;
  return point;
}

// Events that fire on nothing by themselves are for other uses of perf.
bool fires(const PerfEvent& event) {
  return event.counter.type != PERF_TYPE_SOFTWARE ||
         (event.counter.config != PERF_COUNT_SW_DUMMY && event.counter.config != PERF_COUNT_SW_BPF_OUTPUT);
}

// The kernel's clocks never fire more often, whatever they are asked for: perf_swevent_start_hrtimer(),
// kernel/events/core.c, max_t(u64, 10000, period).
constexpr uint64_t shortest_clock_period = 10'000;
std::optional<Error> refuse_period(const Provider& row, const PerfEvent& event, uint64_t period) {
  const bool is_clock =
      event.counter.type == PERF_TYPE_SOFTWARE &&
      (event.counter.config == PERF_COUNT_SW_CPU_CLOCK || event.counter.config == PERF_COUNT_SW_TASK_CLOCK);
  if (!is_clock || period >= shortest_clock_period) return std::nullopt;
  return Error{Error::Kind::script,
               fmt::format("{}:{}:{}: the kernel's clocks fire at most every 10 us", row.name,
                           event.counter.name, period),
               fmt::format("write {}:{}:10000 or more, in nanoseconds", row.name, event.counter.name),
               nullptr};
}

bool may_not_try(int error_number) { return error_number == EPERM || error_number == EACCES; }

// What of this kind matches and can be counted here.
Points matching(const Provider& row, std::string_view pattern, std::optional<uint64_t> period) {
  std::vector<AttachPoint> points;
  const PerfEvent* refused = nullptr;
  int refusal = 0;
  const auto events = all_perf_events(kind_of(row));
  for (const PerfEvent& event : events) {
    if (!glob_matches(pattern, event.counter.name) || !fires(event)) continue;
    const uint64_t every = period.value_or(event.period);
    if (auto error = refuse_period(row, event, every)) return *std::move(error);
    const int error_number = try_perf_event(event.counter, every);
    if (error_number == 0 || may_not_try(error_number)) points.push_back(make_point(row, event, every));
    else if (refused == nullptr) refused = &event, refusal = error_number;
  }
  if (!points.empty()) return points;
  if (refused == nullptr) return unknown_perf_event(kind_of(row), pattern);
  return no_perf_event(refused->counter, refusal, fmt::format("{}:{}", row.name, pattern));
}

Points expand(const Provider& row, std::string_view target) {
  const size_t colon = target.find(':');
  const std::string_view name = target.substr(0, colon);
  std::optional<uint64_t> period;
  if (colon != std::string_view::npos && colon + 1 < target.size()) {
    period = parse_period(target.substr(colon + 1));
    if (!period)
      return Error{
          Error::Kind::script,
          fmt::format("{}:{}: '{}' is not a number of events", row.name, target, target.substr(colon + 1)),
          fmt::format("write {}:{}:1000 to fire once in a thousand", row.name, name), nullptr};
  }
  if (name.empty())
    return Error{Error::Kind::script, fmt::format("{}:{} does not name an event", row.name, target),
                 fmt::format("zeektrace -l '{}:*' lists them", row.name), nullptr};
  if (is_glob(name)) return matching(row, name, period);
  const auto event = find_perf_event(kind_of(row), name);
  if (!event) return unknown_perf_event(kind_of(row), name);
  if (!fires(*event))
    return Error{Error::Kind::script,
                 fmt::format("the event {} never happens by itself", event->counter.name),
                 fmt::format("zeektrace -l '{}:*' lists those that do", row.name), nullptr};
  const uint64_t every = period.value_or(event->period);
  if (auto error = refuse_period(row, *event, every)) return *std::move(error);
  const int refusal = try_perf_event(event->counter, every);
  if (refusal != 0 && !may_not_try(refusal))
    return no_perf_event(event->counter, refusal, fmt::format("{}:{}", row.name, target));
  return std::vector<AttachPoint>{make_point(row, *event, every)};
}

Result<EventCounter> counter(PerfEventKind kind, std::string_view name) {
  const auto event = find_perf_event(kind, name);
  if (!event) return unknown_perf_event(kind, name);
  return event->counter;
}

}  // namespace

Points expand_software(Machine&, std::string_view target) {
  return expand(provider(ProviderRow::software), target);
}
Points expand_hardware(Machine&, std::string_view target) {
  return expand(provider(ProviderRow::hardware), target);
}

Result<EventCounter> software_counter(std::string_view name) {
  return counter(PerfEventKind::software, name);
}
Result<EventCounter> hardware_counter(std::string_view name) {
  return counter(PerfEventKind::hardware, name);
}

}  // namespace zeektrace
