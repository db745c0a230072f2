// The kernel's own announcements, as they happen and on every CPU: code that is mapped, exec, fork, the end of a process.
// By a perf event that counts nothing (PERF_COUNT_SW_DUMMY); nobody is stopped for it.
#pragma once

#include <sys/types.h>

#include <vector>

#include "parser/result.h"
#include "probes/mappings.h"

namespace zeektrace {

struct MappingEvent {
  enum class Kind {
    mapped,
    executed,  // what the process had mapped is gone
    forked,    // `parent`'s mappings are the new process's, too
    ended,
  };
  Kind kind = Kind::mapped;
  pid_t pid = 0;
  pid_t parent = 0;
  Mapping mapping;
};

class MappingEvents {
 public:
  static Result<MappingEvents> open();
  MappingEvents(MappingEvents&& other) noexcept;
  MappingEvents& operator=(MappingEvents&&) = delete;
  ~MappingEvents();

  // Readable when something was announced.
  int wait_fd() const { return epoll_; }
  // All that was announced since the last time, in the order in which it happened, whichever CPUs it happened on; nothing that
  // comes later happened before. Costs nothing when there is nothing.
  std::vector<MappingEvent> read();
  // Announcements that found no room.
  uint64_t lost() const { return lost_; }

 private:
  struct Ring {
    int fd = -1;
    void* memory = nullptr;
  };
  struct Timed {
    uint64_t time = 0;
    MappingEvent event;
  };
  MappingEvents() = default;
  void drain(const Ring& ring);

  int epoll_ = -1;
  std::vector<Ring> rings_;
  std::vector<Timed> pending_;  // read, but something that happened before may not have been
  uint64_t lost_ = 0;
};

}  // namespace zeektrace
