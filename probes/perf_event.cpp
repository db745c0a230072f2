#include "probes/perf_event.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace zeektrace {

Error perf_event_error(int error_number, std::string_view what) {
  std::string hint;
  if (error_number == EPERM || error_number == EACCES) hint = privilege_hint();
  if (error_number == EMFILE)
    hint = "raise the limit of open files (ulimit -n), or probe fewer places at once";
  return errno_error(error_number, std::string(what), hint);
}

std::string privilege_hint() {
  if (geteuid() != 0)
    return "run it as root (sudo zeektrace …), or with the capabilities CAP_BPF, CAP_PERFMON and "
           "CAP_SYS_PTRACE";
  const auto lockdown = read_small_file("/sys/kernel/security/lockdown");
  if (lockdown && lockdown->find("[confidentiality]") != std::string::npos)
    return "kernel lockdown is set to confidentiality, which forbids tracing: boot without "
           "lockdown=confidentiality";
  return "being root is not enough here: in a container it takes CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE "
         "(--privileged)";
}

int link_perf_event(perf_event_attr attr, pid_t pid, int cpu, const bpf_program* program, uint64_t cookie) {
  attr.size = sizeof(attr);
  attr.disabled = 1;
  const long event = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (event < 0) return -errno;
  LIBBPF_OPTS(bpf_link_create_opts, options, .perf_event = {.bpf_cookie = cookie});
  const int link =
      bpf_link_create(bpf_program__fd(program), static_cast<int>(event), BPF_PERF_EVENT, &options);
  int result = link;
  if (link >= 0 && ioctl(static_cast<int>(event), PERF_EVENT_IOC_ENABLE, 0) != 0) {
    result = -errno;
    close(link);
  }
  // A pinned event that found no counter is in error, and reads as the end of a file (perf_read, kernel/events/core.c).
  uint64_t count = 0;
  if (result >= 0 && attr.pinned && read(static_cast<int>(event), &count, sizeof(count)) == 0) {
    result = -EBUSY;
    close(link);
  }
  close(static_cast<int>(event));  // the link keeps the event
  return result;
}

Result<std::string> read_small_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno_error(errno, fmt::format("cannot open {}", path));
  std::string text;
  char chunk[4096];
  ssize_t got = 0;
  while ((got = read(fd, chunk, sizeof(chunk))) > 0) text.append(chunk, static_cast<size_t>(got));
  const int failure = got < 0 ? errno : 0;
  close(fd);
  if (failure != 0) return errno_error(failure, fmt::format("cannot read {}", path));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<int> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    int first = 0;
    const auto number = std::from_chars(part.data(), part.data() + part.size(), first);
    if (number.ec != std::errc()) continue;
    int last = first;
    if (number.ptr != part.data() + part.size() && *number.ptr == '-')
      std::from_chars(number.ptr + 1, part.data() + part.size(), last);
    for (int cpu = first; cpu <= last; cpu++) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<int> online_cpus() {
  std::vector<int> cpus;
  if (const auto text = read_small_file("/sys/devices/system/cpu/online")) cpus = parse_cpu_list(*text);
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

}  // namespace zeektrace
