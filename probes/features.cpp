#include "probes/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <iterator>

#include "probes/kernel_abi.h"

namespace zeektrace {

namespace {

// A descriptor that closes itself.
struct Descriptor {
  int fd;
  explicit Descriptor(int descriptor) : fd(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

bpf_insn instruction(uint8_t code, uint8_t dst, uint8_t src, int16_t offset, int32_t immediate) {
  bpf_insn insn = {};
  insn.code = code;
  insn.dst_reg = dst & 0xf;
  insn.src_reg = src & 0xf;
  insn.off = offset;
  insn.imm = immediate;
  return insn;
}

int load_program(bpf_attach_type type, const bpf_insn* instructions, size_t count) {
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
  return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "zt_feature", "GPL", instructions, count, &options);
}

int load_empty_program(bpf_attach_type type) {
  const bpf_insn instructions[] = {instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
                                   instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)};
  return load_program(type, instructions, 2);
}

// The error of a uprobe_multi link on "/", which is no regular file: EBADF where the kernel got as far as
// looking.
int try_uprobe_multi(int program, bpf_attach_type type) {
  const uint64_t offset = 0;
  kernel_abi::LinkCreateUprobeMulti attr;
  attr.program_fd = static_cast<uint32_t>(program);
  attr.attach_type = type;
  attr.path = reinterpret_cast<uintptr_t>("/");
  attr.offsets = reinterpret_cast<uintptr_t>(&offset);
  attr.count = 1;
  const long link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
  if (link < 0) return errno;
  close(static_cast<int>(link));
  return 0;
}

// The function that the process filter is tried on. Not inlined, not merged with another.
extern "C" __attribute__((noinline, noclone, used)) void zeektrace_feature_target() {
  asm volatile("" ::: "memory");
}

// r = lookup(map, &0); if (r) *r += 1; return 0;
int load_counting_program(int map) {
  const bpf_insn instructions[] = {
      instruction(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
      instruction(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
      instruction(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
      instruction(0, 0, 0, 0, 0),
      instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
      instruction(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
      instruction(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  return load_program(kernel_abi::trace_uprobe_multi, instructions, std::size(instructions));
}

// Where in our own executable the target's first byte lies: /proc/self/maps knows.
std::optional<uint64_t> offset_in_own_file() {
  const auto address = reinterpret_cast<uintptr_t>(&zeektrace_feature_target);
  FILE* maps = fopen("/proc/self/maps", "re");
  if (maps == nullptr) return std::nullopt;
  std::optional<uint64_t> found;
  unsigned long start = 0;
  unsigned long end = 0;
  unsigned long offset = 0;
  char line[4608];
  while (!found && fgets(line, sizeof(line), maps) != nullptr)
    if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && start <= address && address < end)
      found = address - start + offset;
  fclose(maps);
  return found;
}

// Counts a call made by another thread of ours, with the filter set to our process.
bool second_thread_is_seen() {
  const auto offset = offset_in_own_file();
  const Descriptor map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "zt_feature", 4, 8, 1, nullptr));
  if (!offset || map.fd < 0) return false;
  const Descriptor program(load_counting_program(map.fd));
  if (program.fd < 0) return false;
  kernel_abi::LinkCreateUprobeMulti attr;
  const uint64_t offsets[] = {*offset};
  attr.program_fd = static_cast<uint32_t>(program.fd);
  attr.attach_type = kernel_abi::trace_uprobe_multi;
  attr.path = reinterpret_cast<uintptr_t>("/proc/self/exe");
  attr.offsets = reinterpret_cast<uintptr_t>(offsets);
  attr.count = 1;
  attr.pid = static_cast<uint32_t>(getpid());
  const Descriptor link(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr))));
  if (link.fd < 0) return false;
  const auto call_target = [](void*) -> void* {
    zeektrace_feature_target();
    return nullptr;
  };
  pthread_t thread;
  if (pthread_create(&thread, nullptr, call_target, nullptr) != 0) return false;
  pthread_join(thread, nullptr);
  const uint32_t key = 0;
  uint64_t seen = 0;
  return bpf_map_lookup_elem(map.fd, &key, &seen) == 0 && seen == 1;
}

bool may_not_try(int error) { return error == EPERM || error == EACCES; }

}  // namespace

bool Features::kprobes() {
  if (!kprobes_) kprobes_ = access("/sys/bus/event_source/devices/kprobe/type", F_OK) == 0;
  return *kprobes_;
}

bool Features::kernel_types() const { return access("/sys/kernel/btf/vmlinux", R_OK) == 0; }

bool Features::unwinding() {
  if (!unwinding_)
    unwinding_ = kernel_types() &&
                 libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, nullptr) != 0;
  return *unwinding_;
}

// Two functions that call each other and have more on the stack than the 512 bytes of the kernel's that they would share.
bool Features::private_stacks() {
  if (private_stacks_) return *private_stacks_;
  const bpf_insn instructions[] = {
      instruction(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -400, 0),
      instruction(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
      instruction(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -400, 0),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  const Descriptor program(load_program(BPF_CGROUP_INET_INGRESS, instructions, std::size(instructions)));
  private_stacks_ = program.fd >= 0;
  return *private_stacks_;
}

bool Features::uprobe_multi() {
  if (uprobe_multi_) return *uprobe_multi_;
  const Descriptor program(load_empty_program(kernel_abi::trace_uprobe_multi));
  uprobe_multi_ = program.fd < 0 ? may_not_try(-program.fd)
                                 : try_uprobe_multi(program.fd, kernel_abi::trace_uprobe_multi) == EBADF;
  return *uprobe_multi_;
}

// Uprobe sessions came long after the filter had been mended, and trying for one costs nothing; attaching to
// ourselves to count costs the 20 to 60 ms that the kernel takes to detach.
bool Features::uprobe_multi_filters_processes() {
  if (uprobe_multi_filter_) return *uprobe_multi_filter_;
  uprobe_multi_filter_ = uprobe_session() || second_thread_is_seen();
  return *uprobe_multi_filter_;
}

bool Features::uprobe_session() {
  if (uprobe_session_) return *uprobe_session_;
  const Descriptor program(load_empty_program(kernel_abi::trace_uprobe_session));
  uprobe_session_ = kernel_types() &&
                    (program.fd < 0 ? may_not_try(-program.fd)
                                    : try_uprobe_multi(program.fd, kernel_abi::trace_uprobe_session) == EBADF);
  return *uprobe_session_;
}

// With an unreadable list of addresses the kernel answers EFAULT where it knows such links.
bool Features::kprobe_multi() {
  if (kprobe_multi_) return *kprobe_multi_;
  const Descriptor program(load_empty_program(BPF_TRACE_KPROBE_MULTI));
  if (program.fd < 0) {
    kprobe_multi_ = may_not_try(-program.fd);
    return *kprobe_multi_;
  }
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.kprobe_multi.cnt = 1;
  options.kprobe_multi.addrs = reinterpret_cast<const unsigned long*>(8);
  const int link = bpf_link_create(program.fd, 0, BPF_TRACE_KPROBE_MULTI, &options);
  kprobe_multi_ = link == -EFAULT;
  if (link >= 0) close(link);
  return *kprobe_multi_;
}

// The system call that such a nop becomes is refused to all but the kernel's trampolines: with ENXIO (6.18), or EPROTO
// (later). Tried in a process of its own, since a kernel between may answer by SIGILL.
bool Features::long_nops() {
  if (long_nops_) return *long_nops_;
  constexpr long sys_uprobe = 336;  // arch/x86/entry/syscalls/syscall_64.tbl, Linux 6.18
  const pid_t child = fork();
  if (child == 0) _exit(syscall(sys_uprobe) < 0 && errno == ENOSYS ? 1 : 0);
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  long_nops_ = child > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) != 0);
  return *long_nops_;
}

}  // namespace zeektrace
