// The unwind tables that the kernel side walks user stacks by (parser/unwind.h): a table for each file of code, made when
// the file is first met, and each process's mappings. Which files a walk has met without a table the kernel side reports;
// those get theirs while the script runs.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "parser/unwind.h"
#include "probes/mappings.h"

struct bpf_object;
struct ring_buffer;

namespace zeektrace {

// Rows of all tables together, 8 bytes each, are bounded: 96 MB of the kernel's memory. Files beyond it have none.
constexpr size_t most_rows_together = 12'000'000;

class UnwindTables {
 public:
  // Null when the loaded object does not unwind.
  static std::unique_ptr<UnwindTables> of(const bpf_object* object);
  UnwindTables(const UnwindTables&) = delete;
  UnwindTables& operator=(const UnwindTables&) = delete;
  ~UnwindTables();

  // Makes the table of a file, unless it has one.
  void add_file(int fd, const FileIdentity& file);
  // The files of a program that will run, and of the libraries that it names: before its first instruction.
  void add_program(const std::string& path);
  // The file behind a mapping of a process.
  void add_file_of(pid_t pid, const Mapping& mapping);
  // Where a process has mapped code, after add_file() of what it maps.
  void add_range(pid_t pid, const Mapping& mapping);
  // It has ended, or runs another program now.
  void forget_process(pid_t pid);

  // Readable when a walk has met a file without a table: then serve() makes it.
  int wait_fd() const;
  void serve();

  // For -v.
  std::string summary() const;

 private:
  // What the kernel side was told of a process.
  struct Told {
    std::optional<uint64_t> tag;
    std::set<uint64_t> blocks;
  };
  UnwindTables(int files, int blocks, int epoch) : files_(files), blocks_(blocks), epoch_(epoch) {}
  std::optional<uint64_t> tag(pid_t pid);
  // Something else is mapped now where a process had code: what the kernel side remembers of addresses is void.
  void forget_addresses();
  void put_table(const FileIdentity& file, std::span<const UnwindRow> rows);
  void missing(const MissingFile& file);

  int files_, blocks_, epoch_;  // maps of the object, which owns them
  ring_buffer* ring_ = nullptr;
  std::set<FileIdentity> known_;
  std::set<FileIdentity> renamed_;  // those on overlayfs, of which the kernel side sees the file beneath
  std::map<pid_t, Told> told_;
  size_t rows_ = 0;
  size_t without_table_ = 0;
  double milliseconds_ = 0;
};

}  // namespace zeektrace
