#include "probes/kprobe_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>

#include "probes/attach.h"
#include "probes/features.h"
#include "probes/machine.h"
#include "probes/perf_event.h"

namespace zeektrace {

namespace {

// The kernel's own meanings of these numbers (kernel/kprobes.c, kernel/trace/trace_kprobe.c) are not
// strerror's.
Error kprobe_error(int error_number, std::string_view what) {
  const auto because = [&](std::string_view reason, std::string hint) {
    return Error{Error::Kind::machine, fmt::format("{}: {}", what, reason), std::move(hint), nullptr};
  };
  switch (error_number) {
    case EILSEQ:
      return because("the offset is not the start of an instruction",
                     "objdump -d vmlinux shows where they are");
    case ENOENT:
    case ESRCH:
      return because("the kernel has no such function, or cannot trace it",
                     "it may be inlined where it is called, left out of this kernel, or marked notrace");
    case EINVAL:
      return because("the kernel forbids probes there",
                     "/sys/kernel/debug/kprobes/blacklist lists such functions; probe one of its callers");
    case EADDRNOTAVAIL:
      return because("several functions of the kernel share this name",
                     "name its module, or probe one of its callers");
    default:
      return perf_event_error(error_number, what);
  }
}

// AttachPoint::target is the module ("" for the kernel itself); symbol the kernel's own name.
Result<Links> attach_multi(const AttachRequest& request, unsigned flags) {
  std::vector<const char*> symbols;
  std::vector<__u64> cookies;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    symbols.push_back(request.probe.points[i].symbol.c_str());
    cookies.push_back(request.probe.first_point + i);
  }
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.kprobe_multi.flags = flags;
  options.kprobe_multi.cnt = static_cast<__u32>(symbols.size());
  options.kprobe_multi.syms = symbols.data();
  options.kprobe_multi.cookies = cookies.data();
  const int link = bpf_link_create(bpf_program__fd(request.program), 0, BPF_TRACE_KPROBE_MULTI, &options);
  if (link < 0) {
    const AttachPoint& first = request.probe.points.front();
    return kprobe_error(-link, symbols.size() == 1 ? fmt::format("cannot attach {}", first.name)
                                                   : fmt::format("cannot attach {} and {} more", first.name,
                                                                 symbols.size() - 1));
  }
  Links links;
  links.add(link);
  return links;
}

Result<Links> attach_multi_entry(const AttachRequest& request) { return attach_multi(request, 0); }
Result<Links> attach_multi_return(const AttachRequest& request) {
  return attach_multi(request, BPF_F_KPROBE_MULTI_RETURN);
}

Result<uint32_t> pmu_number(const char* file, std::string_view prefix) {
  const std::string path = fmt::format("/sys/bus/event_source/devices/kprobe/{}", file);
  auto text = read_small_file(path);
  if (!text) return text.error();
  uint32_t number = 0;
  const char* end = text->data() + text->size();
  if (text->starts_with(prefix) && std::from_chars(text->data() + prefix.size(), end, number).ptr == end)
    return number;
  return Error{Error::Kind::machine, fmt::format("{} holds '{}', which is not understood", path, *text), "",
               nullptr};
}

Result<Links> attach_events(const AttachRequest& request, bool at_return) {
  auto type = pmu_number("type", "");
  if (!type) return type.error();
  auto return_bit = pmu_number("format/retprobe", "config:");
  if (!return_bit) return return_bit.error();
  const int cpu = online_cpus().front();
  Links links;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    const AttachPoint& point = request.probe.points[i];
    const std::string function = point.target.empty() ? point.symbol : point.target + ":" + point.symbol;
    perf_event_attr attr = {};
    attr.type = *type;
    attr.config = at_return ? 1ULL << *return_bit : 0;
    attr.config1 = reinterpret_cast<uintptr_t>(function.c_str());  // kprobe_func
    attr.config2 = point.offset;                                   // probe_offset
    const int link = link_perf_event(attr, -1, cpu, request.program, request.probe.first_point + i);
    if (link < 0) return kprobe_error(-link, fmt::format("cannot attach {}", point.name));
    links.add(link);
  }
  return links;
}

Result<Links> attach_event_entry(const AttachRequest& request) { return attach_events(request, false); }
Result<Links> attach_event_return(const AttachRequest& request) { return attach_events(request, true); }

Result<Links> attach_raw(const AttachRequest& request, const char* tracepoint) {
  const int link = bpf_raw_tracepoint_open(tracepoint, bpf_program__fd(request.program));
  if (link < 0)
    return kprobe_error(-link, fmt::format("cannot attach {} through the raw tracepoint {}",
                                           request.probe.points.front().name, tracepoint));
  Links links;
  links.add(link);
  return links;
}

Result<Links> attach_sys_enter(const AttachRequest& request) { return attach_raw(request, "sys_enter"); }
Result<Links> attach_sys_exit(const AttachRequest& request) { return attach_raw(request, "sys_exit"); }

constexpr Mechanism multi_entry = {
    .name = "kprobe_multi link", .section = "kprobe.multi", .has_cookie = true, .attach = attach_multi_entry};
constexpr Mechanism multi_return = {.name = "kprobe_multi link",
                                    .section = "kretprobe.multi",
                                    .has_cookie = true,
                                    .attach = attach_multi_return};
constexpr Mechanism event_entry = {
    .name = "kprobe perf event", .section = "kprobe", .has_cookie = true, .attach = attach_event_entry};
constexpr Mechanism event_return = {
    .name = "kprobe perf event", .section = "kretprobe", .has_cookie = true, .attach = attach_event_return};
constexpr Mechanism sys_enter = {
    .name = "raw_syscalls tracepoint", .section = "raw_tp", .attach = attach_sys_enter};
constexpr Mechanism sys_exit = {
    .name = "raw_syscalls tracepoint", .section = "raw_tp", .attach = attach_sys_exit};

}  // namespace

const Mechanism& kprobe_mechanism(Features& features, bool at_return, bool whole_functions) {
  if (whole_functions && features.kprobe_multi()) return at_return ? multi_return : multi_entry;
  return at_return ? event_return : event_entry;
}

const Mechanism& raw_syscall_mechanism(bool at_return) { return at_return ? sys_exit : sys_enter; }

bool is_raw_syscall(const Mechanism& how) { return &how == &sys_enter || &how == &sys_exit; }

}  // namespace zeektrace
