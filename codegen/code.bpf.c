// The id of the code at an address, for those that keep single addresses (unwind.bpf.c gives it with each frame of a stack).
#include "mapped.bpf.h"

// An address with the id of its code (parser/unwind.h, CodeAddress) in the bits above; without one where nothing is mapped, or
// where the list of mappings can't be looked at: while the process changes it, or when it was looked at already since
// interrupts were turned off.
FUNCTION u64 zt_code_at(u64 address) {
  struct found found = {};
  if (address >> CODE_ID_AT || bpf_find_vma(bpf_get_current_task_btf(), address, take_vma, &found, 0) != 0)
    return address;
  return address | found.id;
}
