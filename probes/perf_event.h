// Perf events as carriers of BPF programs: opened stopped, given the program with its cookie, then started.
// The link holds the event, so that its one descriptor is all that must be kept (and closed).
#pragma once

#include <linux/perf_event.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/result.h"

struct bpf_program;

namespace zeektrace {

// attr.size and attr.disabled are filled in. The descriptor of the link, or -errno.
int link_perf_event(perf_event_attr attr, pid_t pid, int cpu, const bpf_program* program, uint64_t cookie);

// What an errno of it means for any kind of event: `what`, the errno's text, and what to do where that is
// known.
Error perf_event_error(int error_number, std::string_view what);

// The CPUs that are online, from /sys/devices/system/cpu/online; CPU 0 when that can't be read.
std::vector<int> online_cpus();
// "0-3,8" → 0 1 2 3 8
std::vector<int> parse_cpu_list(std::string_view text);

// The whole of a small file of /sys or /proc, without the newline at its end.
Result<std::string> read_small_file(const std::string& path);

// What to do when the kernel answers EPERM or EACCES.
std::string privilege_hint();

}  // namespace zeektrace
