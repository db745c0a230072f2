// interval and profile: software perf events of the kernel's CPU clock. Both fire in the context of whatever
// runs on the CPU at that moment; profile on every CPU that is online, interval on one.
#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "probes/attach.h"
#include "probes/perf_event.h"
#include "probes/providers.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

constexpr uint64_t second = 1'000'000'000;
// The CPU clock never fires more often: perf_swevent_start_hrtimer(), kernel/events/core.c, max_t(u64, 10000,
// period).
constexpr uint64_t shortest_period = 10'000;

struct Unit {
  std::string_view name;
  uint64_t nanoseconds;  // 0: a rate, not a time
};
constexpr Unit units[] = {{"us", 1'000}, {"ms", 1'000'000},  {"s", second},       {"hz", 0},
                          {"ns", 1},     {"m", 60 * second}, {"h", 3600 * second}};

Error bad_period(const Provider& timer, std::string_view target, std::string_view why) {
  return Error{Error::Kind::script, fmt::format("{}:{}: {}", timer.name, target, why),
               fmt::format("write {0}:s:1, {0}:ms:100, {0}:us:50, {0}:hz:99 or {0}:5ms", timer.name),
               nullptr};
}

// "s:1", "1s" → nanoseconds; an explanation when it is not a period.
std::optional<uint64_t> parse_period(std::string_view target, std::string& why) {
  std::string_view unit_name;
  std::string_view number;
  if (const size_t colon = target.find(':'); colon != std::string_view::npos) {
    unit_name = target.substr(0, colon);
    number = target.substr(colon + 1);
  } else {
    const size_t end = std::min(target.find_first_not_of("0123456789_"), target.size());
    number = target.substr(0, end);
    unit_name = target.substr(end);
  }
  std::string digits;
  for (const char c : number)
    if (c != '_') digits += c;
  uint64_t count = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    why = number.empty() ? "the count is missing" : fmt::format("'{}' is not a number", number);
    return std::nullopt;
  }
  for (const Unit& unit : units) {
    if (unit.name != unit_name) continue;
    if (count == 0) {
      why = "the period must be more than zero";
      return std::nullopt;
    }
    if (unit.nanoseconds == 0) return count > second ? 0 : second / count;
    if (count > INT64_MAX / unit.nanoseconds) {
      why = "the period is longer than the kernel can count";
      return std::nullopt;
    }
    return count * unit.nanoseconds;
  }
  why = unit_name.empty() ? "a unit is missing" : fmt::format("'{}' is not a unit of time", unit_name);
  return std::nullopt;
}

Result<Links> attach_clock(const AttachRequest& request, const std::vector<int>& cpus) {
  Links links;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    const AttachPoint& point = request.probe.points[i];
    perf_event_attr attr = {};
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_CPU_CLOCK;
    attr.sample_period = point.offset;
    for (const int cpu : cpus) {
      const int link = link_perf_event(attr, -1, cpu, request.program, request.probe.first_point + i);
      if (link < 0)
        return perf_event_error(-link, fmt::format("cannot start the timer {} on CPU {}", point.name, cpu));
      links.add(link);
    }
  }
  return links;
}

Result<Links> attach_interval(const AttachRequest& request) {
  return attach_clock(request, {online_cpus().front()});
}
Result<Links> attach_profile(const AttachRequest& request) { return attach_clock(request, online_cpus()); }

// An interval tells the time, whichever process it interrupts: no process filter applies to it.
constexpr Mechanism interval_clock = {
    .name = "cpu-clock on one CPU",
    .section = "perf_event",
    .has_cookie = true,
    .filters_pid = true,
    .is_of_no_process = true,
    .attach = attach_interval,
};
constexpr Mechanism profile_clock = {
    .name = "cpu-clock on every CPU",
    .section = "perf_event",
    .has_cookie = true,
    .attach = attach_profile,
    .interrupted_segment = pt_regs::cs,
};

Points expand_timer(ProviderRow row, const Mechanism& how, std::string_view target) {
  const Provider& timer = provider(row);
  std::string why;
  const auto period = parse_period(target, why);
  if (!period) return bad_period(timer, target, why);
  if (*period < shortest_period)
    return bad_period(timer, target, "the kernel's clock fires at most every 10 us");
  AttachPoint point;
  point.provider = &timer;
  point.how = &how;
  point.name = fmt::format("{}:{}", timer.name, target);
  point.target = target.substr(0, target.find(':'));
  point.offset = *period;
  return std::vector<AttachPoint>{point};
}

}  // namespace

Points expand_interval(Machine&, std::string_view target) {
  return expand_timer(ProviderRow::interval, interval_clock, target);
}
Points expand_profile(Machine&, std::string_view target) {
  return expand_timer(ProviderRow::profile, profile_clock, target);
}

}  // namespace zeektrace
