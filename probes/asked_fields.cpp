// What of a place is given only when a script asks for it by name: registers, arguments on the stack, addresses of the
// binary's variables. The context of these programs is or begins with the registers (struct pt_regs).
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

#include "probes/elf_file.h"
#include "probes/inside.h"
#include "probes/kprobe_attach.h"
#include "probes/mappings.h"
#include "probes/perf_event.h"
#include "probes/providers.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

Error no_such(std::string message) { return Error{Error::Kind::script, std::move(message), "", nullptr}; }

struct Register {
  std::string_view name;
  uint32_t offset;
};
constexpr std::array registers = {
    Register{"ax", pt_regs::ax}, Register{"bx", offsetof(user_regs_struct, rbx)},
    Register{"cx", offsetof(user_regs_struct, rcx)}, Register{"dx", pt_regs::dx},
    Register{"si", offsetof(user_regs_struct, rsi)}, Register{"di", pt_regs::di},
    Register{"bp", offsetof(user_regs_struct, rbp)}, Register{"sp", pt_regs::sp},
    Register{"ip", offsetof(user_regs_struct, rip)}, Register{"flags", offsetof(user_regs_struct, eflags)},
    Register{"cs", pt_regs::cs}, Register{"ss", offsetof(user_regs_struct, ss)},
    Register{"orig_ax", pt_regs::orig_ax}, Register{"r8", offsetof(user_regs_struct, r8)},
    Register{"r9", offsetof(user_regs_struct, r9)}, Register{"r10", offsetof(user_regs_struct, r10)},
    Register{"r11", offsetof(user_regs_struct, r11)}, Register{"r12", offsetof(user_regs_struct, r12)},
    Register{"r13", offsetof(user_regs_struct, r13)}, Register{"r14", offsetof(user_regs_struct, r14)},
    Register{"r15", offsetof(user_regs_struct, r15)},
};

// "reg.NAME"; nothing when it asks for something else.
std::optional<Result<Field>> register_field(std::string_view asked) {
  constexpr std::string_view prefix = "reg.";
  if (!asked.starts_with(prefix)) return std::nullopt;
  const std::string_view name = asked.substr(prefix.size());
  for (const Register& each : registers)
    if (each.name == name) return Result<Field>(Field{std::string(asked), Type::integer(8, false), ContextOffset{each.offset}});
  std::string known;
  for (const Register& each : registers) known += fmt::format("{}{}", known.empty() ? "" : " ", each.name);
  return Result<Field>(no_such(fmt::format("there is no register '{}'; known are {}", name, known)));
}

// "sargN": the Nth word above the return address.
std::optional<int64_t> stack_argument(std::string_view asked) {
  constexpr std::string_view prefix = "sarg";
  if (!asked.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = asked.substr(prefix.size());
  int64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// ---- variables of the binary ----

struct Variable {
  uint64_t address = 0;  // as in the symbol table
  uint64_t size = 0;
};

std::optional<Variable> find_variable(const ElfFile& file, std::string_view name) {
  for (const std::string_view table : {".symtab", ".dynsym"}) {
    GElf_Shdr header;
    Elf_Scn* section = file.section(table, header);
    Elf_Data* data = section != nullptr ? elf_getdata(section, nullptr) : nullptr;
    if (data == nullptr || header.sh_entsize == 0) continue;
    for (int i = 0; i < static_cast<int>(data->d_size / header.sh_entsize); i++) {
      GElf_Sym symbol;
      if (gelf_getsym(data, i, &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF) continue;
      const char* found = elf_strptr(file.handle(), header.sh_link, symbol.st_name);
      if (found != nullptr && found == name) return Variable{symbol.st_value, symbol.st_size};
    }
  }
  return std::nullopt;
}

// By how much a process has moved the binary: nothing where it has not mapped it.
std::optional<uint64_t> moved_by(pid_t pid, const Binary& binary) {
  const auto text = read_small_file(fmt::format("/proc/{}/maps", pid));
  if (!text) return std::nullopt;
  for (const Mapping& mapping : parse_mappings(*text))
    for (const CodeSegment& segment : binary.code)
      if (mapping.path == binary.path && mapping.offset == (segment.file_offset & ~uint64_t{4095}))
        return mapping.begin - (segment.address & ~uint64_t{4095});
  return std::nullopt;
}

Field variable_field(std::string_view asked, const Variable& variable, uint64_t moved) {
  const bool is_word = variable.size == 1 || variable.size == 2 || variable.size == 4;
  const Type pointee = Type::integer(is_word ? static_cast<uint32_t>(variable.size) : 8, false);
  return {std::string(asked), Type::pointer(pointee), Constant{variable.address + moved}};
}

constexpr std::string_view variable_prefix = "uaddr.";

// A binary that is loaded anywhere has its variables where only a process can tell.
Result<Field> variable_asked(Machine& machine, const AttachPoint& point, std::string_view asked) {
  const std::string_view name = asked.substr(variable_prefix.size());
  auto file = ElfFile::open(point.target, point.target);
  if (!file) return file.error();
  const auto variable = find_variable(*file, name);
  if (!variable) return no_such(fmt::format("{} has no variable '{}'", point.target, name));
  GElf_Ehdr header;
  const bool is_fixed = gelf_getehdr(file->handle(), &header) != nullptr && header.e_type == ET_EXEC;
  if (is_fixed) return variable_field(asked, *variable, 0);
  const auto pid = machine.settings().pid;
  auto binary = machine.inside().binary(point.target, point.target, DebugFile::skip);
  if (!binary) return binary.error();
  const auto moved = pid ? moved_by(*pid, **binary) : std::nullopt;
  if (!moved)
    return no_such(fmt::format("{} is loaded where only a process that runs can tell: -p PID says which", point.target));
  return variable_field(asked, *variable, *moved);
}

}  // namespace

Result<Field> uretprobe_asked(Machine& machine, const AttachPoint& point, std::string_view asked) {
  if (asked.starts_with(variable_prefix)) return variable_asked(machine, point, asked);
  return registers_asked(machine, point, asked);
}

Result<Field> registers_asked(Machine&, const AttachPoint&, std::string_view asked) {
  if (auto found = register_field(asked)) return *std::move(found);
  return no_such("it is not known at such a probe");
}

Result<Field> uprobe_asked(Machine& machine, const AttachPoint& point, std::string_view asked) {
  if (asked.starts_with(variable_prefix)) return variable_asked(machine, point, asked);
  if (auto found = register_field(asked)) return *std::move(found);
  if (auto number = stack_argument(asked))
    return Field{std::string(asked), Type::integer(8, false), UserMemory{pt_regs::sp, {8 + 8 * *number}}};
  return no_such("it is not known at such a probe");
}

Result<Field> kprobe_asked(Machine&, const AttachPoint& point, std::string_view asked) {
  if (is_raw_syscall(*point.how)) return no_such("this kernel has no kprobes: system calls are served by tracepoints");
  if (auto found = register_field(asked)) return *std::move(found);
  if (auto number = stack_argument(asked))
    return Field{std::string(asked), Type::integer(8, false), Chain{pt_regs::sp, {static_cast<uint32_t>(8 + 8 * *number)}}};
  if (asked == override_field) return Field{std::string(asked), Type::integer(8, false), ContextOffset{0}};
  return no_such("it is not known at such a probe");
}

}  // namespace zeektrace
