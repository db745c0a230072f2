// codegen/names.bpf.c as native code: its helpers are the functions that names_test.cpp defines.
#define ZEEKTRACE_HELPERS
#define bpf_probe_read_user_str names_read_text
#define bpf_probe_read_user names_read
#define bpf_copy_from_user names_bring_in

#define bpf_map_lookup_elem names_lookup
#define bpf_get_current_pid_tgid names_pid_tgid
#define bpf_get_current_task_btf names_task

struct task_struct {
  struct task_struct *group_leader;
  unsigned long long start_boottime, self_exec_id;
};
void *bpf_map_lookup_elem(void *map, const void *key);
unsigned long long bpf_get_current_pid_tgid(void);
struct task_struct *bpf_get_current_task_btf(void);
char zt_names;

long bpf_probe_read_user(void *dst, unsigned size, const void *from);
long bpf_probe_read_user_str(void *dst, unsigned size, const void *from);
long bpf_copy_from_user(void *dst, unsigned size, const void *from);

#include "codegen/names.bpf.c"
