#include "probes/usdt_arguments.h"

#include <fmt/format.h>
#include <sys/user.h>

#include <algorithm>
#include <charconv>
#include <cctype>

#include "probes/registers.h"

namespace zeektrace {

namespace {

struct Register {
  uint32_t context_offset = 0;
  uint32_t size = 8;
};

// The names of one general register at 8, 4, 2 and 1 bytes, and of its second byte.
struct RegisterNames {
  uint32_t offset;
  std::string_view whole, half, word, low, second;
};
constexpr RegisterNames general[] = {
    {offsetof(user_regs_struct, rax), "rax", "eax", "ax", "al", "ah"},
    {offsetof(user_regs_struct, rbx), "rbx", "ebx", "bx", "bl", "bh"},
    {offsetof(user_regs_struct, rcx), "rcx", "ecx", "cx", "cl", "ch"},
    {offsetof(user_regs_struct, rdx), "rdx", "edx", "dx", "dl", "dh"},
    {offsetof(user_regs_struct, rsi), "rsi", "esi", "si", "sil", ""},
    {offsetof(user_regs_struct, rdi), "rdi", "edi", "di", "dil", ""},
    {offsetof(user_regs_struct, rbp), "rbp", "ebp", "bp", "bpl", ""},
    {offsetof(user_regs_struct, rsp), "rsp", "esp", "sp", "spl", ""},
    {offsetof(user_regs_struct, r8), "r8", "r8d", "r8w", "r8b", ""},
    {offsetof(user_regs_struct, r9), "r9", "r9d", "r9w", "r9b", ""},
    {offsetof(user_regs_struct, r10), "r10", "r10d", "r10w", "r10b", ""},
    {offsetof(user_regs_struct, r11), "r11", "r11d", "r11w", "r11b", ""},
    {offsetof(user_regs_struct, r12), "r12", "r12d", "r12w", "r12b", ""},
    {offsetof(user_regs_struct, r13), "r13", "r13d", "r13w", "r13b", ""},
    {offsetof(user_regs_struct, r14), "r14", "r14d", "r14w", "r14b", ""},
    {offsetof(user_regs_struct, r15), "r15", "r15d", "r15w", "r15b", ""},
};
constexpr uint32_t instruction_pointer = offsetof(user_regs_struct, rip);

std::optional<Register> find_register(std::string_view name) {
  if (name.empty()) return std::nullopt;
  for (const RegisterNames& row : general) {
    if (name == row.whole) return Register{row.offset, 8};
    if (name == row.half) return Register{row.offset, 4};
    if (name == row.word) return Register{row.offset, 2};
    if (name == row.low) return Register{row.offset, 1};
    if (name == row.second) return Register{row.offset + 1, 1};
  }
  return std::nullopt;
}

// Reads from the front of `text` what it takes.
struct Scanner {
  std::string_view text;

  bool take(char wanted) {
    if (text.empty() || text.front() != wanted) return false;
    text.remove_prefix(1);
    return true;
  }
  // Decimal or 0x…, with a sign.
  std::optional<int64_t> number() {
    std::string_view rest = text;
    const bool negative = !rest.empty() && rest.front() == '-';
    if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) rest.remove_prefix(1);
    int base = 10;
    if (rest.starts_with("0x") || rest.starts_with("0X")) rest.remove_prefix(2), base = 16;
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
    if (error != std::errc()) return std::nullopt;
    text = rest.substr(static_cast<size_t>(end - rest.data()));
    return static_cast<int64_t>(negative ? -value : value);
  }
  std::string identifier() {
    size_t length = 0;
    auto belongs = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$';
    };
    if (!text.empty() && std::isdigit(static_cast<unsigned char>(text.front()))) return {};
    while (length < text.size() && belongs(text[length])) length++;
    std::string name(text.substr(0, length));
    text.remove_prefix(length);
    return name;
  }
  // %name
  std::optional<std::string> register_name() {
    if (!take('%')) return std::nullopt;
    size_t length = 0;
    while (length < text.size() && std::isalnum(static_cast<unsigned char>(text[length]))) length++;
    std::string name(text.substr(0, length));
    text.remove_prefix(length);
    return name;
  }
};

struct Size {
  uint32_t bytes = 0;
  bool is_signed = false;
  bool is_real = false;
};

// "-4@": what stands before the operand.
std::optional<Size> take_size(Scanner& in) {
  const std::string_view before = in.text;
  const auto number = in.number();
  const bool real = number && in.take('f');
  if (!number || !in.take('@') || *number == 0 || *number > 1024 || *number < -1024) {
    in.text = before;
    return std::nullopt;
  }
  return Size{static_cast<uint32_t>(*number < 0 ? -*number : *number), *number < 0, real};
}

Field unavailable(std::string reason) {
  return {"", Type::integer(8, false), Unavailable{std::move(reason)}};
}
Field not_understood(std::string_view word) {
  return unavailable(fmt::format("its place '{}' is not understood", word));
}

bool is_integer_size(uint32_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

uint64_t extended(int64_t value, const Size& size) {
  if (size.bytes == 8) return static_cast<uint64_t>(value);
  const uint32_t unused = 64 - 8 * size.bytes;
  const uint64_t raised = static_cast<uint64_t>(value) << unused;
  return size.is_signed ? static_cast<uint64_t>(static_cast<int64_t>(raised) >> unused) : raised >> unused;
}

Field register_argument(const std::string& name, const Size& size) {
  const auto found = find_register(name);
  if (!found || size.is_real)
    return unavailable(fmt::format("it is in %{}, and only general registers are given to probes", name));
  Field field{"", Type::integer(size.bytes, size.is_signed), ContextOffset{found->context_offset}};
  // A register narrower than the argument: no more than it holds is read, and extended.
  if (found->size < size.bytes) field.kept_as = Type::integer(found->size, size.is_signed);
  return field;
}

// number, symbol, symbol+number, number+symbol
struct Displacement {
  int64_t number = 0;
  std::string symbol;
};
std::optional<Displacement> take_displacement(Scanner& in) {
  Displacement found;
  if (in.text.empty() || in.text.front() == '(') return found;
  if (const auto number = in.number()) {
    found.number = *number;
    if (in.take('+')) {
      found.symbol = in.identifier();
      if (found.symbol.empty()) return std::nullopt;
    }
    return found;
  }
  found.symbol = in.identifier();
  if (found.symbol.empty()) return std::nullopt;
  if (!in.text.empty() && (in.text.front() == '+' || in.text.front() == '-')) {
    const auto number = in.number();
    if (!number) return std::nullopt;
    found.number = *number;
  }
  return found;
}

// "(%base,%index,scale)", any of the first two left out, or nothing at all.
struct Registers {
  std::string base, index;
  uint32_t scale = 1;
};
std::optional<Registers> take_registers(Scanner& in) {
  Registers found;
  if (in.text.empty()) return found;
  if (!in.take('(')) return std::nullopt;
  if (auto base = in.register_name()) found.base = *base;
  if (in.take(',')) {
    auto index = in.register_name();
    if (!index) return std::nullopt;
    found.index = *index;
    if (in.take(',')) {
      const auto scale = in.number();
      if (!scale || (*scale != 1 && *scale != 2 && *scale != 4 && *scale != 8)) return std::nullopt;
      found.scale = static_cast<uint32_t>(*scale);
    }
  }
  if (!in.take(')') || (found.base.empty() && found.index.empty())) return std::nullopt;
  return found;
}

Field memory_argument(std::string_view word, Scanner in, const Size& size, uint64_t site,
                      const VariableAddress& variable) {
  if (in.text.empty()) return not_understood(word);
  const auto displacement = take_displacement(in);
  const auto registers = displacement ? take_registers(in) : std::nullopt;
  if (!registers || !in.text.empty()) return not_understood(word);
  UserMemory memory;
  int64_t add = displacement->number;
  // A variable, and everything that no register stands for, is found from where the program is loaded: from
  // the instruction pointer, which is at `site` when the probe is hit.
  const bool from_here = registers->base.empty() || registers->base == "rip";
  if (!displacement->symbol.empty()) {
    const auto address = variable(displacement->symbol);
    if (!address)
      return unavailable(fmt::format("the symbol table does not say where '{}' is", displacement->symbol));
    if (!from_here) return not_understood(word);
    add += static_cast<int64_t>(*address);
  }
  if (from_here) {
    // A bare number before (%rip) would be counted from the next instruction, which nothing here knows.
    if (displacement->symbol.empty() && registers->base == "rip") return not_understood(word);
    memory.context_offset = instruction_pointer;
    add -= static_cast<int64_t>(site);
  } else {
    const auto base = find_register(registers->base);
    if (!base || base->size != 8) return not_understood(word);
    memory.context_offset = base->context_offset;
  }
  if (!registers->index.empty()) {
    const auto index = find_register(registers->index);
    if (!index || index->size != 8) return not_understood(word);
    memory.index = UserMemory::Index{index->context_offset, registers->scale};
  }
  memory.adds = {add};
  return {"", size.is_real ? Type::real(size.bytes) : Type::integer(size.bytes, size.is_signed),
          std::move(memory)};
}

Field parse_argument(std::string_view word, uint64_t site, const VariableAddress& variable) {
  Scanner in{word};
  auto size = take_size(in);
  // Notes of the first version have no sizes: a register says its own.
  if (!size && word.starts_with('%')) {
    const auto found = find_register(word.substr(1));
    size = Size{found ? found->size : 8, false, false};
  }
  if (!size) return not_understood(word);
  if (size->is_real ? size->bytes != 4 && size->bytes != 8 : !is_integer_size(size->bytes))
    return unavailable(fmt::format("it is {} bytes wide", size->bytes));
  if (in.take('$')) {
    const auto value = in.number();
    if (!value || !in.text.empty() || size->is_real) return not_understood(word);
    return {"", Type::integer(size->bytes, size->is_signed), Constant{extended(*value, *size)}};
  }
  if (in.text.starts_with('%') && in.text.find(':') == std::string_view::npos) {
    const auto name = in.register_name();
    return name && in.text.empty() ? register_argument(*name, *size) : not_understood(word);
  }
  if (in.text.starts_with('%')) return unavailable("it is in a thread's own memory");
  return memory_argument(word, in, *size, site, variable);
}

}  // namespace

std::vector<Field> parse_usdt_arguments(std::string_view text, uint64_t site,
                                        const VariableAddress& variable) {
  std::vector<Field> fields;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty()) continue;
    fields.push_back(parse_argument(word, site, variable));
    fields.back().name = fmt::format("arg{}", fields.size() - 1);
  }
  return fields;
}

namespace {

// An integer that holds every value of both; nothing when no integer does.
std::optional<Type> wider(const Type& a, const Type& b) {
  if (a.kind != b.kind) return std::nullopt;
  if (!a.is_integer()) return a.size == b.size ? std::optional(a) : std::nullopt;
  if (a.is_signed == b.is_signed) return a.size >= b.size ? a : b;
  const Type& unsigned_one = a.is_signed ? b : a;
  const Type& signed_one = a.is_signed ? a : b;
  // 2^64 - 1 and -1 have no common type but 64 bits, which show the sign that the narrower one had.
  return Type::integer(std::min(8U, std::max(signed_one.size, unsigned_one.size * 2)), true);
}

bool is_available(const Field& field) { return !std::holds_alternative<Unavailable>(field.where); }

}  // namespace

void unify_usdt_arguments(std::vector<std::vector<Field>*>& places) {
  size_t most = 0;
  for (const auto* fields : places) most = std::max(most, fields->size());
  for (size_t i = 0; i < most; i++) {
    std::optional<Type> common;
    bool disagree = false;
    for (const auto* fields : places) {
      if (i >= fields->size() || !is_available((*fields)[i])) continue;
      if (common && !disagree) {
        common = wider(*common, (*fields)[i].type);
        disagree = !common;
      } else if (!disagree) {
        common = (*fields)[i].type;
      }
    }
    for (auto* fields : places) {
      if (i >= fields->size()) continue;
      Field& field = (*fields)[i];
      if (disagree)
        field.where =
            Unavailable{"it is a number in one place of the probe and a floating-point number in another"};
      if (disagree || !common || field.type.spelling() == common->spelling()) continue;
      if (is_available(field) && !field.kept_as) field.kept_as = field.type;
      field.type = *common;
    }
  }
}

}  // namespace zeektrace
