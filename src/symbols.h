// Address → name, for the kernel and for processes, also for processes that have ended since: observe() takes
// a snapshot of what a process has mapped while it lives, and keeps the mapped files open, so that neither
// its end nor a deleted or replaced file loses a name. Everything is read when it is first needed, once.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "probes/cxx_name.h"
#include "probes/mappings.h"

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

class Symbols {
 public:
  explicit Symbols(std::string kallsyms = "/proc/kallsyms");
  ~Symbols();
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  // Takes a new snapshot of the process, or keeps the last one when it has none (any more).
  void observe(pid_t pid);

  // Reads the kernel's names, unless that has been done; kernel() does it when it has to.
  void read_kernel();

  // "malloc+20", "malloc" at its first byte, "0x7f…" when nothing is known. See Names in decode.h.
  std::string kernel(uint64_t address, bool is_return);
  std::string user(uint32_t tgid, uint64_t address, bool is_return);

  // What kept names from being found, to be told once at the end; empty when nothing did.
  const std::string& trouble() const { return trouble_; }

 private:
  struct File;
  struct Process {
    std::string maps;  // the text of the snapshot
    std::vector<Mapping> mappings;
  };
  Process& process(uint32_t tgid);
  File& file(pid_t pid, const Mapping& mapping);

  std::string kallsyms_;
  std::optional<KernelNames> kernel_;
  std::map<uint32_t, Process> processes_;
  std::map<FileIdentity, std::unique_ptr<File>> files_;
  Demangler demangler_;
  std::string trouble_;
};

}  // namespace zeektrace
