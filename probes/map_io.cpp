#include "probes/map_io.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace zeektrace {

namespace {

constexpr size_t batch_bytes = 1 << 20;

size_t possible_cpus() {
  const int cpus = libbpf_num_possible_cpus();
  return cpus > 0 ? static_cast<size_t>(cpus) : 1;
}

size_t padded(size_t size) { return (size + 7) / 8 * 8; }

MapRow make_row(const KernelMap& map, const std::byte* key, const std::byte* element) {
  MapRow row;
  row.key.assign(key, key + map.key_size);
  const size_t values = map.per_cpu ? possible_cpus() : 1;
  row.values.reserve(values);
  for (size_t i = 0; i < values; i++) {
    const std::byte* value = element + i * padded(map.value_size);
    row.values.emplace_back(value, value + map.value_size);
  }
  return row;
}

using Rows = std::vector<MapRow>;

// Nothing when the kernel has no batches for this kind of map. -ENOSPC: a hash bucket holds more than fits in
// a batch.
std::optional<Result<Rows>> read_in_batches(const KernelMap& map) {
  Rows rows;
  uint32_t capacity = static_cast<uint32_t>(std::clamp<size_t>(
      batch_bytes / (map.element_size() + map.key_size), 64, std::max<size_t>(map.max_entries, 64)));
  std::vector<std::byte> position(std::max<size_t>(map.key_size, 8));
  std::vector<std::byte> next(position.size());
  std::vector<std::byte> keys;
  std::vector<std::byte> elements;
  bool first = true;
  for (;;) {
    keys.resize(size_t{capacity} * map.key_size);
    elements.resize(size_t{capacity} * map.element_size());
    uint32_t count = capacity;
    const int failure = bpf_map_lookup_batch(map.fd, first ? nullptr : position.data(), next.data(),
                                             keys.data(), elements.data(), &count, nullptr);
    if (failure == -ENOSPC) {
      capacity *= 2;
      continue;
    }
    if (failure != 0 && failure != -ENOENT) {
      if (first) return std::nullopt;
      return Result<Rows>(errno_error(-failure, "cannot read a map"));
    }
    for (uint32_t i = 0; i < count; i++)
      rows.push_back(make_row(map, &keys[size_t{i} * map.key_size], &elements[i * map.element_size()]));
    if (failure == -ENOENT) return Result<Rows>(std::move(rows));
    first = false;
    std::swap(position, next);
  }
}

// Keys that are there while we walk; when the one we stand on vanishes the kernel starts over, so the walk is
// bounded.
std::vector<std::vector<std::byte>> all_keys(const KernelMap& map) {
  std::vector<std::vector<std::byte>> keys;
  std::vector<std::byte> key(map.key_size);
  const std::byte* previous = nullptr;
  while (keys.size() <= size_t{map.max_entries} && bpf_map_get_next_key(map.fd, previous, key.data()) == 0) {
    keys.push_back(key);
    previous = keys.back().data();
  }
  return keys;
}

Result<Rows> read_one_by_one(const KernelMap& map) {
  Rows rows;
  std::vector<std::byte> element(map.element_size());
  auto keys = all_keys(map);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const auto& key : keys) {
    const int failure = bpf_map_lookup_elem(map.fd, key.data(), element.data());
    if (failure == -ENOENT) continue;  // removed meanwhile
    if (failure != 0) return errno_error(-failure, "cannot read a map");
    rows.push_back(make_row(map, key.data(), element.data()));
  }
  return rows;
}

}  // namespace

KernelMap KernelMap::of(const bpf_map* map) {
  const auto type = bpf_map__type(map);
  KernelMap kernel;
  kernel.fd = bpf_map__fd(map);
  kernel.key_size = bpf_map__key_size(map);
  kernel.value_size = bpf_map__value_size(map);
  kernel.max_entries = bpf_map__max_entries(map);
  kernel.per_cpu = type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
                   type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
  kernel.is_array = type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
  return kernel;
}

size_t KernelMap::element_size() const { return per_cpu ? padded(value_size) * possible_cpus() : value_size; }

Result<Rows> read_rows(const KernelMap& map) {
  if (map.max_entries > 16)
    if (auto rows = read_in_batches(map)) return *std::move(rows);
  return read_one_by_one(map);
}

Result<uint64_t> remove_rows(const KernelMap& map) {
  if (map.is_array) {
    auto status = zero_rows(map);
    if (!status) return status.error();
    return uint64_t{0};
  }
  uint64_t removed = 0;
  // A full walk may have been cut short by elements that other CPUs remove: go on until nothing is left,
  // within reason.
  for (int round = 0; round < 4; round++) {
    const auto keys = all_keys(map);
    if (keys.empty()) break;
    for (const auto& key : keys) {
      const int failure = bpf_map_delete_elem(map.fd, key.data());
      if (failure != 0 && failure != -ENOENT) return errno_error(-failure, "cannot clear a map");
      removed += failure == 0;
    }
  }
  return removed;
}

Status zero_rows(const KernelMap& map) {
  const std::vector<std::byte> zeros(map.element_size());
  for (const auto& key : all_keys(map)) {
    const int failure = bpf_map_update_elem(map.fd, key.data(), zeros.data(), BPF_EXIST);
    if (failure != 0 && failure != -ENOENT) return errno_error(-failure, "cannot zero a map");
  }
  return Nothing{};
}

}  // namespace zeektrace
