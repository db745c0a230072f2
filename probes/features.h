// What this kernel can do, found out by trying: a version says little about an enterprise kernel. Each answer
// is sought when it is first asked for, and kept. Without the privilege to try, a feature counts as present,
// so that a script can be compiled and looked at by anyone; loading it is what then fails.
#pragma once

#include <optional>

namespace zeektrace {

class Features {
 public:
  // Without `multi_links` the kernel is taken to have none.
  explicit Features(bool multi_links) {
    if (!multi_links) uprobe_multi_ = uprobe_session_ = kprobe_multi_ = false;
  }

  // One link for any number of uprobes in one binary.
  bool uprobe_multi();
  // Its process filter holds for all threads. Kernels before 6.10 compared threads, not processes.
  bool uprobe_multi_filters_processes();
  // One program at a function's entry and return, with a word that goes with the call. It finds the kernel's functions in
  // the kernel's BTF.
  bool uprobe_session();
  // Nops of several bytes are emulated, and one of five becomes a call (Linux 6.18).
  bool long_nops();
  bool kprobe_multi();
  // Kprobes of any kind.
  bool kprobes();
  // What codegen/unwind.bpf.c calls and looks at: bpf_loop and what came before it, and the kernel's types.
  bool unwinding();
  // Programs that use 64 bytes of stack or more have one of their own for each CPU, which a program of any kind but some keeps
  // until it ends (Linux 6.13).
  bool private_stacks();
  // Its BTF, where its functions are found.
  bool kernel_types() const;

 private:
  std::optional<bool> uprobe_multi_;
  std::optional<bool> uprobe_multi_filter_;
  std::optional<bool> uprobe_session_;
  std::optional<bool> long_nops_;
  std::optional<bool> kprobe_multi_;
  std::optional<bool> kprobes_;
  std::optional<bool> unwinding_;
  std::optional<bool> private_stacks_;
};

}  // namespace zeektrace
