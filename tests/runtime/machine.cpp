#include "machine.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace zeektrace {

namespace {

using Reason = std::optional<std::string>;

std::string read_file(const char* path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream content;
  content << stream.rdbuf();
  return content.str();
}

Reason no_bpf() {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 8;
  attributes.max_entries = 1;
  const long descriptor = syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
  if (descriptor < 0) return fmt::format("bpf(2) cannot make a map: {}", std::strerror(errno));
  close(static_cast<int>(descriptor));
  return std::nullopt;
}

Reason no_root() {
  if (geteuid() == 0) return std::nullopt;
  return "not run as root";
}

Reason no_kprobes() {
  if (access("/sys/bus/event_source/devices/kprobe", F_OK) == 0) return std::nullopt;
  return "the kernel has no kprobes (/sys/bus/event_source/devices/kprobe is not there)";
}

Reason has_kprobes() {
  if (no_kprobes()) return std::nullopt;
  return "the kernel has kprobes, and the test is about one without";
}

bool is_tracefs(const char* path) {
  struct statfs status{};
  return statfs(path, &status) == 0 && status.f_type == TRACEFS_MAGIC;
}

Reason no_tracefs() {
  if (is_tracefs("/sys/kernel/tracing") || is_tracefs("/sys/kernel/debug/tracing")) return std::nullopt;
  const std::string known = read_file("/proc/filesystems");
  if (known.empty()) return "cannot tell: /proc/filesystems cannot be read";
  if (known.find("\ttracefs\n") == std::string::npos) {
    return "the kernel has no tracefs (/proc/filesystems does not name it)";
  }
  if (access("/sys/kernel/tracing", F_OK) != 0) return "/sys/kernel/tracing is not there to mount tracefs on";
  if (geteuid() != 0) return "tracefs is not mounted, and only root can mount it";
  return std::nullopt;
}

Reason no_uprobe_multi() {
  const std::string types = read_file("/sys/kernel/btf/vmlinux");
  if (types.empty()) return "cannot tell: /sys/kernel/btf/vmlinux cannot be read";
  if (types.find(std::string("\0BPF_TRACE_UPROBE_MULTI\0", 24)) != std::string::npos) return std::nullopt;
  return "the kernel has no uprobe_multi links (6.6 and later have)";
}

Reason no_pmu() {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = PERF_COUNT_HW_CPU_CYCLES;
  const long descriptor = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
  if (descriptor < 0) return fmt::format("no processor cycles can be counted: {}", std::strerror(errno));
  close(static_cast<int>(descriptor));
  return std::nullopt;
}

Reason has_pmu() {
  if (no_pmu()) return std::nullopt;
  return "the machine has a PMU, and the test is about one without";
}

// That is what the targets were built with, and what is on the PATH now.
Reason no_go() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access((folder + "/go").c_str(), X_OK) == 0) return std::nullopt;
  return "there is no Go compiler (golang-go) to build the target with";
}

Reason no_uprobe_session() {
  const std::string types = read_file("/sys/kernel/btf/vmlinux");
  if (types.empty()) return "cannot tell: /sys/kernel/btf/vmlinux cannot be read";
  if (types.find(std::string("\0BPF_TRACE_UPROBE_SESSION\0", 26)) != std::string::npos) return std::nullopt;
  return "the kernel has no uprobe sessions (6.13 and later have)";
}

Reason nothing() { return std::nullopt; }

struct Need {
  std::string_view name;
  Reason (*missing)();
};

constexpr std::array needs_known = {
    Need{"bpf", no_bpf},         Need{"kprobes", no_kprobes},           Need{"no-kprobes", has_kprobes},
    Need{"tracefs", no_tracefs}, Need{"uprobe_multi", no_uprobe_multi}, Need{"root", no_root},
    Need{"pmu", no_pmu},         Need{"no-pmu", has_pmu},               Need{"go", no_go},
    Need{"uprobe_session", no_uprobe_session},
    Need{"nothing", nothing},
};

}  // namespace

bool is_need(std::string_view name) {
  return std::any_of(needs_known.begin(), needs_known.end(),
                     [&](const Need& need) { return need.name == name; });
}

std::string known_needs() {
  std::string text;
  for (const auto& need : needs_known) text += fmt::format("{}{}", text.empty() ? "" : " ", need.name);
  return text;
}

std::optional<std::string> missing_need(const std::vector<std::string>& needs) {
  std::vector<std::string> wanted = needs;
  if (std::find(wanted.begin(), wanted.end(), "nothing") == wanted.end()) wanted.emplace_back("bpf");
  for (const auto& name : wanted) {
    for (const auto& need : needs_known) {
      if (need.name != name) continue;
      if (auto reason = need.missing()) return fmt::format("needs {}: {}", name, *reason);
    }
  }
  return std::nullopt;
}

}  // namespace zeektrace
