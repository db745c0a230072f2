#include "probes/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "parser/registry.h"
#include "probes/features.h"
#include "probes/function_body.h"
#include "probes/go_binary.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

using Run = Instruction::Run;

constexpr size_t most_passed = 24;  // instructions; compilers' prologues are shorter

Run on_this_kernel(Run run, Features& features) {
  if (run == Run::optimised_nop && !features.long_nops()) return Run::stepped;
  if (run == Run::nop) return features.long_nops() ? Run::emulated : Run::stepped;
  return run;
}

void need(Needs& needs, uint32_t context_offset) {
  if (context_offset > pt_regs::sp || context_offset % 8 != 0) needs.anything_else = true;
  else needs.registers |= register_at(context_offset);
}

void need(Needs& needs, const Location& where) {
  if (const auto* at = std::get_if<ContextOffset>(&where)) need(needs, at->offset);
  else if (const auto* in = std::get_if<UserMemory>(&where)) {
    need(needs, in->context_offset);
    if (in->index) need(needs, in->index->context_offset);
  } else if (const auto* product = std::get_if<Product>(&where)) {
    need(needs, product->a_offset);
    need(needs, product->b_offset);
  } else if (std::holds_alternative<Constant>(where) || std::holds_alternative<Remembered>(where)) return;
  else if (const auto* pieces = std::get_if<Pieces>(&where))
    for (const auto& piece : pieces->pieces) need(needs, piece.context_offset);
  else needs.anything_else = true;
}

// Whether an indirect jump of the body could lead to this address. Where a label of a table lies, the stack is as deep
// as at the jump; .eh_frame says how deep. Without it nothing is known.
class Tables {
 public:
  Tables(const Code& code, const FunctionBody& body) : code_(code) {
    for (const Instruction& jump : body.indirect_jumps) frames_.push_back(code.frames().at(jump.address));
  }
  bool may_lead_to(uint64_t address) const {
    if (frames_.empty()) return false;
    const auto here = code_.frames().at(address);
    return !here || std::any_of(frames_.begin(), frames_.end(), [&](const auto& frame) { return !frame || *frame == *here; });
  }

 private:
  const Code& code_;
  std::vector<std::optional<CallFrames::Frame>> frames_;
};

// What is passed on the way from the entry, one instruction after the other.
class Passing {
 public:
  Passing(const Code& code, const Needs& needs) : code_(code), needs_(needs) {}

  bool may_pass(const Instruction& at) {
    if (at.flow != Instruction::Flow::next || needs_.anything_else) return false;
    const auto does = effects(code_.bytes(at.address), at.address);
    if (!does || !does->stack_change || does->stores || does->loads || (does->writes & needs_.registers) != 0) return false;
    if (does->stores_below && *does->stores_below > depth_) return false;
    depth_ -= *does->stack_change;
    return true;
  }

 private:
  const Code& code_;
  const Needs& needs_;
  int64_t depth_ = 0;  // of the stack below where it was at the entry
};

// Whether code jumps back to the function's first instruction. Most functions' bytes hold nothing that could be such a jump,
// and are not decoded for it.
bool heads_a_loop(const Code& code, uint64_t entry) {
  const auto extent = code.extent(entry);
  if (!extent) return false;
  const auto all = code.bytes(entry);
  const auto bytes = all.first(std::min<size_t>(all.size(), extent->end - entry));
  const auto may_jump = [&](size_t i, size_t size, uint8_t opcode_from, uint8_t opcode_to) {
    if (i + 1 + size > bytes.size() || bytes[i] < opcode_from || bytes[i] > opcode_to) return false;
    int32_t distance = static_cast<int8_t>(bytes[i + 1]);
    if (size == 4) std::memcpy(&distance, &bytes[i + 1], size);
    return static_cast<int64_t>(i + 1 + size) + distance == 0;
  };
  bool possible = false;  // short: jcc, loop, jmp; long: 0f jcc, jmp (the SDM's volume 2, Jcc, LOOP, JMP)
  for (size_t i = 0; i < bytes.size() && !possible; i++)
    possible = may_jump(i, 1, 0x70, 0x7f) || may_jump(i, 1, 0xe0, 0xe3) || may_jump(i, 1, 0xeb, 0xeb) ||
               may_jump(i, 4, 0x80, 0x8f) || may_jump(i, 4, 0xe9, 0xe9);
  if (!possible) return false;
  const auto swept = code.sweep(*extent);
  if (!swept) return true;
  return std::ranges::any_of(*swept, [&](const Instruction& at) {
    return (at.flow == Instruction::Flow::jump || at.flow == Instruction::Flow::conditional_jump) && at.target == entry;
  });
}

// Whether each call of the function passes the site once.
bool is_passed_once(const Code& code, const FunctionBody& body, uint64_t begin, uint64_t site) {
  const Tables tables(code, body);
  for (const Instruction& at : body.code) {
    if (at.address <= begin || at.address > site) continue;
    if (body.is_target(at.address) || code.is_symbol(at.address) || tables.may_lead_to(at.address)) return false;
  }
  return true;
}


}  // namespace

Needs needs_of(const Probe& probe) {
  Needs needs;
  for (const Field& field : probe.fields)
    if (probe.used_fields.contains(field.name)) {
      need(needs, field.where);
      if (field.proven) need(needs, field.proven->of);
    }
  if (probe.how->seen_word) need(needs, ContextOffset{*probe.how->seen_word});
  if (probe.only && !probe.how->at_return) need(needs, probe.only->object);
  if (probe.bodies && probe.is_silent) {
    need(needs, probe.bodies->function);
    need(needs, probe.bodies->arguments);
  } else if (probe.bodies) {
    need(needs, probe.bodies->frame);
    need(needs, probe.bodies->first);
  }
  return needs;
}

Needs needs_of_return_address() { return {register_at(pt_regs::sp), false}; }

Result<Site> entry_site(const Code& code, uint64_t entry, const Needs& needs, Features& features, bool calls_itself_last) {
  uint64_t begin = entry;
  std::optional<Result<FunctionBody>> body;  // read only when it is asked for: all of the function has to be decoded
  if (code.go() != nullptr) {
    body = function_body(code, entry);
    if (!*body) return body->error();
    const auto after = after_stack_check(code, **body);
    if (!after) return after.error();
    begin = *after;
  } else if (!calls_itself_last && heads_a_loop(code, entry)) {
    return Error{Error::Kind::machine, "its first instruction is the head of a loop: a probe there counts the rounds, not the calls",
                 "", nullptr};
  }
  Passing passing(code, needs);
  Site unmoved{begin, begin - entry, Run::stepped};
  uint64_t at = begin;
  for (size_t passed = 0; passed < most_passed; ++passed) {
    const auto instruction = code.instruction(at);
    if (!instruction) break;
    const Run run = on_this_kernel(instruction->run, features);
    if (at == begin) unmoved.run = at == entry || run != Run::optimised_nop ? run : Run::stepped;
    // A call is "emulated" by a push that kernels before 6.18 keep from the shadow stack, where there is one.
    const bool wanted = run == Run::emulated && (at == begin || instruction->flow != Instruction::Flow::call);
    if (wanted || (run == Run::optimised_nop && at == entry)) {
      if (at == begin) break;
      if (!body) body = function_body(code, entry);
      if (!*body || !is_passed_once(code, **body, begin, at)) break;
      return Site{at, at - entry, run};
    }
    if (!passing.may_pass(*instruction)) break;
    at = instruction->end();
  }
  return unmoved;
}

Site fixed_site(const Code& code, uint64_t entry, uint64_t address, Features& features) {
  const auto instruction = code.instruction(address);
  return {address, address - entry, instruction ? on_this_kernel(instruction->run, features) : Run::stepped};
}

Inside look_inside(const Code& code, uint64_t address) {
  Inside seen;
  uint64_t begin = 0;
  if (const FunctionSymbol* function = code.binary().function_at(address)) begin = function->address;
  else if (const CallFrames::Range* frames = code.frames().covering(address)) begin = frames->begin;
  else return seen;
  const auto extent = code.extent(begin);
  if (!extent || !extent->holds(address)) return seen;
  auto swept = code.sweep(*extent);
  if (!swept) return seen;
  seen.known = true;
  auto at = std::upper_bound(swept->begin(), swept->end(), address,
                             [](uint64_t wanted, const Instruction& each) { return wanted < each.address; });
  --at;
  seen.is_start = at->address == address;
  seen.starts_before = at->address;
  seen.is_inner_long_nop = seen.is_start && address != begin && at->run == Run::optimised_nop;
  return seen;
}

std::string_view cost_of(Run run) {
  switch (run) {
    case Run::optimised_nop: return "a call in place of a trap, the cheapest";
    case Run::nop:
    case Run::emulated: return "emulated, one trap";
    case Run::stepped: return "single-stepped, two traps, the dearest";
    case Run::misread: return "taken for another instruction by the kernel";
    case Run::refused: return "refused by the kernel";
  }
  bug("a Run that has no cost");
}

std::string described(const Code& code, const Site& site) {
  return fmt::format("+{:#x}, {}: {}", site.from_entry, spelled(code.bytes(site.address), site.address), cost_of(site.run));
}

}  // namespace zeektrace
