// Constants of the kernel's BPF interface that the oldest headers we build with (Linux 6.1) do not have yet.
// include/uapi/linux/bpf.h, Linux 6.13.
#pragma once

#include <linux/bpf.h>

namespace zeektrace::kernel_abi {

constexpr auto trace_uprobe_multi = static_cast<bpf_attach_type>(48);    // BPF_TRACE_UPROBE_MULTI, 6.6
constexpr auto trace_uprobe_session = static_cast<bpf_attach_type>(57);  // BPF_TRACE_UPROBE_SESSION, 6.13
constexpr unsigned uprobe_multi_return = 1U << 0;                        // BPF_F_UPROBE_MULTI_RETURN, 6.6

// attr.link_create.uprobe_multi as the bpf system call takes it.
struct LinkCreateUprobeMulti {
  __u32 program_fd = 0;
  __u32 target_fd = 0;
  __u32 attach_type = 0;
  __u32 link_flags = 0;
  alignas(8) __u64 path = 0;
  __u64 offsets = 0;
  __u64 reference_counters = 0;
  __u64 cookies = 0;
  __u32 count = 0;
  __u32 flags = 0;
  __u32 pid = 0;
  __u32 reserved = 0;
};

}  // namespace zeektrace::kernel_abi
