// codegen/zeek.bpf.c as native code: the kernel's types as far as it looks at them, and helpers that the test defines.
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
struct mm_struct {
  unsigned long start_code;
  struct file *exe_file;
};
struct task_struct {
  struct mm_struct *mm;
};
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

void *zeek_lookup(void *map, const void *key);
long zeek_update(void *map, const void *key, const void *value, unsigned long long flags);
unsigned long long zeek_pid_tgid(void);
long zeek_read_user(void *dst, unsigned size, const void *from);
long zeek_read_user_str(void *dst, unsigned size, const void *from);
struct task_struct *zeek_task(void);
struct pt_regs *zeek_regs(struct task_struct *task);

#define bpf_map_lookup_elem zeek_lookup
#define bpf_map_update_elem zeek_update
#define bpf_get_current_pid_tgid zeek_pid_tgid
#define bpf_probe_read_user zeek_read_user
#define bpf_probe_read_user_str zeek_read_user_str
#define bpf_get_current_task_btf zeek_task
#define bpf_task_pt_regs zeek_regs

static long bpf_loop(unsigned count, void *callback, void *context, unsigned long long flags) {
  long (*step)(unsigned, void *) = (long (*)(unsigned, void *))callback;
  (void)flags;
  for (unsigned i = 0; i < count; i++)
    if (step(i, context))
      break;
  return 0;
}

char zt_zeek, zt_znames, zt_zstacks;

#include "codegen/zeek.bpf.c"

const unsigned zeek_sizes[] = {sizeof(struct walk),       sizeof(struct image),        offsetof(struct walk, chunk),
                               offsetof(struct image, func_bodies), offsetof(struct image, release), TEXT, MAX_FRAMES};
