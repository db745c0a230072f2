// A BPF map's content as bytes: many elements a system call where the kernel can, one at a time where it
// can't.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "parser/result.h"
#include "probes/tracer.h"

struct bpf_map;

namespace zeektrace {

struct KernelMap {
  int fd = -1;
  uint32_t key_size = 0;
  uint32_t value_size = 0;  // of one CPU
  uint32_t max_entries = 0;
  bool per_cpu = false;
  bool is_array = false;

  static KernelMap of(const bpf_map* map);
  // Bytes that the kernel hands over for one element: each CPU's value is padded to 8.
  size_t element_size() const;
};

Result<std::vector<MapRow>> read_rows(const KernelMap& map);
// How many elements there were to remove.
Result<uint64_t> remove_rows(const KernelMap& map);
Status zero_rows(const KernelMap& map);

}  // namespace zeektrace
