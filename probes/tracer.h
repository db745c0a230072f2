// A script in the kernel: loads the object, arms its probes, hands over what it writes, and lets go fast. The only
// door to libbpf. Everything it holds is released when it is destroyed or when the process dies, however it dies.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parser/program.h"
#include "parser/registry.h"
#include "parser/result.h"
#include "probes/zeek/script_stack.h"

namespace zeektrace {

class Machine;
class UnwindTables;
struct Skipped;  // probes/attach.h

// One element of a map, as bytes.
struct MapRow {
  std::vector<std::byte> key;                  // MapDef::key_size() bytes
  std::vector<std::vector<std::byte>> values;  // one, or one for each CPU
};

class Tracer {
 public:
  // Opens and loads the object. A rejection by the verifier comes back as an Error that names the script's line (the
  // full log goes to `verifier_log`, when that is not null). `program` and `machine` must outlive the Tracer.
  static Result<Tracer> load(std::span<const std::byte> elf, const Program& program, Machine& machine,
                             std::string* verifier_log);
  Tracer(Tracer&&) noexcept;
  ~Tracer();

  // Runs every probe of this provider now (BEGIN, END, self), in script order; of several kinds those whose gate this is.
  Status run(std::string_view provider, int64_t gate = 0);
  // Attaches all others, in groups. The number is that of attach points. All or nothing, but for places among many that
  // the kernel can't probe: those are skipped().
  Result<size_t> arm();
  const std::vector<Skipped>& skipped() const;
  // What the user should know of the armed probes, a sentence each.
  const std::vector<std::string>& notes() const;
  // How many links and events hold the probes.
  size_t links() const;
  // Detaches everything, links in parallel. What maps and ring hold stays readable.
  void disarm();

  // Readable when a message asks for attention at once (exit()); other messages wait for drain(). -1 when the script
  // has no messages.
  int wait_fd() const;
  // Hands every message in the ring to `on_message`, in order.
  Status drain(const std::function<void(std::span<const std::byte>)>& on_message);

  Result<std::vector<MapRow>> read(const MapDef& map) const;
  Status clear(const MapDef& map);  // removes every element; an array's values become 0
  Status zero(const MapDef& map);   // keeps the keys, values become 0
  // Takes out of the kernel's memory what nobody will: words of calls that never returned, of maps that are kept by frame, once
  // these are half full; names that were read of processes which have ended. Whether hardly a name has room even so.
  bool wants_sweeps() const;
  Result<bool> sweep();
  // Whether this process is one of those that Probe::only_nodes means.
  Status take_node(uint32_t tgid, bool is_wanted);
  // Zeeks of which nothing may be believed yet, since it is not known whether they are laid out as it is said: how many there
  // are. The second asks those that run by now, under -c this process; an Error when one is laid out otherwise.
  size_t unseen_zeeks() const;
  Status look_at_unseen_zeeks(std::optional<pid_t> command);
  // Names in zeek: probes that no script of the Zeek declares, a sentence each; nothing while it can't be asked yet.
  std::optional<std::vector<std::string>> undeclared_zeek_names() const;
  // What a cell of the counters' map says, summed over the CPUs.
  uint64_t lost(uint32_t cell) const;
  // How often the kernel has not run the program of this probe, by its index in Program::probes, since another one was under way on
  // that processor: one that it had interrupted, or one that had caused the event. What the kernel counts (bpf_prog_info's
  // recursion_misses): on 6.18 tracepoints, not samples (profile, software, hardware); others were not tried.
  uint64_t missed(size_t probe) const;
  // Return addresses of a stack, innermost first, those of the process with their code's ids (code_address in
  // parser/unwind.h); empty when it is not known. Of a stack whose outer frames could not be
  // found the last one is `stack_ends_here`.
  std::vector<uint64_t> frames(uint64_t hash) const;
  ScriptStack script_stack(uint64_t hash) const;

  // What user stacks are unwound by; null when the script takes none, or the kernel can't.
  UnwindTables* unwind_tables() const;

  // How many instructions the verifier has looked at for the longest program, of the million that it takes; 0 before Linux 5.16.
  uint32_t verified() const;

  // For -v: a line for each program: its attach points, how they are attached.
  std::vector<std::string> describe() const;

 private:
  struct State;
  explicit Tracer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace zeektrace
