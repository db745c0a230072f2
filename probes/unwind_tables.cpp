#include "probes/unwind_tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
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

}  // namespace

std::unique_ptr<UnwindTables> UnwindTables::of(const bpf_object* object) {
  const int files = map_fd(object, unwind_files_map), blocks = map_fd(object, unwind_blocks_map);
  const int epoch = map_fd(object, unwind_epoch_map), missing = map_fd(object, unwind_missing_map);
  if (files < 0 || blocks < 0 || epoch < 0 || missing < 0) return nullptr;
  std::unique_ptr<UnwindTables> tables(new UnwindTables(files, blocks, epoch));
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
  if (may_be_called_otherwise(fd)) renamed_.insert(file);
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

void UnwindTables::add_file_of(pid_t pid, const Mapping& mapping) {
  if (known_.contains(mapping.file)) return;
  const int fd = open_mapped(pid, mapping);
  if (fd < 0) return;
  add_file(fd, mapping.file);
  close(fd);
}

// While exec is under way the tag's two addresses are not there yet.
std::optional<uint64_t> UnwindTables::tag(pid_t pid) {
  Told& told = told_[pid];
  for (int round = 0; !told.tag && round < 20; round++) {
    told.tag = tag_of(pid);
    if (!told.tag && access(fmt::format("/proc/{}", pid).c_str(), F_OK) != 0) break;
    if (!told.tag) usleep(50);
  }
  if (told.tag) return told.tag;
  told_.erase(pid);
  return std::nullopt;
}

void UnwindTables::add_range(pid_t pid, const Mapping& mapping) {
  const auto whose = tag(pid);
  if (!whose) return;
  const uint64_t renamed = renamed_.contains(mapping.file) ? MappedRange::renamed : 0;
  const MappedRange range{mapping.begin, mapping.end, mapping.file, (mapping.offset - mapping.begin) | renamed};
  bool replaced = false;
  for (uint64_t at = mapping.begin >> code_block_bits; at <= (mapping.end - 1) >> code_block_bits; at++) {
    const BlockKey key{*whose, at};
    MappedBlock block;
    bpf_map_lookup_elem(blocks_, &key, &block);
    MappedRange* room = nullptr;
    for (MappedRange& each : block.ranges) {
      const bool overlaps = each.begin < range.end && range.begin < each.end;
      const bool same = overlaps && each.file == range.file && each.offset_of_zero == range.offset_of_zero;
      if (overlaps) each.end = 0;
      replaced = replaced || (overlaps && !same);
      if (each.end == 0) room = &each;
    }
    if (room != nullptr) *room = range;
    bpf_map_update_elem(blocks_, &key, &block, BPF_ANY);
    told_[pid].blocks.insert(at);
  }
  if (replaced) forget_addresses();
}

void UnwindTables::forget_process(pid_t pid) {
  const auto told = told_.find(pid);
  if (told == told_.end()) return;
  for (const uint64_t block : told->second.blocks) {
    const BlockKey key{*told->second.tag, block};
    bpf_map_delete_elem(blocks_, &key);
  }
  told_.erase(told);
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
  // In a PID namespace of our own this number is somebody else's.
  if (!maps || known_.contains(wanted.file) || tag_of(pid) != wanted.tag) return;
  for (const Mapping& mapping : parse_mappings(*maps)) {
    if (wanted.address < mapping.begin || wanted.address >= mapping.end) continue;
    const int fd = open_mapped(pid, mapping);
    if (fd < 0) return;
    // Another file can have taken its place since.
    if (mapping.file == wanted.file || may_be_called_otherwise(fd)) add_file(fd, wanted.file);
    close(fd);
  }
}

std::string UnwindTables::summary() const {
  return fmt::format("unwind tables: {} files, {} of them without, {} rows, {:.1f} ms", known_.size(), without_table_,
                     rows_, milliseconds_);
}

}  // namespace zeektrace
