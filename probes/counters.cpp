#include "probes/counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "probes/perf_event.h"
#include "probes/perf_events.h"

namespace zeektrace {

namespace {

// 0 or an errno. A pinned event that found no free counter is in error, and reads as the end of a file
// (perf_read, kernel/events/core.c).
int put_counter(const EventCounter& counter, int cpu, int map) {
  perf_event_attr attr = perf_event_attributes(counter);
  const int event = static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
  if (event < 0) return errno;
  uint64_t count = 0;
  const ssize_t got = read(event, &count, sizeof(count));
  int error_number = got < 0 ? errno : got == 0 ? EBUSY : 0;
  if (error_number == 0) error_number = -bpf_map_update_elem(map, &cpu, &event, BPF_ANY);
  close(event);  // the map keeps it
  return error_number;
}

}  // namespace

Status open_counters(const Program& program, bpf_object* object) {
  const auto cpus = online_cpus();
  for (uint32_t i = 0; i < program.counters.size(); i++) {
    const EventCounter& counter = program.counters[i];
    // There is no map when LLVM found that nothing reads it.
    const bpf_map* map = bpf_object__find_map_by_name(object, event_counter_map(i).c_str());
    if (map == nullptr) continue;
    for (const int cpu : cpus) {
      const int error_number = put_counter(counter, cpu, bpf_map__fd(map));
      if (error_number != 0)
        return no_perf_event(counter, error_number, fmt::format("pmc(\"{}\") on CPU {}", counter.name, cpu));
    }
  }
  return Nothing{};
}

}  // namespace zeektrace
