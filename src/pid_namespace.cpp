#include "src/pid_namespace.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>

#include "src/files.h"

namespace zeektrace {
namespace {

constexpr uint64_t initial_namespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO, include/linux/proc_ns.h

// The kernel's dev_t: 12 bits of major, 20 of minor number (include/linux/kdev_t.h); user space has them elsewhere.
uint64_t kernel_device(dev_t device) { return uint64_t{major(device)} << 20 | minor(device); }

Result<PidNamespace> namespace_of(const std::string& process) {
  struct stat info;
  std::string path = fmt::format("/proc/{}/ns/pid", process);
  if (stat(path.c_str(), &info) != 0) return errno_error(errno, fmt::format("can't read {}", path));
  return PidNamespace{kernel_device(info.st_dev), info.st_ino};
}

// The last number of "NSpid: 4711 12 1": what the process is called in its own namespace.
std::optional<uint32_t> innermost_pid(std::string_view status) {
  size_t at = status.find("\nNSpid:");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view line = status.substr(at + 1, status.find('\n', at + 1) - at - 1);
  std::string_view last = line.substr(line.find_last_of("\t :") + 1);
  uint32_t pid = 0;
  auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), pid);
  if (error != std::errc() || end != last.data() + last.size()) return std::nullopt;
  return pid;
}

}  // namespace

std::optional<PidNamespace> own_pid_namespace() {
  auto own = namespace_of("self");
  if (!own || own->inode == initial_namespace) return std::nullopt;
  return *own;
}

Result<OnlyPid> only_process(pid_t pid) {
  if (!own_pid_namespace()) return OnlyPid{static_cast<uint32_t>(pid), std::nullopt};
  auto in = namespace_of(std::to_string(pid));
  if (!in) return in.error();
  auto status = read_file(fmt::format("/proc/{}/status", pid));
  if (!status) return status.error();
  auto number = innermost_pid(*status);
  if (!number) return Error{Error::Kind::machine, fmt::format("/proc/{}/status has no NSpid", pid), {}, {}};
  return OnlyPid{*number, *in};
}

Status check_proc() {
  char self[32] = {};
  bool known = readlink("/proc/self", self, sizeof self - 1) > 0;
  if (known && std::string_view(self) == std::to_string(getpid())) return Nothing{};
  return Error{Error::Kind::machine, "/proc is not that of the PID namespace that we run in",
               "mount it there (unshare --mount-proc, mount -t proc proc /proc), or leave out -p and -c",
               {}};
}

}  // namespace zeektrace
