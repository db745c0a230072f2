// What somebody who writes BPF by hand would attach in the place of the scripts of bench_overhead: the yardstick of its
// table. Each program has a map of its own and does nothing that its work does not need.
typedef unsigned int u32;
typedef unsigned long long u64;
#define SECTION(name) __attribute__((section(name), used))
// As libbpf reads them: include/uapi/linux/bpf.h's numbers of map types.
enum { hash = 1, percpu_hash = 5, percpu_array = 6, ring_buffer = 27 };
#define MAP(name, kind, key, value, entries) \
  struct { \
    int (*type)[kind]; \
    int (*key_size)[key]; \
    int (*value_size)[value]; \
    int (*max_entries)[entries]; \
  } name SECTION(".maps")

static void *(*const lookup)(void *map, const void *key) = (void *)1;
static long (*const update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const read_text)(void *to, u32 size, const void *from) = (void *)114;
static u64 (*const boot_time)(void) = (void *)125;
static u64 (*const pid_tgid)(void) = (void *)14;
static void *(*const reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const submit)(void *message, u64 flags) = (void *)132;
static u64 (*const query)(void *ring, u64 flags) = (void *)134;

extern _Bool bpf_session_is_return(void) __attribute__((section(".ksyms")));
extern u64 *bpf_session_cookie(void) __attribute__((section(".ksyms")));

char terms[] SECTION("license") = "GPL";

MAP(counts, percpu_array, 4, 8, 1);
MAP(latencies, percpu_array, 4, 8 * 66, 1);
MAP(by_text, percpu_hash, 32, 8, 4096);
struct {
  int (*type)[ring_buffer];
  int (*max_entries)[4 << 20];
} ring SECTION(".maps");

struct registers {  // struct pt_regs of x86-64
  u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
};

SECTION("uprobe.multi") int empty(void *context) { return 0; }

SECTION("uprobe.multi") int count(void *context) {
  u32 key = 0;
  u64 *number = lookup(&counts, &key);
  if (number) ++*number;
  return 0;
}

SECTION("uprobe.multi") int count_atomic(void *context) {
  u32 key = 0;
  u64 *number = lookup(&counts, &key);
  if (number) __sync_fetch_and_add(number, 1);
  return 0;
}

SECTION("uprobe.multi") int session_empty(void *context) { return 0; }

SECTION("uprobe.multi") int session_latency(void *context) {
  u64 *start = bpf_session_cookie();
  if (!bpf_session_is_return()) {
    *start = boot_time();
    return 0;
  }
  u64 took = boot_time() - *start, bucket = 0;
  for (u32 shift = 32; shift > 0; shift /= 2)
    if (took >> shift) took >>= shift, bucket += shift;
  u32 key = 0;
  u64 *buckets = lookup(&latencies, &key);
  if (buckets) ++buckets[bucket & 63];
  return 0;
}

SECTION("uprobe.multi") int text_key(struct registers *context) {
  char key[32] = {};
  u64 one = 1;
  read_text(key, sizeof key, (void *)context->si);
  u64 *number = lookup(&by_text, key);
  if (number)
    ++*number;
  else
    update(&by_text, key, &one, 0);
  return 0;
}

SECTION("uprobe.multi") int message(struct registers *context) {
  u64 *words = reserve(&ring, 16, 0);
  if (!words) return 0;
  words[0] = pid_tgid() >> 32;
  words[1] = context->di;
  submit(words, query(&ring, 0) > (1 << 20) ? 2 : 1);
  return 0;
}
