// A file's call frame information (.eh_frame; .debug_frame where there is none of it) as rows for unwinding in the kernel
// (parser/unwind.h). Own code, since libdw's dwarf_cfi_addrframe takes ten times as long for all rows of a large file
// and gives its answers a place at a time.
#pragma once

#include <vector>

#include "parser/result.h"
#include "parser/unwind.h"

namespace zeektrace {

// More rows than this are not kept: the file is as one without call frame information. LLVM's library, 120 MB of code,
// has two million.
constexpr size_t most_unwind_rows = 6'000'000;

// The rows of the ELF file that is open as `fd`, sorted by place; none when it describes no frames. An Error when it
// can't be read or has too many.
Result<std::vector<UnwindRow>> read_unwind_rows(int fd);

}  // namespace zeektrace
