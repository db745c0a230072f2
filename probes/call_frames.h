// What .eh_frame says of a binary's code: which stretches are described together (a function, or the cold part that the
// compiler split off one), and where the caller's frame lies at any instruction. Read by libdw. Addresses are the file's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "probes/elf_file.h"

struct Dwarf_CFI_s;

namespace zeektrace {

class CallFrames {
 public:
  struct Range {
    uint64_t begin = 0, end = 0;
    bool has_handlers = false;  // a language-specific area: landing pads that no jump leads to
  };
  // The canonical frame address at an instruction: register + offset, or an expression.
  struct Frame {
    bool plain = false;
    int register_number = 0;  // DWARF's: 7 is the stack pointer
    int64_t offset = 0;
    bool operator==(const Frame&) const = default;
    // As at a function's first instruction and at its `ret`: the stack pointer is where the return address lies.
    bool at_return_address() const { return plain && register_number == 7 && offset == 8; }
  };

  // Of a file without .eh_frame there is nothing to know.
  static CallFrames read(const std::string& path);

  const Range* covering(uint64_t address) const;
  const std::vector<Range>& ranges() const { return ranges_; }
  // Nothing where no frame is described.
  std::optional<Frame> at(uint64_t address) const;

 private:
  struct EndCfi {
    void operator()(Dwarf_CFI_s* cfi) const;
  };
  std::unique_ptr<ElfFile> file_;
  std::unique_ptr<Dwarf_CFI_s, EndCfi> cfi_;
  std::vector<Range> ranges_;  // by address
};

}  // namespace zeektrace
