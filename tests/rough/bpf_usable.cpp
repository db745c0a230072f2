// bpf_usable: leaves with 0 when this process may use BPF; prints why not, and leaves with 1, otherwise.
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

int main() {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_PERCPU_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 8;
  attributes.max_entries = 1;
  if (geteuid() != 0) return fmt::print("needs root\n"), 1;
  if (syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes) >= 0) return 0;
  return fmt::print("needs bpf: bpf(2) cannot make a map: {}\n", std::strerror(errno)), 1;
}
