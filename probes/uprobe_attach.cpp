#include "probes/uprobe_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <map>

#include "probes/attach.h"
#include "probes/features.h"
#include "probes/kernel_abi.h"
#include "probes/machine.h"
#include "probes/perf_event.h"

namespace zeektrace {

namespace {

struct Places {
  std::vector<unsigned long> offsets;
  std::vector<__u64> cookies;
  std::string_view first;  // its name
};

Error uprobe_error(int error_number, std::string_view place, size_t places, std::optional<pid_t> pid) {
  std::string what = places == 1
                         ? fmt::format("cannot attach {}", place)
                         : fmt::format("cannot attach {} and {} more in the same file", place, places - 1);
  std::string hint;
  constexpr int kernels_enotsupp = 524;  // include/linux/errno.h: it has no name and no text out here
  if (error_number == kernels_enotsupp) error_number = ENOTSUP;
  if (error_number == EPERM || error_number == EACCES) hint = privilege_hint();
  if (error_number == ESRCH && pid) hint = fmt::format("process {} has ended", *pid);
  if (error_number == EINVAL || error_number == ENOTSUP || error_number == ENOEXEC)
    hint =
        "the kernel will not probe an instruction there: prefixes that it cannot step over, or no "
        "instruction's start";
  if (error_number == E2BIG) hint = "one link takes at most 1048576 places: use a narrower glob";
  if (error_number == ENOMEM || error_number == EMFILE)
    hint = "use a narrower glob, or raise the limit of open files";
  return errno_error(error_number, what, hint);
}

Result<Links> attach_multi(const AttachRequest& request, unsigned flags) {
  std::map<std::string_view, Places> files;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    const AttachPoint& point = request.probe.points[i];
    Places& places = files[point.target];
    if (places.offsets.empty()) places.first = point.name;
    places.offsets.push_back(point.offset);
    places.cookies.push_back(request.probe.first_point + i);
  }
  const auto pid = request.machine.settings().pid;
  Links links;
  for (const auto& [file, places] : files) {
    const std::string path(file);
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.uprobe_multi.flags = flags;
    options.uprobe_multi.cnt = static_cast<__u32>(places.offsets.size());
    options.uprobe_multi.path = path.c_str();
    options.uprobe_multi.offsets = places.offsets.data();
    options.uprobe_multi.cookies = places.cookies.data();
    options.uprobe_multi.pid = pid ? static_cast<__u32>(*pid) : 0;
    const int link =
        bpf_link_create(bpf_program__fd(request.program), 0, kernel_abi::trace_uprobe_multi, &options);
    if (link < 0) return uprobe_error(-link, places.first, places.offsets.size(), pid);
    links.add(link);
  }
  return links;
}

Result<Links> attach_multi_entry(const AttachRequest& request) { return attach_multi(request, 0); }
Result<Links> attach_multi_return(const AttachRequest& request) {
  return attach_multi(request, kernel_abi::uprobe_multi_return);
}

Result<uint32_t> read_number(const std::string& path, std::string_view prefix) {
  auto text = read_small_file(path);
  if (!text) return text.error();
  uint32_t number = 0;
  if (text->starts_with(prefix)) {
    const char* end = text->data() + text->size();
    if (std::from_chars(text->data() + prefix.size(), end, number).ptr == end) return number;
  }
  return Error{Error::Kind::machine, fmt::format("{} holds '{}', which is not understood", path, *text), "",
               nullptr};
}

// The kernel keeps a perf event's process filter by address space, so that it holds for all threads
// (uprobe_perf_filter, kernel/trace/trace_uprobe.c).
Result<Links> attach_events(const AttachRequest& request, bool at_return) {
  const std::string pmu = "/sys/bus/event_source/devices/uprobe";
  auto type = read_number(pmu + "/type", "");
  if (!type) {
    Error error{Error::Kind::machine, "this kernel has no uprobes", "use a kernel with CONFIG_UPROBE_EVENTS",
                nullptr};
    error.cause = std::make_shared<const Error>(type.error());
    return error;
  }
  auto return_bit = read_number(pmu + "/format/retprobe", "config:");
  if (!return_bit) return return_bit.error();
  const auto pid = request.machine.settings().pid;
  const int cpu = online_cpus().front();
  Links links;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    const AttachPoint& point = request.probe.points[i];
    perf_event_attr attr = {};
    attr.type = *type;
    attr.config = at_return ? 1ULL << *return_bit : 0;
    attr.config1 = reinterpret_cast<uintptr_t>(point.target.c_str());  // uprobe_path
    attr.config2 = point.offset;                                       // probe_offset
    const int link = link_perf_event(attr, pid.value_or(-1), pid ? -1 : cpu, request.program,
                                     request.probe.first_point + i);
    if (link < 0) return uprobe_error(-link, point.name, 1, pid);
    links.add(link);
  }
  return links;
}

Result<Links> attach_event_entry(const AttachRequest& request) { return attach_events(request, false); }
Result<Links> attach_event_return(const AttachRequest& request) { return attach_events(request, true); }

constexpr Mechanism multi_entry = {.name = "uprobe_multi link",
                                   .section = "uprobe.multi",
                                   .has_cookie = true,
                                   .filters_pid = true,
                                   .attach = attach_multi_entry};
constexpr Mechanism multi_return = {.name = "uprobe_multi link",
                                    .section = "uretprobe.multi",
                                    .has_cookie = true,
                                    .filters_pid = true,
                                    .attach = attach_multi_return};
constexpr Mechanism event_entry = {.name = "perf event",
                                   .section = "uprobe",
                                   .has_cookie = true,
                                   .filters_pid = true,
                                   .attach = attach_event_entry};
constexpr Mechanism event_return = {.name = "perf event",
                                    .section = "uretprobe",
                                    .has_cookie = true,
                                    .filters_pid = true,
                                    .attach = attach_event_return};

}  // namespace

const Mechanism& uprobe_mechanism(Features& features, bool at_return, bool one_process) {
  const bool multi = features.uprobe_multi() && (!one_process || features.uprobe_multi_filters_processes());
  if (multi) return at_return ? multi_return : multi_entry;
  return at_return ? event_return : event_entry;
}

}  // namespace zeektrace
