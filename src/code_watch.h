// Follows which code the traced processes have mapped, from before the probes are armed until the end, and tells the two
// that need it: Symbols, so that names outlive processes and files, and UnwindTables, so that stacks can be walked. By
// snapshots of what is there at the start, and by the kernel's announcements from then on; nobody is stopped for it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "parser/program.h"
#include "probes/mapping_events.h"
#include "src/symbols.h"
#include "src/watch.h"

namespace zeektrace {

class NodeNames;
class UnwindTables;

class CodeWatch {
 public:
  // `tables` and `nodes` may be null. With `only`, that process alone is of interest. All must outlive it.
  CodeWatch(Symbols& symbols, UnwindTables* tables, NodeNames* nodes, std::optional<pid_t> only)
      : symbols_(symbols), tables_(tables), nodes_(nodes), only_(only) {}

  // Begins to listen, and takes what is there. `command`: the program of -c, which will run in `only`.
  Status start(const Program& program, const std::string* command, Watch& watch);
  // Takes what was announced since; cheap when nothing was. Whatever happened before a message was sent is known after it: an
  // address in it can be named then, and not before.
  void catch_up();
  // The same, and tables for files that walks have met.
  void serve();
  // Why names or stacks may be missing, to be told at the end; empty when all went well.
  std::string trouble() const;

 private:
  void take_processes();
  void take(const MappingEvent& event);

  Symbols& symbols_;
  UnwindTables* tables_;
  NodeNames* nodes_;
  std::optional<pid_t> only_;
  std::optional<MappingEvents> events_;
  std::string trouble_;
};

}  // namespace zeektrace
