// Which code is at an address of the current process, by the kernel's own list of what is mapped; and the id that tells it from
// what was or will be mapped at the same address.
#include "kernel.bpf.h"

struct found {
  struct identity file;
  u64 offset_of_zero;
  u64 id;  // CODE_ID bits; 0: there is no code
};

// What tells the code at an address from what was or will be mapped there (code_id in parser/unwind.h): in the bits of an
// address that the process's addresses don't have.
#define CODE_ID_AT 47
#define CODE_ID (~0ULL << CODE_ID_AT)
#define ID_WITHOUT_FILE (1ULL << CODE_ID_AT)
INLINE u64 code_id(const struct identity *file, u64 offset_of_zero) {
  if (!file->inode || file->device == ~0ULL)
    return ID_WITHOUT_FILE;
  u64 id = ((file->inode * 0x9e3779b97f4a7c15ULL ^ file->device) * 0xff51afd7ed558ccdULL ^ offset_of_zero) *
           0x9e3779b97f4a7c15ULL;
  // 1 is ID_WITHOUT_FILE, and all ones are an address of the kernel's.
  return (2 + (id >> 33) % 0x1fffd) << CODE_ID_AT;
}

// For bpf_find_vma.
static FUNCTION long take_vma(struct task_struct *task, struct vm_area_struct *vma, void *context) {
  struct found *found = context;
  struct file *file = vma->vm_file;
  (void)task;
  if (!(vma->vm_flags & 4))  // VM_EXEC
    return 0;
  if (file) {
    found->offset_of_zero = ((u64)vma->vm_pgoff << 12) - vma->vm_start;
    found->file.inode = file->f_inode->i_ino;
    found->file.device = file->f_inode->i_sb->s_dev;
  }
  found->id = code_id(&found->file, found->offset_of_zero);
  return 0;
}
