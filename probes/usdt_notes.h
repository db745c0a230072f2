// The USDT probes of a binary: what <sys/sdt.h> leaves in its section .note.stapsdt, a note for each place.
// Read with libelf rather than by BCC's reader, which does not notice that a prelinked library has moved (the
// note's address of .stapsdt.base tells), trusts the texts' ends, and writes its warnings to stderr
// (bcc_elf.c, 0.26).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parser/program.h"
#include "parser/result.h"

namespace zeektrace {

struct UsdtPlace {
  std::string provider;
  std::string name;
  uint64_t file_offset = 0;
  uint64_t semaphore = 0;      // offset in the file; 0: none
  std::vector<Field> fields;
};

struct UsdtNotes {
  // By provider, name and place; each place of a probe once. Places that the linker threw away are left out.
  std::vector<UsdtPlace> places;
};

// `shown` is what errors call the file. No places when the file has no such section.
Result<std::shared_ptr<const UsdtNotes>> read_usdt_notes(const std::string& path, std::string_view shown);

}  // namespace zeektrace
