// One script, from the loaded object to the last printed map: BEGIN, arming, the command of -c let go,
// messages and signals and the end of the traced process, END, maps in name order, losses. It sleeps until
// something happens; messages that are not urgent are fetched every 10 to 50 ms, and only for scripts that
// send any.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <optional>
#include <span>
#include <string>

#include "parser/program.h"
#include "parser/result.h"
#include "probes/tracer.h"
#include "src/child.h"
#include "src/output/output.h"

namespace zeektrace {

struct SessionOptions {
  std::FILE* out = stdout;   // where `output` writes; flushed after each drain
  std::optional<pid_t> pid;  // -p: end when it ends
  bool quiet = false;        // say nothing of how the command ended
  bool verbose = false;
  std::string node;     // --node: a glob; "" for all processes
  bool source = false;  // stacks show lines of the source, and inlined functions
  std::span<const LossSite> loss_sites = {};  // of the object
};

// The exit status that the script asked for, or 0. Ctrl-C, SIGTERM and SIGHUP end it in good order; a second
// one while it ends leaves at once. A reader that has gone (`| head`) is no error.
Result<int> run_session(const Program& program, Tracer& tracer, Output& output, Child* child,
                        const SessionOptions& options);

}  // namespace zeektrace
