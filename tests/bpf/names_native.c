// codegen/names.bpf.c as native code: its helpers are the functions that names_test.cpp defines.
#define ZEEKTRACE_HELPERS
#define bpf_probe_read_user_str names_read_text
#define bpf_probe_read_user names_read
#define bpf_copy_from_user names_bring_in

long bpf_probe_read_user(void *dst, unsigned size, const void *from);
long bpf_probe_read_user_str(void *dst, unsigned size, const void *from);
long bpf_copy_from_user(void *dst, unsigned size, const void *from);

#include "codegen/names.bpf.c"
