// codegen/runtime.bpf.c as native code: its helpers are the functions that the test defines.
#define ZEEKTRACE_HELPERS

void *bpf_map_lookup_elem(void *map, const void *key);
void *bpf_map_lookup_percpu_elem(void *map, const void *key, unsigned cpu);
long bpf_map_update_elem(void *map, const void *key, const void *value, unsigned long long flags);
long bpf_get_stack(void *ctx, void *buf, unsigned size, unsigned long long flags);
long bpf_probe_read_user(void *dst, unsigned size, const void *from);
long bpf_probe_read_kernel(void *dst, unsigned size, const void *from);
long bpf_probe_read_user_str(void *dst, unsigned size, const void *from);
long bpf_probe_read_kernel_str(void *dst, unsigned size, const void *from);
long bpf_get_ns_current_pid_tgid(unsigned long long device, unsigned long long inode, void *info, unsigned size);
long bpf_copy_from_user(void *dst, unsigned size, const void *from);
unsigned long long bpf_ringbuf_query(void *ring, unsigned long long flags);

#include "codegen/runtime.bpf.c"
