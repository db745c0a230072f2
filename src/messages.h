// What the kernel side asks for while a script runs: text to print, a map to print, clear or zero, the time,
// the end.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>

#include "parser/program.h"
#include "parser/result.h"
#include "probes/tracer.h"
#include "src/decode.h"
#include "src/output/output.h"
#include "src/packet_files.h"
#include "src/printf_text.h"

namespace zeektrace {

// Everything must outlive it.
class Messages {
 public:
  // `ending` says whether the session has been asked to end; it is looked at while messages come, for a probe
  // may send them faster than they can be printed, and then a drain has no end of its own.
  Messages(const Program& program, Tracer& tracer, Output& output, const Names& names,
           std::function<bool()> ending);

  // Fetches what the ring holds and does it, in order. What comes behind an exit() is left out, and when the
  // session has been asked to end, what is not printed soon after.
  Status drain();
  // From now on messages are done again, although there was an exit(): those of END.
  void listen_again();
  Status print_map(const MapDef& map, const Shown& shown);

  // What an exit() gave as status, once there was one.
  const std::optional<int>& exit_status() const { return exit_status_; }
  uint64_t received() const { return received_; }
  // Messages that were shorter than their record, which should never be.
  uint64_t malformed() const { return malformed_; }
  // Messages that were left out because the session was asked to end.
  uint64_t late() const { return late_; }

 private:
  void look_for_the_end();
  Status act(const Record& record, Bytes message);
  void exit(const Record& record, Bytes message);
  const std::string& text_of(const Record& record, Bytes message);
  std::string place_of(const Record& record) const;
  void cat(const std::string& path);
  void system(const std::string& command);
  static void complain(const Error& error);

  const Program& program_;
  Tracer& tracer_;
  Output& output_;
  const Names& names_;
  std::function<bool()> ending_;
  std::vector<PrintfText> texts_;  // by Program::records; of use where there is a format
  std::string text_;               // of the message that is being printed
  PacketFiles packets_;
  std::optional<int> exit_status_;
  std::optional<std::chrono::steady_clock::time_point>
      patience_;  // until when messages are done, once ending
  std::set<uint32_t> cleared_;  // maps, by Program::maps
  bool deaf_ = false;
  uint64_t received_ = 0;
  uint64_t late_ = 0;
  uint64_t malformed_ = 0;
};

// The same of a moment, in nanoseconds since boot; %f stands for its microseconds. `boot_time` is when the clock that counts
// them was 0, in nanoseconds since 1970.
std::string moment_text(const std::string& format, uint64_t since_boot, int64_t boot_time);
int64_t boot_time();

// What join() prints: the texts of its message, with what belongs between them.
std::string joined(const Record& record, Bytes message);

// strftime() of this moment, in local time.
std::string time_text(const std::string& format);

}  // namespace zeektrace
