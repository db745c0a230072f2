// What the kernel side asks for while a script runs: text to print, a map to print, clear or zero, the time, the end.
#pragma once

#include <optional>

#include "parser/program.h"
#include "parser/result.h"
#include "probes/tracer.h"
#include "src/decode.h"
#include "src/output/output.h"

namespace zeektrace {

// Everything must outlive it.
class Messages {
 public:
  Messages(const Program& program, Tracer& tracer, Output& output, const Names& names)
      : program_(program), tracer_(tracer), output_(output), names_(names) {}

  // Fetches what the ring holds and does it, in order; what comes behind an exit() is left out.
  Status drain();
  // From now on messages are done although there was an exit(): those of END.
  void listen_again() { deaf_ = false; }
  Status print_map(const MapDef& map, const Shown& shown);

  // What an exit() gave as status, once there was one.
  const std::optional<int>& exit_status() const { return exit_status_; }
  uint64_t received() const { return received_; }
  // Messages that were shorter than their record, which should never be.
  uint64_t malformed() const { return malformed_; }

 private:
  Status act(const Record& record, Bytes message);
  void exit(const Record& record, Bytes message);

  const Program& program_;
  Tracer& tracer_;
  Output& output_;
  const Names& names_;
  std::optional<int> exit_status_;
  bool deaf_ = false;
  uint64_t received_ = 0;
  uint64_t malformed_ = 0;
};

// strftime() of this moment, in local time.
std::string time_text(const std::string& format);

}  // namespace zeektrace
