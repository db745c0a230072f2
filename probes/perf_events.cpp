#include "probes/perf_events.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cctype>

#include "parser/registry.h"
#include "probes/perf_event.h"

namespace zeektrace {

namespace {

struct EventRow {
  std::string_view name;
  std::string_view alias;
  uint64_t config;
  uint64_t period;
};

// Names are the perf tool's (tools/perf/util/parse-events.c, Linux 6.1), aliases those of bpftrace's manual
// too.
constexpr EventRow software_rows[] = {
    {"cpu-clock", "cpu", PERF_COUNT_SW_CPU_CLOCK, 1'000'000},
    {"task-clock", "", PERF_COUNT_SW_TASK_CLOCK, 1'000'000},
    {"page-faults", "faults", PERF_COUNT_SW_PAGE_FAULTS, 100},
    {"context-switches", "cs", PERF_COUNT_SW_CONTEXT_SWITCHES, 1000},
    {"cpu-migrations", "migrations", PERF_COUNT_SW_CPU_MIGRATIONS, 1},
    {"minor-faults", "", PERF_COUNT_SW_PAGE_FAULTS_MIN, 100},
    {"major-faults", "", PERF_COUNT_SW_PAGE_FAULTS_MAJ, 1},
    {"alignment-faults", "", PERF_COUNT_SW_ALIGNMENT_FAULTS, 1},
    {"emulation-faults", "", PERF_COUNT_SW_EMULATION_FAULTS, 1},
    {"dummy", "", PERF_COUNT_SW_DUMMY, 1},
    {"bpf-output", "", PERF_COUNT_SW_BPF_OUTPUT, 1},
    {"cgroup-switches", "", PERF_COUNT_SW_CGROUP_SWITCHES, 1000},
};
constexpr EventRow hardware_rows[] = {
    {"cpu-cycles", "cycles", PERF_COUNT_HW_CPU_CYCLES, 1'000'000},
    {"instructions", "", PERF_COUNT_HW_INSTRUCTIONS, 1'000'000},
    {"cache-references", "", PERF_COUNT_HW_CACHE_REFERENCES, 1'000'000},
    {"cache-misses", "", PERF_COUNT_HW_CACHE_MISSES, 1'000'000},
    {"branch-instructions", "branches", PERF_COUNT_HW_BRANCH_INSTRUCTIONS, 100'000},
    {"branch-misses", "", PERF_COUNT_HW_BRANCH_MISSES, 100'000},
    {"bus-cycles", "", PERF_COUNT_HW_BUS_CYCLES, 100'000},
    {"stalled-cycles-frontend", "frontend-stalls", PERF_COUNT_HW_STALLED_CYCLES_FRONTEND, 1'000'000},
    {"stalled-cycles-backend", "backend-stalls", PERF_COUNT_HW_STALLED_CYCLES_BACKEND, 1'000'000},
    {"ref-cycles", "", PERF_COUNT_HW_REF_CPU_CYCLES, 1'000'000},
};
constexpr uint64_t cache_period = 1'000'000;
constexpr uint64_t raw_period = 1'000'000;

// "L1-dcache" × "loads" | "load-misses" …: which of them there are stands in evsel__hw_cache_stat,
// tools/perf/util/evsel.c.
struct CacheRow {
  std::string_view name;
  uint64_t cache;
  bool stores, prefetches;
};
constexpr CacheRow cache_rows[] = {
    {"L1-dcache", PERF_COUNT_HW_CACHE_L1D, true, true}, {"L1-icache", PERF_COUNT_HW_CACHE_L1I, false, true},
    {"LLC", PERF_COUNT_HW_CACHE_LL, true, true},        {"dTLB", PERF_COUNT_HW_CACHE_DTLB, true, true},
    {"iTLB", PERF_COUNT_HW_CACHE_ITLB, false, false},   {"branch", PERF_COUNT_HW_CACHE_BPU, false, false},
    {"node", PERF_COUNT_HW_CACHE_NODE, true, true},
};
struct CacheWork {
  std::string_view accesses, misses;
  uint64_t work;
};
constexpr std::array cache_work = {
    CacheWork{"loads", "load-misses", PERF_COUNT_HW_CACHE_OP_READ},
    CacheWork{"stores", "store-misses", PERF_COUNT_HW_CACHE_OP_WRITE},
    CacheWork{"prefetches", "prefetch-misses", PERF_COUNT_HW_CACHE_OP_PREFETCH},
};

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<PerfEvent> cache_events() {
  std::vector<PerfEvent> events;
  for (const CacheRow& row : cache_rows) {
    for (const CacheWork& work : cache_work) {
      if (work.work == PERF_COUNT_HW_CACHE_OP_WRITE && !row.stores) continue;
      if (work.work == PERF_COUNT_HW_CACHE_OP_PREFETCH && !row.prefetches) continue;
      // The layout of config: perf_event_open(2), PERF_TYPE_HW_CACHE.
      const uint64_t config = row.cache | work.work << 8;
      auto add = [&](std::string_view what, uint64_t result) {
        events.push_back({{fmt::format("{}-{}", row.name, what), PERF_TYPE_HW_CACHE, config | result << 16},
                          cache_period});
      };
      add(work.accesses, PERF_COUNT_HW_CACHE_RESULT_ACCESS);
      add(work.misses, PERF_COUNT_HW_CACHE_RESULT_MISS);
    }
  }
  return events;
}

// r1a8, as the processor's manual numbers its events: the unit's mask before the event's number.
std::optional<PerfEvent> raw_event(std::string_view name) {
  if (name.size() < 2 || (name[0] != 'r' && name[0] != 'R')) return std::nullopt;
  uint64_t config = 0;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + 1, end, config, 16);
  if (error != std::errc() || at != end) return std::nullopt;
  return PerfEvent{{fmt::format("r{:x}", config), PERF_TYPE_RAW, config}, raw_period};
}

PerfEvent event_of(const EventRow& row, uint32_t type) {
  return {{std::string(row.name), type, row.config}, row.period};
}

bool is_hardware(const EventCounter& counter) { return counter.type != PERF_TYPE_SOFTWARE; }

int open_on(const EventCounter& counter, uint64_t period, int cpu) {
  perf_event_attr attr = perf_event_attributes(counter);
  attr.sample_period = period;
  attr.disabled = 1;
  const long event = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  return event < 0 ? -errno : static_cast<int>(event);
}

}  // namespace

std::vector<PerfEvent> all_perf_events(PerfEventKind kind) {
  std::vector<PerfEvent> events;
  if (kind == PerfEventKind::software) {
    for (const EventRow& row : software_rows) events.push_back(event_of(row, PERF_TYPE_SOFTWARE));
    return events;
  }
  for (const EventRow& row : hardware_rows) events.push_back(event_of(row, PERF_TYPE_HARDWARE));
  for (PerfEvent& event : cache_events()) events.push_back(std::move(event));
  return events;
}

std::optional<PerfEvent> find_perf_event(PerfEventKind kind, std::string_view name) {
  const bool software = kind == PerfEventKind::software;
  const auto rows =
      software ? std::span<const EventRow>(software_rows) : std::span<const EventRow>(hardware_rows);
  for (const EventRow& row : rows)
    if (same_name(name, row.name) || (!row.alias.empty() && same_name(name, row.alias)))
      return event_of(row, software ? PERF_TYPE_SOFTWARE : PERF_TYPE_HARDWARE);
  if (software) return std::nullopt;
  for (PerfEvent& event : cache_events())
    if (same_name(name, event.counter.name)) return std::move(event);
  return raw_event(name);
}

Error unknown_perf_event(PerfEventKind kind, std::string_view name) {
  const auto events = all_perf_events(kind);
  std::vector<std::string_view> names;
  for (const PerfEvent& event : events) names.push_back(event.counter.name);
  const std::string_view word = kind == PerfEventKind::software ? "software" : "hardware";
  std::string hint = did_you_mean(near_matches(name, names));
  if (hint.empty()) hint = fmt::format("zeektrace -l '{}:*' lists them", word);
  return Error{Error::Kind::script, fmt::format("there is no {} event '{}'", word, name), hint, nullptr};
}

perf_event_attr perf_event_attributes(const EventCounter& counter) {
  perf_event_attr attr = {};
  attr.size = sizeof(attr);
  attr.type = counter.type;
  attr.config = counter.config;
  attr.pinned = 1;
  return attr;
}

int try_perf_event(const EventCounter& counter, uint64_t period) {
  const int event = open_on(counter, period, online_cpus().front());
  if (event < 0) return -event;
  close(event);
  return 0;
}

Error no_perf_event(const EventCounter& counter, int error_number, std::string_view wanted) {
  if (error_number == EPERM || error_number == EACCES) return perf_event_error(error_number, wanted);
  if (!is_hardware(counter)) return perf_event_error(error_number, wanted);
  const auto cycles = find_perf_event(PerfEventKind::hardware, "cpu-cycles");
  const int can_count = try_perf_event(cycles->counter, 0);
  if (can_count == ENOENT || can_count == EOPNOTSUPP || can_count == ENODEV)
    return Error{
        Error::Kind::machine,
        fmt::format(
            "{}: this machine shows no hardware performance counters (no PMU, as most virtual machines)",
            wanted),
        "software events work here (page-faults, context-switches …; zeektrace -l 'software:*'), and "
        "profile: "
        "samples where processor time goes",
        nullptr};
  if (error_number == EBUSY)
    return Error{
        Error::Kind::machine, fmt::format("{}: all of the processor's counters for it are taken", wanted),
        "use fewer hardware events at once, stop other users (perf; the watchdog: kernel.nmi_watchdog=0)",
        nullptr};
  if (error_number == EOPNOTSUPP && try_perf_event(counter, 0) == 0)
    return Error{
        Error::Kind::machine,
        fmt::format("{}: this processor counts {}, but can't interrupt for it", wanted, counter.name),
        fmt::format("read the count in another probe: pmc(\"{}\")", counter.name), nullptr};
  if (error_number == ENOENT || error_number == EINVAL || error_number == EOPNOTSUPP)
    return Error{Error::Kind::machine,
                 fmt::format("{}: this processor does not count {}", wanted, counter.name),
                 "zeektrace -l 'hardware:*' lists what it counts", nullptr};
  return perf_event_error(error_number, wanted);
}

}  // namespace zeektrace
