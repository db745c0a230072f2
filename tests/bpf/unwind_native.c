// codegen/unwind.bpf.c as native code: the kernel's types as far as it looks at them, and helpers that the test defines.
#define ZEEKTRACE_HELPERS
#include <stddef.h>

struct super_block {
  unsigned s_dev;
};
struct inode {
  unsigned long i_ino;
  struct super_block *i_sb;
};
struct file {
  struct inode *f_inode;
};
struct vm_area_struct {
  unsigned long vm_start, vm_pgoff, vm_flags;
  struct file *vm_file;
};
struct mm_struct {
  unsigned long end_code, start_stack;
  struct {
    struct {
      long long counter;
    } tlb_gen;
  } context;
};
struct return_instance {
  unsigned long stack, orig_ret_vaddr;
  struct return_instance *next;
};
struct uprobe_task {
  struct return_instance *return_instances;
  unsigned long vaddr;
  void *active_uprobe;
  unsigned long xol_vaddr;
};
struct task_struct {
  int tgid;
  struct mm_struct *mm;
  struct uprobe_task *utask;
};
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

void *unwind_lookup(void *map, const void *key);
long unwind_update(void *map, const void *key, const void *value, unsigned long long flags);
unsigned long long unwind_pid_tgid(void);
long unwind_read_user(void *dst, unsigned size, const void *from);
void *unwind_reserve(void *ring, unsigned long long size, unsigned long long flags);
void unwind_submit(void *data, unsigned long long flags);
struct task_struct *unwind_task(void);
struct pt_regs *unwind_regs(struct task_struct *task);
long unwind_find_vma(struct task_struct *task, unsigned long long address, void *callback, void *context,
                     unsigned long long flags);

#define bpf_map_lookup_elem unwind_lookup
#define bpf_map_update_elem unwind_update
#define bpf_get_current_pid_tgid unwind_pid_tgid
#define bpf_probe_read_user unwind_read_user
#define bpf_ringbuf_reserve unwind_reserve
#define bpf_ringbuf_submit unwind_submit
#define bpf_get_current_task_btf unwind_task
#define bpf_task_pt_regs unwind_regs
#define bpf_find_vma unwind_find_vma

static long bpf_loop(unsigned count, void *callback, void *context, unsigned long long flags) {
  long (*step)(unsigned, void *) = (long (*)(unsigned, void *))callback;
  (void)flags;
  for (unsigned i = 0; i < count; i++)
    if (step(i, context))
      break;
  return 0;
}

char zt_unwind_files, zt_unwind_block, zt_unwind_cache, zt_unwind_asked, zt_unwind_miss, zt_unwind_epoch, zt_unwind_rests;

#define HAS(type, member) 1

#include "codegen/unwind.bpf.c"

const unsigned unwind_sizes[] = {sizeof(struct walk), sizeof(struct row),     sizeof(struct identity),
                                 sizeof(struct block), sizeof(struct missing), offsetof(struct walk, known),
                                 sizeof(struct rest)};

unsigned long long unwind_code_id(unsigned long long inode, unsigned long long device, unsigned long long offset_of_zero) {
  struct identity file = {inode, device};
  return code_id(&file, offset_of_zero) >> CODE_ID_AT;
}
