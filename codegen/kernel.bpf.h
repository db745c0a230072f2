// The kernel as the walks (unwind.bpf.c, zeek.bpf.c) and names.bpf.c see it: its types as far as they are looked at, its helpers,
// how maps are declared. One header for all, since in one object LLVM knows a member by its type's name and its place in the
// type: declared twice and differently, it would be read from a wrong place.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#ifndef ZEEKTRACE_HELPERS
#define KERNEL_TYPE __attribute__((preserve_access_index))
#define SECTION(name) __attribute__((section(name), used))

// libbpf puts in where this kernel has them.
struct super_block {
  u32 s_dev;
} KERNEL_TYPE;
struct inode {
  unsigned long i_ino;
  struct super_block *i_sb;
} KERNEL_TYPE;
struct file {
  struct inode *f_inode;
} KERNEL_TYPE;
struct vm_area_struct {
  unsigned long vm_start;
  unsigned long vm_pgoff;
  unsigned long vm_flags;
  struct file *vm_file;
} KERNEL_TYPE;
// How often a page of the process's memory was taken out of its address space, or could have been; only ever grows (x86).
typedef struct {
  s64 counter;
} KERNEL_TYPE atomic64_t;
typedef struct {
  atomic64_t tlb_gen;
} KERNEL_TYPE mm_context_t;
struct mm_struct {
  unsigned long end_code;
  unsigned long start_stack;
  unsigned long start_code;
  struct file *exe_file;
  mm_context_t context;
} KERNEL_TYPE;
// A return that the kernel waits for: of the function whose return address was at `stack`, the innermost first.
struct return_instance {
  unsigned long stack;
  unsigned long orig_ret_vaddr;
  struct return_instance *next;
} KERNEL_TYPE;
// The probe whose instruction, at `vaddr`, is being stepped over in a copy at `xol_vaddr`.
struct uprobe_task {
  struct return_instance *return_instances;
  unsigned long vaddr;
  void *active_uprobe;
  unsigned long xol_vaddr;
} KERNEL_TYPE;
struct task_struct {
  int tgid;
  struct mm_struct *mm;
  struct uprobe_task *utask;
  struct task_struct *group_leader;
  u64 start_boottime;
  u64 self_exec_id;
} KERNEL_TYPE;
// arch/x86/include/asm/ptrace.h: the same on every kernel.
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

// Whether this kernel has a member (BPF_FIELD_EXISTS, tools/lib/bpf/bpf_core_read.h).
#define HAS(type, member) __builtin_preserve_field_info(((struct type *)0)->member, 2)

// Numbers of include/uapi/linux/bpf.h (enum bpf_func_id), fixed for ever by the kernel's ABI.
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_probe_read_user)(void *dst, u32 size, const void *from) = (void *)112;
static long (*const bpf_probe_read_user_str)(void *dst, u32 size, const void *from) = (void *)114;
static void *(*const bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static long (*const bpf_copy_from_user)(void *dst, u32 size, const void *from) = (void *)148;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static struct pt_regs *(*const bpf_task_pt_regs)(struct task_struct *task) = (void *)175;
static long (*const bpf_find_vma)(struct task_struct *task, u64 address, void *callback, void *context,
                                  u64 flags) = (void *)180;
static long (*const bpf_loop)(u32 count, void *callback, void *context, u64 flags) = (void *)181;
#else
#define SECTION(name)
#endif

#define INLINE static __attribute__((always_inline)) inline
// The verifier looks at it once, if it is not static; what it knows of the arguments is their size.
#define FUNCTION __attribute__((noinline))
// The verifier looks at it as at a part of the program that calls it: libbpf makes what is hidden static.
#define IN_PROGRAM __attribute__((noinline, visibility("hidden")))

// Which file, as the kernel side knows it (FileIdentity in parser/unwind.h).
struct identity {
  u64 inode;
  u64 device;
};

// ---- how maps are declared ----

#define NUMBER(name, value) int(*name)[value]
#define BPF_HASH 1
#define BPF_ARRAY 2
#define BPF_HASH_OF_MAPS 13
#define BPF_RINGBUF 27
#define NO_PREALLOC 1
#define NO_EXIST 1
#define MMAPABLE 1024
#define INNER_MAP 4096
