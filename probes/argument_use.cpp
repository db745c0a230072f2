#include "probes/argument_use.h"

#include <algorithm>
#include <set>
#include <vector>

#include "probes/function_body.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

using Flow = Instruction::Flow;

constexpr size_t most_instructions = 4000;  // looked at for one argument
constexpr int dwarf_rsp = 7, dwarf_rbp = 6;

bool is_argument_register(uint32_t context_offset) {
  return std::ranges::count(pt_regs::function_args, context_offset) != 0;
}

bool register_is_used(const Code& code, uint64_t entry, uint32_t context_offset) {
  return !is_argument_register(context_offset) || reads_register(code, entry, register_at(context_offset));
}

// How far above the canonical frame address an operand lies.
std::optional<int64_t> above_frame(const Code& code, uint64_t address, const Effects::Memory& memory) {
  const auto frame = code.frames().at(address);
  if (!frame || !frame->plain || memory.rip_relative || memory.index != 0) return std::nullopt;
  const bool by_stack = frame->register_number == dwarf_rsp && memory.base == register_at(pt_regs::sp);
  const bool by_frame = frame->register_number == dwarf_rbp && memory.base == register_at(pt_regs::bp);
  if (!by_stack && !by_frame) return std::nullopt;
  return static_cast<int64_t>(memory.address) - frame->offset;
}

}  // namespace

bool reads_register(const Code& code, uint64_t entry, RegisterSet one) {
  std::set<uint64_t> seen;
  std::vector<uint64_t> ahead = {entry};
  while (!ahead.empty()) {
    uint64_t at = ahead.back();
    ahead.pop_back();
    while (seen.size() < most_instructions && seen.insert(at).second) {
      const auto bytes = code.bytes(at);
      const auto instruction = decode(bytes, at);
      const auto does = effects(bytes, at);
      if (!instruction || !does) break;
      if ((does->reads & one) != 0) return true;
      if (instruction->has_target()) ahead.push_back(instruction->target);
      // Who is called may change all registers that arguments are passed in.
      const bool calls = instruction->flow == Flow::call || instruction->flow == Flow::indirect_call;
      if ((does->writes & one) != 0 || calls || !instruction->goes_on()) break;
      at = instruction->end();
    }
  }
  return false;
}

bool reads_stack(const Code& code, uint64_t entry, int64_t above) {
  const auto body = function_body(code, entry);
  bool read = false;
  for (const Instruction& each : body ? body->code : std::vector<Instruction>{}) {
    const auto does = effects(code.bytes(each.address), each.address);
    if (!does || !does->memory || above_frame(code, each.address, *does->memory) != above) continue;
    if (does->memory->written) return false;
    read = read || does->memory->read;
  }
  return read;
}

namespace {

bool shows_use(const Code& code, uint64_t entry, const Field& field) {
  if (const auto* at = std::get_if<ContextOffset>(&field.where)) return register_is_used(code, entry, at->offset);
  if (const auto* pieces = std::get_if<Pieces>(&field.where))
    return std::ranges::all_of(pieces->pieces, [&](const Pieces::Piece& piece) {
      return register_is_used(code, entry, piece.context_offset);
    });
  const auto* memory = std::get_if<UserMemory>(&field.where);
  if (memory == nullptr) return true;
  if (memory->context_offset != pt_regs::sp) return register_is_used(code, entry, memory->context_offset);
  // A record that is passed in memory is always passed (LLVM calls it byval).
  return field.type.is_record() || reads_stack(code, entry, memory->adds[0] - 8);
}

}  // namespace

std::optional<Unavailable> not_passed(const Code& code, uint64_t entry, const Field& field) {
  if (code.is_weak(entry) || shows_use(code, entry, field)) return std::nullopt;
  return Unavailable{"clang passes only what a function uses, and the code of this one does not show that it uses this"};
}

}  // namespace zeektrace
