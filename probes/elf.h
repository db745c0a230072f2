// What an ELF file says of its functions: their names and addresses (BCC's reader, which also finds separate
// debug files), and where in the file an address lies, which is what the kernel wants of a uprobe. A Binary
// is read once, in one pass, and never changes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/result.h"

namespace zeektrace {

struct FunctionSymbol {
  std::string_view name;  // mangled, without a version ("@@GLIBC_2.2.5")
  uint64_t address = 0;   // as in the symbol table
  uint64_t size = 0;      // 0: not known
};

// An executable PT_LOAD.
struct CodeSegment {
  uint64_t address = 0;
  uint64_t file_offset = 0;
  uint64_t size = 0;  // bytes in the file
};

struct Binary {
  std::string path;
  std::vector<CodeSegment> code;
  std::vector<FunctionSymbol> functions;  // by address, then by name; aliases are neighbours
  bool stripped = false;                  // no .symtab
  bool only_exported = false;             // stripped, and no debug file was read
  // Functions whose implementation is chosen when the program is loaded (STT_GNU_IFUNC: libc's strlen …),
  // sorted. Their symbol's address is that of the chooser; they are not among `functions`.
  std::vector<std::string> load_time_choices;

  Binary() = default;
  Binary(const Binary&) = delete;
  Binary& operator=(const Binary&) = delete;

  // Virtual address → offset in the file, and back; nothing when it is not code.
  std::optional<uint64_t> file_offset(uint64_t address) const;
  std::optional<uint64_t> address_at(uint64_t file_offset) const;
  // The function that an address belongs to; null when there is none.
  const FunctionSymbol* function_at(uint64_t address) const;

  std::string names;  // what FunctionSymbol::name points into
};

// A stripped binary's debug file names all of its functions, and takes ten times as long to read.
enum class DebugFile { read, skip };

// `shown` is what errors call the file.
Result<std::shared_ptr<const Binary>> read_binary(const std::string& path, std::string_view shown,
                                                  DebugFile debug_file = DebugFile::read);

// Why a return probe of the kernel's endangers a process that runs this binary: the kernel's uretprobe replaces the return
// address on the stack, so that whatever walks, moves or changes the stack meets an address that it does not know. Where
// there is a reason the function is probed wherever it is left (placement.h).
struct ReturnHazard {
  bool never = false;  // not even with --unsafe
  std::string why;
};
// The rule: Go moves its stacks. A personality routine other than C's own (__gcc_personality_v0: cleanup
// handlers of pthread_cancel) among the symbols means that exceptions or panics can pass through frames: C++,
// Rust, Ada, D. C libraries have .gcc_except_table too, and are let through. Where symbols are stripped and
// exception tables remain, the names that the statically linked C++ or Rust run-time leaves in the read-only
// data decide. A reference to swapcontext, sigaltstack and their like means that there is more than one stack.
std::optional<ReturnHazard> return_hazard(const Binary& binary);

// A C library's function can call back into C++ code (qsort's comparator), and what that throws passes through the
// library's frame. So return probes on a library are let through where the traced program is known and uses no
// exceptions; in the C library itself also on every function that calls nobody back. `functions`: names of those that
// are to be probed.
struct TracedProgram {
  std::string executable;       // "" when any process may be hit
  std::optional<pid_t> process;  // whose loaded libraries count too
};
std::optional<ReturnHazard> callback_hazard(const Binary& library, const std::vector<std::string>& functions,
                                            const TracedProgram& program);

}  // namespace zeektrace
