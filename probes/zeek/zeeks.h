// Which Zeeks there are: the binaries that a script's zeek: probes are about, the processes that run them, and what a node
// of a cluster is called.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "parser/result.h"
#include "parser/unwind.h"
#include "parser/zeek.h"
#include "probes/zeek/layout.h"

namespace zeektrace {

class Machine;
struct Program;

struct ZeekBinary {
  std::string open;   // where we, and the kernel for us, find it
  std::string shown;  // as the process would call it
  FileIdentity identity;
  ZeekLayout layout;
  ZeekImage image;  // what the kernel side reads its processes by
};

// With -p or -c the one Zeek that is meant; else those that run now, and `zeek` in $PATH. Never empty: an Error says what
// was looked at. Found once, and kept as long as the machine.
Result<std::vector<const ZeekBinary*>> zeek_binaries(Machine& machine);

// Of binaries that no process ran when they were found, or none that had come far enough, it is not known yet whether they are
// laid out as it is said: how many there are of them. A binary that one process has shown to be right is not asked again.
size_t unseen_zeeks(Machine& machine);

// Asks processes that run them by now; under -c this one. An Error when one is not as it is taken for.
Status look_at_unseen_zeeks(Machine& machine, std::optional<pid_t> command);

// Names that the program's zeek: probes write out and that no script of the Zeeks which run (with -p or -c: of that one)
// declares, a sentence each. Nothing while none of them has read its scripts.
std::optional<std::vector<std::string>> undeclared_zeek_names(Machine& machine, const Program& program);

// The processes that run one of them now: with -p or -c that one.
std::vector<pid_t> zeek_processes(Machine& machine);

// Where a binary's addresses are in a process that runs it: what to add to them. Nothing when it does not, or has gone.
std::optional<uint64_t> zeek_load_bias(const ZeekBinary& zeek, pid_t pid);

// "worker-1", "manager": the environment's CLUSTER_NODE; the last "-p NODE" of the command line, as zeekctl starts nodes; or
// the process's own name, which a supervised node sets ("zeek.worker-1", cut to 15 characters). "" for a Zeek that is no
// node of a cluster, and for a process that has gone.
std::string zeek_node(pid_t pid);

ZeekImage zeek_image(const ZeekLayout& layout);

}  // namespace zeektrace
