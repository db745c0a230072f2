#include "probes/uprobe_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <optional>

#include "probes/attach.h"
#include "probes/features.h"
#include "probes/kernel_abi.h"
#include "probes/machine.h"
#include "probes/perf_event.h"
#include "probes/placement.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

// Why none of the places can be probed: the reason of the first.
Error nothing_left(const Placement& placement) {
  const Skipped& first = placement.left_out.front();
  return {Error::Kind::machine, fmt::format("{} can't be probed: {}", first.place, first.why),
          "probe its caller, or another variant of the function", nullptr};
}

// The places that can be probed soundly; the others are told.
Result<std::vector<Place>> sound_places(const AttachRequest& request, Links& links) {
  Placement placement = place(request.probe, request.machine);
  if (placement.places.empty()) return nothing_left(placement);
  for (Skipped& each : placement.left_out) links.skip(std::move(each));
  const size_t early = placement.left_early.size();
  if (early > 0)
    links.note(fmt::format("{}{} in a jump to another function; it counts as left there, before the other one has run",
                           request.probe.points[placement.left_early.front()].name,
                           early == 1 ? " can end" : fmt::format(" and {} more can end", early - 1)));
  return std::move(placement.places);
}

// Our own mapping of a file's code, while it is probed. The kernel looks at the instructions only where the file is
// mapped: without this one, probes on a program that is not running yet would seem to be armed, and never fire. Of no
// use with a process filter, which keeps the kernel from looking at our mapping.
class MappedCode {
 public:
  explicit MappedCode(const std::string& file) {
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status = {};
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
      size_ = static_cast<size_t>(status.st_size);
      memory_ = mmap(nullptr, size_, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0) close(fd);
  }
  MappedCode(const MappedCode&) = delete;
  MappedCode& operator=(const MappedCode&) = delete;
  ~MappedCode() {
    if (memory_ != MAP_FAILED) munmap(memory_, size_);
  }

 private:
  void* memory_ = MAP_FAILED;
  size_t size_ = 0;
};

// Places in one file.
struct Places {
  std::vector<unsigned long> offsets;
  std::vector<__u64> cookies;
  std::vector<unsigned long> semaphores;  // 0 where there is none
  std::vector<std::string_view> names;
  bool shared_points = false;  // several places of one attach point

  bool has_semaphores() const {
    return std::ranges::any_of(semaphores, [](unsigned long each) { return each != 0; });
  }
};

constexpr int kernels_enotsupp = 524;  // include/linux/errno.h: it has no name and no text out here

Error uprobe_error(int error_number, std::string_view place, size_t places, std::optional<pid_t> pid) {
  std::string what = places == 1
                         ? fmt::format("cannot attach {}", place)
                         : fmt::format("cannot attach {} and {} more in the same file", place, places - 1);
  std::string hint;
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

// An instruction that the kernel will not step over, as opposed to something that concerns all places.
bool concerns_one_place(int error_number) {
  return error_number == kernels_enotsupp || error_number == ENOTSUP || error_number == EINVAL ||
         error_number == ENOEXEC || error_number == EILSEQ;
}

class MultiLink {
 public:
  MultiLink(const AttachRequest& request, unsigned flags, const std::string& file)
      : request_(request), flags_(flags), file_(file) {}

  // One link for the places from `begin` to `end`. The kernel refuses all of them for one that it can't probe; so a
  // refused link is tried again in halves, and what is refused alone is skipped.
  std::optional<Error> attach(const Places& places, size_t begin, size_t end, Links& links) {
    const int link = try_link(places, begin, end);
    if (link >= 0) {
      links.add(link);
      return std::nullopt;
    }
    const auto pid = request_.machine.settings().pid;
    if (!concerns_one_place(-link) || places.offsets.size() == 1)
      return uprobe_error(-link, places.names[begin], end - begin, pid);
    if (end - begin == 1) {
      last_refusal_ = -link;
      links.skip({std::string(places.names[begin]), "the kernel can't step over the instruction there", !places.shared_points});
      return std::nullopt;
    }
    const size_t middle = begin + (end - begin) / 2;
    if (auto error = attach(places, begin, middle, links)) return error;
    return attach(places, middle, end, links);
  }
  int last_refusal() const { return last_refusal_; }

 private:
  int try_link(const Places& places, size_t begin, size_t end) const {
    // Not by libbpf's bpf_link_create, which knows sessions only from 1.6 on.
    kernel_abi::LinkCreateUprobeMulti attr;
    const uint32_t type = request_.probe.how->attach_type;
    attr.program_fd = static_cast<uint32_t>(bpf_program__fd(request_.program));
    attr.attach_type = type != 0 ? type : kernel_abi::trace_uprobe_multi;
    attr.path = reinterpret_cast<uintptr_t>(file_.c_str());
    attr.offsets = reinterpret_cast<uintptr_t>(places.offsets.data() + begin);
    attr.cookies = reinterpret_cast<uintptr_t>(places.cookies.data() + begin);
    if (places.has_semaphores()) attr.reference_counters = reinterpret_cast<uintptr_t>(places.semaphores.data() + begin);
    attr.count = static_cast<uint32_t>(end - begin);
    attr.flags = flags_;
    attr.pid = static_cast<uint32_t>(request_.machine.settings().pid.value_or(0));
    const long link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
    return link < 0 ? -errno : static_cast<int>(link);
  }

  const AttachRequest& request_;
  const unsigned flags_;
  const std::string& file_;
  int last_refusal_ = 0;
};

Result<Links> attach_multi(const AttachRequest& request, unsigned flags) {
  std::map<std::string, Places> files;
  Links links;
  const auto sound = sound_places(request, links);
  if (!sound) return sound.error();
  for (const Place& each : *sound) {
    const AttachPoint& point = request.probe.points[each.point];
    Places& places = files[point.target];
    places.names.push_back(point.name);
    places.offsets.push_back(each.file_offset);
    places.cookies.push_back(request.probe.first_point + each.point);
    places.semaphores.push_back(point.semaphore);
    places.shared_points = request.probe.how->where == Mechanism::Where::exits;
  }
  for (const auto& [file, places] : files) {
    const MappedCode code(file);
    MultiLink multi(request, flags, file);
    const size_t skipped = links.skipped().size();
    if (auto error = multi.attach(places, 0, places.offsets.size(), links)) return *std::move(error);
    if (links.skipped().size() - skipped == places.offsets.size())
      return uprobe_error(multi.last_refusal(), places.names.front(), places.names.size(),
                          request.machine.settings().pid);
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
  const auto sound = sound_places(request, links);
  if (!sound) return sound.error();
  for (const Place& each : *sound) {
    const AttachPoint& point = request.probe.points[each.point];
    const MappedCode code(point.target);
    perf_event_attr attr = {};
    attr.type = *type;
    // The semaphore's offset stands in the upper half (kernel/events/core.c, PERF_UPROBE_REF_CTR_OFFSET_SHIFT).
    attr.config = (at_return ? 1ULL << *return_bit : 0) | point.semaphore << 32;
    attr.config1 = reinterpret_cast<uintptr_t>(point.target.c_str());  // uprobe_path
    attr.config2 = each.file_offset;                                   // probe_offset
    const int link = link_perf_event(attr, pid.value_or(-1), pid ? -1 : cpu, request.program,
                                     request.probe.first_point + each.point);
    if (link < 0) return uprobe_error(-link, point.name, 1, pid);
    links.add(link);
  }
  return links;
}

Result<Links> attach_event_entry(const AttachRequest& request) { return attach_events(request, false); }
Result<Links> attach_event_return(const AttachRequest& request) { return attach_events(request, true); }

constexpr Mechanism::Frame at_return_address = {pt_regs::sp, 0};
// The kernel's return probe runs when the return address has been taken off the stack.
constexpr Mechanism::Frame past_return_address = {pt_regs::sp, -8};

constexpr Mechanism multi(UprobeKind kind) {
  Mechanism row{.name = "uprobe_multi link",
                .section = "uprobe.multi",
                .has_cookie = true,
                .filters_pid = true,
                .can_sleep = true,
                .overlaps = true,
                .latest_first = true,
                .attach = attach_multi_entry,
                .describe = describe_places};
  if (kind == UprobeKind::entry || kind == UprobeKind::entry_of_something) row.where = Mechanism::Where::entry;
  if (kind == UprobeKind::entry_of_something) row.seen_word = pt_regs::function_args[0];
  if (kind == UprobeKind::kernel_return) {
    row.section = "uretprobe.multi";
    row.at_return = true;
    row.attach = attach_multi_return;
    row.where = Mechanism::Where::entry_with_stack;
    row.frame = past_return_address;
  }
  if (kind == UprobeKind::exits) {
    row.name = "uprobe_multi link, where the function is left";
    row.at_return = true;
    row.where = Mechanism::Where::exits;
    row.frame = at_return_address;
  }
  return row;
}

constexpr Mechanism event(UprobeKind kind) {
  Mechanism row = multi(kind);
  const bool by_kernel = kind == UprobeKind::kernel_return;
  row.name = kind == UprobeKind::exits ? "perf events, where the function is left" : "perf event";
  row.can_sleep = false;
  row.section = by_kernel ? "uretprobe" : "uprobe";
  row.attach = by_kernel ? attach_event_return : attach_event_entry;
  return row;
}

// An entry where the stack pointer still is as at the entry, so that it tells calls apart.
constexpr Mechanism keeping_stack(Mechanism row) {
  row.where = Mechanism::Where::entry_with_stack;
  row.frame = at_return_address;
  return row;
}
constexpr Mechanism multi_with_stack = keeping_stack(multi(UprobeKind::entry));
constexpr Mechanism event_with_stack = keeping_stack(event(UprobeKind::entry));

// At the entry and at the return: the probe's points are those of the entry. The kernel takes the return address from where
// the stack pointer is.
constexpr Mechanism session = [] {
  Mechanism row = multi(UprobeKind::entry);
  row.where = Mechanism::Where::entry_with_stack;
  row.name = "uprobe session";
  row.attach_type = kernel_abi::trace_uprobe_session;
  return row;
}();

constexpr Mechanism joinable(Mechanism row, const Mechanism* with_frame, const Mechanism* joined) {
  row.with_frame = with_frame;
  row.session = joined;
  return row;
}

// In the order of UprobeKind.
constexpr Mechanism session_rows[] = {multi(UprobeKind::place),
                                      joinable(multi(UprobeKind::entry), &multi_with_stack, &session),
                                      joinable(multi(UprobeKind::kernel_return), nullptr, &session),
                                      multi(UprobeKind::exits), multi(UprobeKind::entry_of_something)};
constexpr Mechanism multi_rows[] = {multi(UprobeKind::place),
                                    joinable(multi(UprobeKind::entry), &multi_with_stack, nullptr),
                                    multi(UprobeKind::kernel_return), multi(UprobeKind::exits),
                                    multi(UprobeKind::entry_of_something)};
constexpr Mechanism event_rows[] = {event(UprobeKind::place),
                                    joinable(event(UprobeKind::entry), &event_with_stack, nullptr),
                                    event(UprobeKind::kernel_return), event(UprobeKind::exits),
                                    event(UprobeKind::entry_of_something)};

}  // namespace

const Mechanism& uprobe_mechanism(Features& features, UprobeKind kind, bool one_process) {
  const bool multi = features.uprobe_multi() && (!one_process || features.uprobe_multi_filters_processes());
  if (multi && features.uprobe_session()) return session_rows[static_cast<size_t>(kind)];
  return (multi ? multi_rows : event_rows)[static_cast<size_t>(kind)];
}

}  // namespace zeektrace
