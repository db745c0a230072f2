// Address → name, for the kernel and for processes, also for processes that have ended since: it is told what a
// process maps while it lives (src/code_watch), and keeps the mapped files open, so that neither its end nor a
// deleted or replaced file loses a name. Symbols are read when the first name of a file is asked for, once.
//
// An address comes with an id of the code that was there when it was taken (CodeAddress), and is named by the mapping that has
// this id: what was there before or after has other names. Where no mapping or more than one could be meant it has no name.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "probes/cxx_name.h"
#include "probes/mappings.h"
#include "probes/source_frames.h"
#include "src/perf_map.h"

namespace zeektrace {

// The kernel's functions by address, their names in one block of text: there are 200,000.
class KernelNames {
 public:
  void add(uint64_t address, std::string_view name);
  void sort();
  bool empty() const { return rows_.empty(); }

  struct Found {
    std::string_view name;
    uint64_t offset = 0;
  };
  std::optional<Found> find(uint64_t address) const;

 private:
  struct Row {
    uint64_t address;
    uint32_t name;
    uint32_t length;
  };
  std::vector<Row> rows_;
  std::string names_;
};

struct SymbolsOptions {
  bool source = false;  // user_frames() tells of lines and inlined functions
  std::string kallsyms = "/proc/kallsyms";
};

class Symbols {
 public:
  explicit Symbols(SymbolsOptions options = {});
  ~Symbols();
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  // What a process has mapped, oldest first.
  using Mappings = std::vector<std::shared_ptr<const Mapping>>;
  // Takes a snapshot of the process; what was known of it stays known.
  const Mappings& observe(pid_t pid);
  // One more mapping; whether it is news. Memory without a file is, only if it takes the place of what has one.
  bool mapped(pid_t pid, const Mapping& mapping);
  // From now on something may be mapped without being told.
  void is_blind() { sees_all_ = false; }
  // A new process, which begins with its parent's mappings.
  const Mappings& forked(pid_t parent, pid_t pid);
  // Of processes that have ended, the last few thousand are remembered.
  void ended(pid_t pid);

  // Reads the kernel's names, unless that has been done; kernel() does it when it has to.
  void read_kernel();

  // "malloc+20", "malloc" at its first byte, "0x7f…" when nothing is known. See Names in decode.h.
  std::string kernel(uint64_t address, bool is_return);
  std::string user(uint32_t tgid, CodeAddress code, bool is_return);
  // The same as a frame of a stack. With `source`, and where there is debug information, "name+20 at FILE:LINE", and
  // before it what was inlined there, innermost first: "name (inlined) at FILE:LINE".
  std::vector<std::string> user_frames(uint32_t tgid, CodeAddress code, bool is_return);

  // What kept names from being found, to be told once at the end; empty when nothing did.
  const std::string& trouble() const { return trouble_; }
  // The same of lines of the source, for each file.
  std::vector<std::string> source_trouble() const;

 private:
  struct File;
  Mappings& process(uint32_t tgid);
  std::string shown_name(std::string_view symbol);
  std::string made_at_run_time(uint32_t tgid, uint64_t address, uint64_t inside);
  // The mapping that was there; null when that can't be told.
  const Mapping* mapping_of(uint32_t tgid, CodeAddress code);
  // A code's file, and where in it; nothing when no file is known.
  struct Place {
    File& file;
    const Mapping& mapping;
    uint64_t offset;
  };
  std::optional<Place> place_of(uint32_t tgid, const Mapping& mapping, uint64_t inside);
  File& file(pid_t pid, const Mapping& mapping);

  SymbolsOptions options_;
  std::optional<KernelNames> kernel_;
  std::map<uint32_t, Mappings> processes_;
  std::deque<uint32_t> ended_;
  std::map<uint32_t, PerfMap> perf_maps_;  // read when first needed
  std::map<FileIdentity, std::unique_ptr<File>> files_;
  Demangler demangler_;
  std::string trouble_;
  bool sees_all_ = true;
};

}  // namespace zeektrace
