#include "probes/mapping_events.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>

#include "probes/perf_event.h"

namespace zeektrace {

namespace {

constexpr size_t page = 4096, ring_pages = 64;
constexpr size_t ring_bytes = ring_pages * page;
constexpr int most_rounds_together = 8;

// The records as perf_event_open(2) lays them out, less their header.
struct Mmap2 {
  uint32_t pid, tid;
  uint64_t address, length, offset;
  uint32_t major, minor;
  uint64_t inode, inode_generation;
  uint32_t protection, flags;
  // and the file's name
};
struct Task {
  uint32_t pid, parent, tid, parent_tid;
  uint64_t time;
};

template <class T>
std::optional<T> take(std::span<const std::byte> bytes) {
  T value;
  if (bytes.size() < sizeof value) return std::nullopt;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::optional<MappingEvent> mapped(std::span<const std::byte> body) {
  const auto record = take<Mmap2>(body);
  if (!record) return std::nullopt;
  const auto* name = reinterpret_cast<const char*>(body.data()) + sizeof(Mmap2);
  std::string_view path(name, strnlen(name, body.size() - sizeof(Mmap2)));
  constexpr std::string_view deleted = " (deleted)";
  if (path.ends_with(deleted)) path.remove_suffix(deleted.size());
  const bool vdso = path == "[vdso]";
  if ((!path.starts_with('/') || path.starts_with("//anon")) && !vdso) path = "";
  MappingEvent event;
  event.pid = static_cast<pid_t>(record->pid);
  event.mapping = {record->address, record->address + record->length, record->offset, std::string(path), {}};
  if (vdso) event.mapping.file = vdso_identity;
  else if (!path.empty()) event.mapping.file = {record->inode, uint64_t{record->major} << 20 | record->minor};
  return event;
}

std::optional<MappingEvent> of_task(std::span<const std::byte> body, MappingEvent::Kind kind) {
  const auto record = take<Task>(body);
  // Threads come and go without their process; of a process the first thread's end counts.
  if (!record || (kind == MappingEvent::Kind::forked && record->pid == record->parent)) return std::nullopt;
  if (kind == MappingEvent::Kind::ended && record->pid != record->tid) return std::nullopt;
  MappingEvent event;
  event.kind = kind;
  event.pid = static_cast<pid_t>(record->pid);
  event.parent = static_cast<pid_t>(record->parent);
  return event;
}

std::optional<MappingEvent> event_of(const perf_event_header& header, std::span<const std::byte> body) {
  switch (header.type) {
    case PERF_RECORD_MMAP2: return mapped(body);
    case PERF_RECORD_FORK: return of_task(body, MappingEvent::Kind::forked);
    case PERF_RECORD_EXIT: return of_task(body, MappingEvent::Kind::ended);
    case PERF_RECORD_COMM: {
      const auto pid = take<uint32_t>(body);
      if (!pid || (header.misc & PERF_RECORD_MISC_COMM_EXEC) == 0) return std::nullopt;
      MappingEvent event;
      event.kind = MappingEvent::Kind::executed;
      event.pid = static_cast<pid_t>(*pid);
      return event;
    }
    default: return std::nullopt;
  }
}

int open_event(int cpu) {
  perf_event_attr attr = {};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.mmap = attr.mmap2 = attr.comm = attr.comm_exec = attr.task = 1;
  attr.exclude_kernel = 1;
  attr.sample_id_all = 1;
  attr.sample_type = PERF_SAMPLE_TIME;  // each record's last 8 bytes
  attr.use_clockid = 1;                 // by a clock that we can read, too
  attr.clockid = CLOCK_MONOTONIC;
  attr.watermark = 1;
  attr.wakeup_watermark = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

uint64_t now_ns() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Result<MappingEvents> MappingEvents::open() {
  MappingEvents events;
  events.epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (events.epoll_ < 0) return errno_error(errno, "can't watch what is mapped");
  for (const int cpu : online_cpus()) {
    const int fd = open_event(cpu);
    if (fd < 0) return perf_event_error(errno, "can't watch what is mapped");
    events.rings_.push_back({fd, nullptr});
    void* memory = mmap(nullptr, page + ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return perf_event_error(errno, "can't watch what is mapped");
    events.rings_.back().memory = memory;
    epoll_event wanted = {};
    wanted.events = EPOLLIN;
    if (epoll_ctl(events.epoll_, EPOLL_CTL_ADD, fd, &wanted) != 0)
      return errno_error(errno, "can't watch what is mapped");
  }
  return events;
}

MappingEvents::MappingEvents(MappingEvents&& other) noexcept
    : epoll_(std::exchange(other.epoll_, -1)),
      rings_(std::exchange(other.rings_, {})),
      pending_(std::move(other.pending_)),
      lost_(other.lost_) {}

MappingEvents::~MappingEvents() {
  for (const Ring& ring : rings_) {
    if (ring.memory != nullptr) munmap(ring.memory, page + ring_bytes);
    close(ring.fd);
  }
  if (epoll_ >= 0) close(epoll_);
}

void MappingEvents::drain(const Ring& ring) {
  auto* control = static_cast<perf_event_mmap_page*>(ring.memory);
  const auto* bytes = static_cast<const std::byte*>(ring.memory) + page;
  const uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
  uint64_t tail = control->data_tail;
  std::vector<std::byte> record;
  while (tail < head) {
    // A record may go on at the ring's beginning; its header, 8 bytes like the records' grain, does not.
    perf_event_header header;
    std::memcpy(&header, bytes + tail % ring_bytes, sizeof header);
    if (header.size < sizeof header + sizeof(uint64_t) || header.size > head - tail) break;
    record.resize(header.size);
    const size_t first = std::min<size_t>(header.size, ring_bytes - tail % ring_bytes);
    std::memcpy(record.data(), bytes + tail % ring_bytes, first);
    std::memcpy(record.data() + first, bytes, header.size - first);
    tail += header.size;
    const auto all = std::span<const std::byte>(record);
    const auto body = all.subspan(sizeof header, header.size - sizeof header - sizeof(uint64_t));
    if (header.type == PERF_RECORD_LOST && body.size() >= 16) lost_ += *take<uint64_t>(body.subspan(8));
    if (auto event = event_of(header, body))
      pending_.push_back({*take<uint64_t>(all.subspan(header.size - sizeof(uint64_t))), std::move(*event)});
  }
  __atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
}

// Rings are read one after the other: what the last one has may have happened after something that came to the first one
// when that had been read. So until a round finds nothing that happened after its own beginning; what is left then waits.
std::vector<MappingEvent> MappingEvents::read() {
  const auto later_than = [](uint64_t time) { return [time](const Timed& each) { return each.time > time; }; };
  uint64_t begun = 0;
  for (int round = 0; round < most_rounds_together; round++) {
    begun = now_ns();
    for (const Ring& ring : rings_) drain(ring);
    if (std::ranges::none_of(pending_, later_than(begun))) break;
  }
  std::ranges::stable_sort(pending_, {}, &Timed::time);
  const auto end = std::ranges::find_if(pending_, later_than(begun));
  std::vector<MappingEvent> events;
  for (auto each = pending_.begin(); each != end; ++each) events.push_back(std::move(each->event));
  pending_.erase(pending_.begin(), end);
  return events;
}

}  // namespace zeektrace
