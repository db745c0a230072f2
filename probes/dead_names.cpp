#include "probes/dead_names.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>

namespace zeektrace {
namespace {

bool has_ended(uint64_t process) { return kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH; }

void free_place(KnownName& name) {
  name.slot = name.life = 0;
  name.name = {};
  std::atomic_ref(name.process).store(0, std::memory_order_release);  // last: from now on it is somebody else's
}

}  // namespace

size_t forget_dead_names(std::span<KnownName> names) {
  std::map<uint64_t, bool> ended;
  size_t in_use = 0;
  for (KnownName& name : names) {
    const uint64_t process = std::atomic_ref(name.process).load(std::memory_order_acquire);
    if (process == 0) continue;
    const auto [known, is_new] = ended.try_emplace(process, false);
    if (is_new) known->second = has_ended(process);
    if (known->second)
      free_place(name);
    else
      ++in_use;
  }
  return in_use;
}

Result<bool> forget_dead_names(const KernelMap& map) {
  if (map.value_size != sizeof(KnownName)) bug("names in the kernel are laid out otherwise");
  const size_t bytes = size_t{map.max_entries} * sizeof(KnownName);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0);
  if (memory == MAP_FAILED) return errno_error(errno, "cannot read the names that the kernel side knows");
  const size_t in_use = forget_dead_names(std::span(static_cast<KnownName*>(memory), map.max_entries));
  munmap(memory, bytes);
  return in_use >= map.max_entries / 8 * 7;
}

}  // namespace zeektrace
