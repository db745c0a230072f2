#include "probes/instruction.h"

#include <Zydis/Zydis.h>

#include <algorithm>

#include "probes/registers.h"

namespace zeektrace {

namespace {

const ZydisDecoder& decoder() {
  static const ZydisDecoder made = [] {
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return decoder;
  }();
  return made;
}

Instruction::Flow flow_of(const ZydisDecodedInstruction& raw) {
  using Flow = Instruction::Flow;
  const bool direct = raw.raw.imm[0].size != 0 && raw.raw.imm[0].is_relative;
  switch (raw.mnemonic) {
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_INT3: return Flow::stop;
    case ZYDIS_MNEMONIC_RET: return raw.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? Flow::other : Flow::ret;
    case ZYDIS_MNEMONIC_JMP: return direct ? Flow::jump : Flow::indirect_jump;
    case ZYDIS_MNEMONIC_CALL: return direct ? Flow::call : Flow::indirect_call;
    case ZYDIS_MNEMONIC_XBEGIN:
    case ZYDIS_MNEMONIC_XABORT:
    case ZYDIS_MNEMONIC_XEND: return Flow::other;
    default: break;
  }
  switch (raw.meta.category) {
    case ZYDIS_CATEGORY_COND_BR: return direct ? Flow::conditional_jump : Flow::other;
    case ZYDIS_CATEGORY_RET:
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
    case ZYDIS_CATEGORY_INTERRUPT: return Flow::other;
    default: return Flow::next;
  }
}

// The kernel's decoder gives the opcode byte of a vector instruction (VEX, EVEX) without the map that it belongs to, and
// uprobes look at the byte alone: what reads as push, a conditional jump, call, jmp or nop is "emulated" as that, and the
// vector instruction never runs (branch_setup_xol_ops, push_setup_xol_ops, arch/x86/kernel/uprobes.c). Measured on 6.18:
// under a probe vpshufd (c5 f9 70 …) leaves its register as it was; glibc's __memset_avx512_unaligned_erms, which begins
// with vpbroadcastb (62 … 7a …), crashes its process. With REX.B, 90 is no nop but exchanges rax and r8, and is
// "emulated" as a nop all the same.
bool is_misread(const ZydisDecodedInstruction& raw) {
  if (raw.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY)
    return raw.mnemonic == ZYDIS_MNEMONIC_XCHG && raw.opcode == 0x90 && raw.raw.rex.B != 0;
  const uint8_t opcode = raw.opcode;
  return (opcode >= 0x50 && opcode <= 0x57) || (opcode >= 0x70 && opcode <= 0x7f) || opcode == 0xe8 || opcode == 0xe9 ||
         opcode == 0xeb || opcode == 0x90 || opcode == 0x0f;
}

// is_prefix_bad, arch/x86/kernel/uprobes.c: es, cs, ss, ds (which is also notrack) and lock.
bool has_refused_prefix(const ZydisDecodedInstruction& raw) {
  for (uint8_t i = 0; i < raw.raw.prefix_count; i++) {
    const uint8_t prefix = raw.raw.prefixes[i].value;
    if (prefix == 0x26 || prefix == 0x2e || prefix == 0x36 || prefix == 0x3e || prefix == 0xf0) return true;
  }
  return false;
}

// push_setup_xol_ops: 50 to 57, with no prefix or REX.B alone. branch_setup_xol_ops: eb, e9, e8, 70 to 7f and 0f 80 to
// 0f 8f (a prefix 66 is refused; of the others none is made by compilers), and 90 with prefixes. Emulation of push came
// with Linux 4.18; that of longer nops, byte by byte as the kernel itself writes them (x86_nops), with 6.18.
Instruction::Run run_of(const ZydisDecodedInstruction& raw, const uint8_t* bytes) {
  using Run = Instruction::Run;
  static constexpr uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
  static constexpr std::array<std::array<uint8_t, 8>, 5> nops = {{{0x0f, 0x1f, 0x00},
                                                                  {0x0f, 0x1f, 0x40, 0x00},
                                                                  {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
                                                                  {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
                                                                  {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}}};
  static constexpr uint8_t lengths[] = {3, 4, 6, 7, 8};
  if (has_refused_prefix(raw)) return Run::refused;
  if (is_misread(raw)) return Run::misread;
  if (raw.length == sizeof(nop5) && std::equal(bytes, bytes + sizeof(nop5), nop5)) return Run::optimised_nop;
  for (size_t i = 0; i < nops.size(); i++)
    if (raw.length == lengths[i] && std::equal(bytes, bytes + lengths[i], nops[i].begin())) return Run::nop;
  const uint8_t first = bytes[0];
  const bool push = (raw.length == 1 && first >= 0x50 && first <= 0x57) ||
                    (raw.length == 2 && first == 0x41 && bytes[1] >= 0x50 && bytes[1] <= 0x57);
  const bool one_byte = (raw.length == 1 && first == 0x90) || (raw.length == 2 && first == 0x66 && bytes[1] == 0x90);
  const bool branch = first == 0xeb || first == 0xe9 || first == 0xe8 || (first >= 0x70 && first <= 0x7f) ||
                      (first == 0x0f && raw.length == 6 && bytes[1] >= 0x80 && bytes[1] <= 0x8f);
  return push || one_byte || branch ? Run::emulated : Run::stepped;
}

RegisterSet general(ZydisRegister part) {
  static constexpr uint32_t by_number[16] = {
      offsetof(user_regs_struct, rax), offsetof(user_regs_struct, rcx), offsetof(user_regs_struct, rdx),
      offsetof(user_regs_struct, rbx), offsetof(user_regs_struct, rsp), offsetof(user_regs_struct, rbp),
      offsetof(user_regs_struct, rsi), offsetof(user_regs_struct, rdi), offsetof(user_regs_struct, r8),
      offsetof(user_regs_struct, r9),  offsetof(user_regs_struct, r10), offsetof(user_regs_struct, r11),
      offsetof(user_regs_struct, r12), offsetof(user_regs_struct, r13), offsetof(user_regs_struct, r14),
      offsetof(user_regs_struct, r15)};
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, part);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return 0;
  return register_at(by_number[whole - ZYDIS_REGISTER_RAX]);
}

void add_memory(const ZydisDecodedInstruction& raw, const ZydisDecodedOperand& operand, uint64_t address, Effects& all) {
  const auto& mem = operand.mem;
  all.reads |= general(mem.base) | general(mem.index);
  if (mem.type != ZYDIS_MEMOP_TYPE_MEM && mem.type != ZYDIS_MEMOP_TYPE_VSIB && mem.type != ZYDIS_MEMOP_TYPE_MIB) return;
  Effects::Memory memory;
  memory.rip_relative = mem.base == ZYDIS_REGISTER_RIP;
  memory.base = general(mem.base);
  memory.index = general(mem.index);
  memory.scale = mem.scale;
  if (memory.rip_relative) memory.address = address + raw.length + static_cast<uint64_t>(mem.disp.value);
  else memory.address = static_cast<uint64_t>(mem.disp.value);
  const bool own_stack = memory.base == register_at(pt_regs::sp) && memory.index == 0;
  const bool stored = memory.written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  const bool loaded = memory.read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  if (operand.visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN) all.memory = memory;
  const bool pushes = own_stack && operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  const bool fixed = memory.base == 0 && memory.index == 0;  // %fs:0x28 among them, the stack protector's word
  if (stored && own_stack && !pushes) all.stores_below = mem.disp.value + operand.size / 8;
  if (stored && !own_stack) all.stores = true;
  if (loaded && !own_stack && !fixed) all.loads = true;
}

// How compilers make a zero (sbb: or minus one, by the carry).
bool makes_a_constant(const ZydisDecodedInstruction& raw, const ZydisDecodedOperand* operands) {
  switch (raw.mnemonic) {
    case ZYDIS_MNEMONIC_XOR:
    case ZYDIS_MNEMONIC_SUB:
    case ZYDIS_MNEMONIC_SBB:
      return operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
             operands[0].reg.value == operands[1].reg.value;
    case ZYDIS_MNEMONIC_OR:  // -1, the short way
      return operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
             operands[1].imm.value.s == -1;
    case ZYDIS_MNEMONIC_AND:
      return operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
             operands[1].imm.value.s == 0;
    default: return false;
  }
}

// Of the stack pointer, when the instruction writes it.
std::optional<int64_t> stack_change(const ZydisDecodedInstruction& raw, const ZydisDecodedOperand* operands) {
  switch (raw.mnemonic) {
    case ZYDIS_MNEMONIC_PUSH: return operands[0].size == 16 ? std::nullopt : std::optional<int64_t>(-8);
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_SUB:
      if (operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[0].size == 64)
        return raw.mnemonic == ZYDIS_MNEMONIC_ADD ? operands[1].imm.value.s : -operands[1].imm.value.s;
      return std::nullopt;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<Instruction> decode(std::span<const uint8_t> code, uint64_t address) {
  ZydisDecodedInstruction raw;
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder(), nullptr, code.data(), code.size(), &raw))) return std::nullopt;
  Instruction made;
  made.address = address;
  made.length = raw.length;
  made.flow = flow_of(raw);
  made.run = run_of(raw, code.data());
  made.notrack = (raw.attributes & ZYDIS_ATTRIB_HAS_NOTRACK) != 0;
  if (made.has_target()) made.target = address + raw.length + static_cast<uint64_t>(raw.raw.imm[0].value.s);
  return made;
}

std::optional<Effects> effects(std::span<const uint8_t> code, uint64_t address) {
  ZydisDecodedInstruction raw;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder(), code.data(), code.size(), &raw, operands))) return std::nullopt;
  Effects all;
  for (size_t i = 0; i < raw.operand_count; i++) {
    const ZydisDecodedOperand& operand = operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0) all.reads |= general(operand.reg.value);
      if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0) all.writes |= general(operand.reg.value);
    }
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) add_memory(raw, operand, address, all);
  }
  if (makes_a_constant(raw, operands)) all.reads = 0;
  if ((all.writes & register_at(pt_regs::sp)) != 0) all.stack_change = stack_change(raw, operands);
  if (raw.mnemonic == ZYDIS_MNEMONIC_ADD) all.kind = Effects::Kind::add;
  if (raw.mnemonic == ZYDIS_MNEMONIC_MOV) all.kind = Effects::Kind::move;
  return all;
}

std::string spelled(std::span<const uint8_t> code, uint64_t address) {
  ZydisDecodedInstruction raw;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  ZydisFormatter formatter;
  char text[128];
  if (!ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)) ||
      !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder(), code.data(), code.size(), &raw, operands)) ||
      !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &raw, operands, raw.operand_count_visible, text,
                                                    sizeof(text), address, nullptr)))
    return "";
  return text;
}

}  // namespace zeektrace
