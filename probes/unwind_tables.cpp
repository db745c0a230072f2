#include "probes/unwind_tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <endian.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "probes/cfi.h"
#include "probes/needed.h"
#include "probes/perf_event.h"

namespace zeektrace {

namespace {

int map_fd(const bpf_object* object, std::string_view name) {
  const bpf_map* map = bpf_object__find_map_by_name(object, std::string(name).c_str());
  return map == nullptr ? -1 : bpf_map__fd(map);
}

struct __attribute__((packed)) RangeKey {
  uint32_t bits = 0;
  uint64_t tag = 0, address = 0;  // big-endian
};

// The largest block of a power of two that starts at `begin` and does not go beyond `end`: how many low bits it has.
unsigned block_bits(uint64_t begin, uint64_t end) {
  unsigned bits = begin == 0 ? 63 : static_cast<unsigned>(__builtin_ctzll(begin));
  while ((uint64_t{1} << bits) > end - begin) bits--;
  return bits;
}

}  // namespace

std::unique_ptr<UnwindTables> UnwindTables::of(const bpf_object* object) {
  const int files = map_fd(object, unwind_files_map), ranges = map_fd(object, unwind_ranges_map);
  const int epoch = map_fd(object, unwind_epoch_map), missing = map_fd(object, unwind_missing_map);
  if (files < 0 || ranges < 0 || epoch < 0 || missing < 0) return nullptr;
  std::unique_ptr<UnwindTables> tables(new UnwindTables(files, ranges, epoch));
  const auto hand_over = [](void* context, void* data, size_t size) {
    MissingFile file;
    if (size < sizeof file) return 0;
    std::memcpy(&file, data, sizeof file);
    static_cast<UnwindTables*>(context)->missing(file);
    return 0;
  };
  tables->ring_ = ring_buffer__new(missing, hand_over, tables.get(), nullptr);
  return tables;
}

UnwindTables::~UnwindTables() { ring_buffer__free(ring_); }

int UnwindTables::wait_fd() const { return ring_ == nullptr ? -1 : ring_buffer__epoll_fd(ring_); }

void UnwindTables::serve() {
  if (ring_ != nullptr) ring_buffer__consume(ring_);
}

// Written through a mapping of the map's memory: a million rows by system calls would take a tenth of a second.
void UnwindTables::put_table(const FileIdentity& file, std::span<const UnwindRow> rows) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  const size_t count = rows.size() + 1;
  const int table = bpf_map_create(BPF_MAP_TYPE_ARRAY, "zt_unwind_rows", sizeof(uint32_t), sizeof(UnwindRow),
                                   static_cast<uint32_t>(count), &options);
  if (table < 0) return;
  void* memory = mmap(nullptr, count * sizeof(UnwindRow), PROT_READ | PROT_WRITE, MAP_SHARED, table, 0);
  if (memory != MAP_FAILED) {
    auto* to = static_cast<UnwindRow*>(memory);
    to[0] = {static_cast<uint32_t>(rows.size()), 0};
    if (!rows.empty()) std::memcpy(to + 1, rows.data(), rows.size_bytes());
    munmap(memory, count * sizeof(UnwindRow));
    bpf_map_update_elem(files_, &file, &table, BPF_ANY);
    rows_ += rows.size();
  }
  close(table);
}

void UnwindTables::add_file(int fd, const FileIdentity& file) {
  if (known_.size() >= most_unwind_files || !known_.insert(file).second) return;
  const auto begin = std::chrono::steady_clock::now();
  auto rows = read_unwind_rows(fd);
  if (!rows || rows_ + rows->size() > most_rows_together) rows = std::vector<UnwindRow>{};
  if (rows->empty()) without_table_++;
  put_table(file, *rows);
  milliseconds_ += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

void UnwindTables::add_program(const std::string& path) {
  for (const std::string& file : with_libraries(path)) {
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (const auto identity = file_identity(fd)) add_file(fd, *identity);
    close(fd);
  }
}

void UnwindTables::add_mapping(pid_t pid, uint64_t tag, const Mapping& mapping) {
  if (!known_.contains(mapping.file)) {
    const int fd = open_mapped(pid, mapping);
    if (fd >= 0) {
      add_file(fd, mapping.file);
      close(fd);
    }
  }
  const CodeRange range{mapping.file, mapping.offset - mapping.begin};
  for (uint64_t at = mapping.begin; at < mapping.end;) {
    const unsigned bits = block_bits(at, mapping.end);
    const RangeKey key{128 - bits, htobe64(tag), htobe64(at)};
    bpf_map_update_elem(ranges_, &key, &range, BPF_ANY);
    at += uint64_t{1} << bits;
  }
}

void UnwindTables::add_process(pid_t pid) {
  const auto tag = tag_of(pid);
  const auto maps = read_small_file(fmt::format("/proc/{}/maps", pid));
  if (!tag || !maps) return;
  for (const Mapping& mapping : parse_mappings(*maps)) add_mapping(pid, *tag, mapping);
}

void UnwindTables::forget_addresses() {
  const uint32_t key = 0;
  uint64_t epoch = 0;
  bpf_map_lookup_elem(epoch_, &key, &epoch);
  epoch++;
  bpf_map_update_elem(epoch_, &key, &epoch, BPF_ANY);
}

// The file is known by what the kernel side calls it, which for files of a container (overlayfs) is not what /proc says.
void UnwindTables::missing(const MissingFile& wanted) {
  const auto pid = static_cast<pid_t>(wanted.tgid);
  const auto maps = read_small_file(fmt::format("/proc/{}/maps", pid));
  if (!maps || known_.contains(wanted.file)) return;
  for (const Mapping& mapping : parse_mappings(*maps)) {
    if (wanted.address < mapping.begin || wanted.address >= mapping.end) continue;
    const int fd = open_mapped(pid, mapping);
    if (fd < 0) return;
    add_file(fd, wanted.file);
    close(fd);
  }
}

std::string UnwindTables::summary() const {
  return fmt::format("unwind tables: {} files, {} of them without, {} rows, {:.1f} ms", known_.size(), without_table_,
                     rows_, milliseconds_);
}

}  // namespace zeektrace
