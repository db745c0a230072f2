#include "probes/dwarf_location.h"

#include <fmt/format.h>

#include "probes/registers.h"

namespace zeektrace {

namespace {

constexpr const char* optimised_out = "it is optimised out";
constexpr const char* in_vector_register = "it is in a floating-point register, which a probe is not given";
constexpr const char* computed = "the program computes it from other values";
constexpr const char* is_static = "it has a fixed address, which is not known before the program is loaded";

// DW_OP_reg0 to reg31, DW_OP_regx.
std::optional<uint64_t> register_of(const Dwarf_Op& operation) {
  if (operation.atom >= DW_OP_reg0 && operation.atom <= DW_OP_reg31) return operation.atom - unsigned{DW_OP_reg0};
  if (operation.atom == DW_OP_regx) return operation.number;
  return std::nullopt;
}

bool is_constant(const Dwarf_Op& operation) {
  return (operation.atom >= DW_OP_lit0 && operation.atom <= DW_OP_lit31) ||
         (operation.atom >= DW_OP_const1u && operation.atom <= DW_OP_consts) ||
         operation.atom == DW_OP_implicit_value;
}

int64_t constant_of(const Dwarf_Op& operation) {
  if (operation.atom >= DW_OP_lit0 && operation.atom <= DW_OP_lit31) return operation.atom - int64_t{DW_OP_lit0};
  return static_cast<int64_t>(operation.number);
}

bool is_entry_value(const Dwarf_Op& operation) {
  return operation.atom == DW_OP_entry_value || operation.atom == DW_OP_GNU_entry_value;
}

Location in_register(uint64_t number, bool is_record, uint32_t size) {
  // %xmm0 to %xmm15, %st0 to %st7, %mm0 to %mm7: AMD64 psABI 1.0, figure 3.36.
  auto at = context_offset_of_register(number);
  if (!at) return Unavailable{number >= 17 && number <= 48 ? in_vector_register : computed};
  if (size > 8) return Unavailable{"the debug information names one register for more than 8 bytes"};
  if (is_record) return Pieces{{{*at, size}}};
  return ContextOffset{*at};
}

Location in_pieces(std::span<const Dwarf_Op> operations, bool is_record, uint32_t size) {
  Pieces pieces;
  uint32_t covered = 0;
  for (size_t i = 0; i < operations.size(); i += 2) {
    auto number = register_of(operations[i]);
    const bool whole = number && i + 1 < operations.size() && operations[i + 1].atom == DW_OP_piece;
    if (!whole) return Unavailable{"parts of it are optimised out, or not in registers"};
    auto at = context_offset_of_register(*number);
    if (!at) return Unavailable{in_vector_register};
    const auto bytes = static_cast<uint32_t>(operations[i + 1].number);
    // What follows a piece must lie where the language puts it: at the next 8 bytes.
    if (bytes > 8 || (bytes != 8 && i + 2 < operations.size())) return Unavailable{computed};
    pieces.pieces.push_back({*at, bytes});
    covered += bytes;
  }
  if (!is_record || covered != size) return Unavailable{"parts of it are optimised out"};
  return pieces;
}

std::optional<ExpressionContext::Frame> memory_base(const Dwarf_Op& operation, const ExpressionContext& context) {
  if (operation.atom == DW_OP_fbreg && context.frame_base) {
    auto base = *context.frame_base;
    base.offset += static_cast<int64_t>(operation.number);
    return base;
  }
  if (operation.atom == DW_OP_call_frame_cfa) return context.canonical_frame_address;
  std::optional<uint32_t> at;
  int64_t offset = 0;
  if (operation.atom >= DW_OP_breg0 && operation.atom <= DW_OP_breg31) {
    at = context_offset_of_register(operation.atom - unsigned{DW_OP_breg0});
    offset = static_cast<int64_t>(operation.number);
  } else if (operation.atom == DW_OP_bregx) {
    at = context_offset_of_register(operation.number);
    offset = static_cast<int64_t>(operation.number2);
  }
  if (!at) return std::nullopt;
  return ExpressionContext::Frame{*at, offset};
}

// Memory at a register plus a number, then any of "plus a number" and "what stands there".
Location in_memory(std::span<const Dwarf_Op> operations, const ExpressionContext& context, bool is_record) {
  auto base = memory_base(operations.front(), context);
  if (!base) return Unavailable{computed};
  UserMemory memory{base->context_offset, {base->offset}};
  for (const Dwarf_Op& operation : operations.subspan(1)) {
    if (operation.atom == DW_OP_plus_uconst) {
      memory.adds.back() += static_cast<int64_t>(operation.number);
    } else if (operation.atom == DW_OP_deref) {
      memory.adds.push_back(0);
    } else if (operation.atom == DW_OP_stack_value && &operation == &operations.back()) {
      // The address itself is the value: the register's, if nothing is added.
      if (is_record || memory.adds != std::vector<int64_t>{0}) return Unavailable{computed};
      return ContextOffset{memory.context_offset};
    } else {
      return Unavailable{computed};
    }
  }
  return memory;
}

}  // namespace

std::optional<uint32_t> context_offset_of_register(uint64_t dwarf_number) {
  if (dwarf_number >= pt_regs::by_dwarf_number.size()) return std::nullopt;
  return pt_regs::by_dwarf_number[dwarf_number];
}

Location place_of_expression(std::span<const Dwarf_Op> operations, const ExpressionContext& context, bool is_record,
                             uint32_t size) {
  if (operations.empty()) return Unavailable{optimised_out};
  const Dwarf_Op& first = operations.front();
  if (auto number = register_of(first)) {
    if (operations.size() == 1) return in_register(*number, is_record, size);
    return in_pieces(operations, is_record, size);
  }
  if (first.atom == DW_OP_piece) return Unavailable{"parts of it are optimised out"};
  if (first.atom == DW_OP_addr || first.atom == DW_OP_addrx || first.atom == DW_OP_GNU_addr_index)
    return Unavailable{is_static};
  if (is_constant(first) && first.atom != DW_OP_implicit_value && operations.size() == 2 &&
      operations.back().atom == DW_OP_stack_value)
    return Unavailable{fmt::format("it is optimised out: here it is always {}", constant_of(first))};
  if (is_constant(first)) return Unavailable{"it is optimised out: here it is always the same"};
  if (is_entry_value(first)) return Unavailable{"it is optimised out: only what it was at the function's entry is known"};
  if (first.atom == DW_OP_implicit_pointer || first.atom == DW_OP_GNU_implicit_pointer)
    return Unavailable{"what it points to is optimised out"};
  if (first.atom == DW_OP_fbreg && !context.frame_base)
    return Unavailable{"it is on the stack, whose frame can't be told at this instruction"};
  return in_memory(operations, context, is_record);
}

FoundExpression expression_at(Dwarf_Attribute attribute, uint64_t address) {
  constexpr size_t most = 2;  // two that hold at once are a contradiction
  Dwarf_Op* operations[most] = {};
  size_t counts[most] = {};
  const int found = dwarf_getlocation_addr(&attribute, address, operations, counts, most);
  const unsigned form = dwarf_whatform(&attribute);
  const bool is_block = form == DW_FORM_exprloc || form == DW_FORM_block || form == DW_FORM_block1 ||
                        form == DW_FORM_block2 || form == DW_FORM_block4;
  if (found != 1) return {{}, !is_block};
  return {{operations[0], counts[0]}, !is_block};
}

}  // namespace zeektrace
