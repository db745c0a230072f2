// Where a variable is at one instruction: DWARF location expressions (DWARF 5, §2.5 and §2.6) as Locations of a probe.
// Only what is plain is taken: a register, memory at a register plus a number, chains of those, a value in pieces of
// registers. All else is refused with the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "parser/program.h"
#include "probes/dwarf_file.h"

namespace zeektrace {

struct ExpressionContext {
  // Where the function's frame is at this instruction, as the register's offset in the context and a number to add;
  // nothing: can't be told.
  struct Frame {
    uint32_t context_offset = 0;
    int64_t offset = 0;
  };
  std::optional<Frame> frame_base;               // DW_OP_fbreg
  std::optional<Frame> canonical_frame_address;  // DW_OP_call_frame_cfa
};

// `is_record`, `size`: of the variable's type.
Location place_of_expression(std::span<const Dwarf_Op> operations, const ExpressionContext& context, bool is_record,
                             uint32_t size);

// What stands in a DWARF register in the context of a probe; nothing for those that a probe is not given.
std::optional<uint32_t> context_offset_of_register(uint64_t dwarf_number);

// The expression that an attribute (DW_AT_location, DW_AT_frame_base) has for an address.
struct FoundExpression {
  std::span<const Dwarf_Op> operations;  // empty: none for this address
  bool from_list = false;  // true here, whatever is elsewhere; false: in all of its scope once the prologue is over
};
FoundExpression expression_at(Dwarf_Attribute attribute, uint64_t address);

}  // namespace zeektrace
