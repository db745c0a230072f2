// kprobe and kretprobe: functions of the kernel. System calls go by the names that users know (sys_read): the
// kernel's function is __x64_sys_read, which is given the caller's registers by pointer. Where the kernel has
// no kprobes, system calls are served by the tracepoints at their entry and exit, and a gate picks the calls
// by number.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "parser/registry.h"
#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/kprobe_attach.h"
#include "probes/providers.h"
#include "probes/registers.h"
#include "probes/syscalls.h"

namespace zeektrace {

namespace {

struct KernelTarget {
  std::string_view module;
  std::string_view function;
  uint64_t offset = 0;
};

Error script_error(std::string message, std::string hint) {
  return Error{Error::Kind::script, std::move(message), std::move(hint), nullptr};
}

// "[module:]function[+offset]"
Result<KernelTarget> parse_target(const Provider& row, std::string_view target) {
  KernelTarget parsed{"", target, 0};
  if (const size_t colon = target.find(':'); colon != std::string_view::npos) {
    parsed.module = target.substr(0, colon);
    parsed.function = target.substr(colon + 1);
  }
  if (const size_t plus = parsed.function.find('+'); plus != std::string_view::npos) {
    std::string_view number = parsed.function.substr(plus + 1);
    const bool hexadecimal = number.starts_with("0x");
    if (hexadecimal) number.remove_prefix(2);
    const auto read =
        std::from_chars(number.data(), number.data() + number.size(), parsed.offset, hexadecimal ? 16 : 10);
    if (number.empty() || read.ec != std::errc() || read.ptr != number.data() + number.size())
      return script_error(fmt::format("{}:{}: '{}' is not an offset", row.name, target, number),
                          fmt::format("write {}:FUNCTION+0x10", row.name));
    parsed.function = parsed.function.substr(0, plus);
  }
  if (parsed.function.empty())
    return script_error(fmt::format("{}:{} names no function", row.name, target),
                        fmt::format("write {0}:FUNCTION or {0}:MODULE:FUNCTION", row.name));
  return parsed;
}

AttachPoint make_point(ProviderRow row, const Mechanism& how, std::string_view shown, std::string symbol) {
  AttachPoint point;
  point.provider = &provider(row);
  point.how = &how;
  point.name = fmt::format("{}:{}", point.provider->name, shown);
  point.symbol = std::move(symbol);
  return point;
}

Error no_such_syscall(const SyscallName& wanted) {
  std::vector<std::string_view> names;
  for (const Syscall& syscall : all_syscalls()) names.push_back(syscall.name);
  auto near = near_matches(wanted.name, names);
  for (std::string& name : near) name.insert(0, wanted.prefix);
  return script_error(fmt::format("there is no system call '{}'", wanted.name), did_you_mean(near));
}

// ---- kernels without kprobes ----

Error no_kprobes(std::string_view function) {
  return Error{
      Error::Kind::machine,
      fmt::format("this kernel has no kprobes, so that '{}' cannot be probed: only system calls can",
                  function),
      "use a tracepoint (zeektrace -l 'tracepoint:*'), name a system call (sys_read), or boot a kernel with "
      "CONFIG_KPROBES",
      nullptr};
}

Points expand_raw_syscalls(ProviderRow row, const KernelTarget& target, bool at_return) {
  const auto wanted = split_syscall_name(target.function);
  if (!wanted || !target.module.empty() || target.offset != 0) return no_kprobes(target.function);
  const Mechanism& how = raw_syscall_mechanism(at_return);
  const bool glob = is_glob(wanted->name);
  std::vector<AttachPoint> points;
  for (const Syscall& syscall : all_syscalls()) {
    const bool by_name = glob ? glob_matches(wanted->name, syscall.name) : syscall.name == wanted->name;
    const bool by_kernel_name =
        glob ? glob_matches(wanted->name, syscall.kernel) : syscall.kernel == wanted->name;
    if (!by_name && !by_kernel_name) continue;
    const auto shown = fmt::format("{}{}", wanted->prefix, by_name ? syscall.name : syscall.kernel);
    points.push_back(make_point(row, how, shown, shown));
    points.back().gate = syscall.number;
  }
  return points.empty() ? Points(no_such_syscall(*wanted)) : Points(std::move(points));
}

// ---- kernels with them ----

Error unknown_function(KernelSymbols& symbols, const KernelTarget& target) {
  const auto syscall_name = split_syscall_name(target.function);
  if (syscall_name && target.module.empty()) return no_such_syscall(*syscall_name);
  const auto functions = symbols.matching("*", target.module);
  if (functions.empty() && !target.module.empty())
    return script_error(fmt::format("there is no kernel module '{}', or it has no functions", target.module),
                        "lsmod lists the modules that are loaded");
  std::vector<std::string_view> names;
  names.reserve(functions.size());
  for (const KernelFunction& function : functions) names.push_back(function.name);
  std::string hint = did_you_mean(near_matches(target.function, names));
  if (hint.empty())
    hint = "it may be inlined where it is called; zeektrace -l 'kprobe:*' lists what there is";
  return script_error(fmt::format("the kernel has no function '{}'", target.function), hint);
}

// The kernel's function for a name as users write it. Known system calls need no look at the kernel's
// symbols, which takes longer than all the rest; one that this kernel was built without is told when it is
// attached.
Result<std::string> kernel_name(KernelSymbols& symbols, const KernelTarget& target) {
  const auto syscall_name = split_syscall_name(target.function);
  if (syscall_name && syscall_name->prefix != "__x64_sys_" && target.module.empty())
    if (const Syscall* syscall = find_syscall(syscall_name->name))
      return fmt::format("__x64_sys_{}", syscall->kernel);
  if (!symbols.has(target.function, target.module)) return unknown_function(symbols, target);
  return std::string(target.function);
}

// The functions that the kernel lets itself be traced at; empty when it does not tell.
std::vector<std::string> traceable_functions(Machine::Inside& inside) {
  std::vector<std::string> names;
  auto tracefs = inside.tracefs();
  if (!tracefs) return names;
  auto text = (*tracefs)->read("available_filter_functions");
  if (!text) return names;
  for (size_t start = 0; start < text->size();) {
    const size_t end = std::min(text->find('\n', start), text->size());
    const std::string_view line = std::string_view(*text).substr(start, end - start);
    names.emplace_back(line.substr(0, line.find_first_of(" \t")));
    start = end + 1;
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A glob over the kernel's functions. Names that several functions share are left out: the kernel can't tell
// them apart.
Points expand_glob(Machine::Inside& inside, ProviderRow row, const KernelTarget& target, bool at_return) {
  std::string pattern(target.function);
  std::string_view shown_prefix;
  if (pattern.starts_with("sys_")) {
    shown_prefix = "sys_";
    pattern.insert(0, "__x64_");
  }
  const auto functions = inside.kernel_symbols.matching(pattern, target.module);
  const auto traceable = functions.empty() ? std::vector<std::string>() : traceable_functions(inside);
  const Mechanism& how = kprobe_mechanism(inside.features, at_return, true);
  std::vector<AttachPoint> points;
  for (const KernelFunction& function : functions) {
    const auto range = std::equal_range(traceable.begin(), traceable.end(), function.name);
    if (!traceable.empty() && range.second - range.first != 1) continue;
    std::string shown = function.name;
    if (!shown_prefix.empty()) shown.erase(0, std::string_view("__x64_").size());
    if (!target.module.empty()) shown.insert(0, function.module + ":");
    points.push_back(make_point(row, how, shown, function.name));
    points.back().target = function.module;
  }
  if (points.empty())
    return script_error(
        fmt::format("no function of the kernel that can be probed matches '{}'", target.function),
        functions.empty() ? "" : "functions match, but the kernel forbids probes in them (notrace)");
  return points;
}

Points expand(Machine& machine, std::string_view text, ProviderRow row, bool at_return) {
  auto& inside = machine.inside();
  auto target = parse_target(provider(row), text);
  if (!target) return target.error();
  if (at_return && target->offset != 0)
    return script_error(fmt::format("a return probe takes no offset: {}", text), "name the function alone");
  if (!inside.features.kprobes()) return expand_raw_syscalls(row, *target, at_return);
  if (is_glob(target->function) || is_glob(target->module)) {
    if (target->offset != 0)
      return script_error(fmt::format("a glob takes no offset: {}", text), "name one function");
    return expand_glob(inside, row, *target, at_return);
  }
  auto symbol = kernel_name(inside.kernel_symbols, *target);
  if (!symbol) return symbol.error();
  const bool whole = target->offset == 0 && target->module.empty();
  AttachPoint point =
      make_point(row, kprobe_mechanism(inside.features, at_return, whole), text, *std::move(symbol));
  point.target = target->module;
  point.offset = target->offset;
  return std::vector<AttachPoint>{point};
}

constexpr uint32_t raw_regs =
    0;  // sys_enter, sys_exit (include/trace/events/syscalls.h): args[0] is the pt_regs,
constexpr uint32_t raw_value = 8;  // args[1] the number at entry, the result at exit

std::vector<Field> syscall_argument_fields(uint32_t pointer_to_regs) {
  std::vector<Field> fields;
  for (size_t i = 0; i < pt_regs::syscall_args.size(); i++)
    fields.push_back({fmt::format("arg{}", i), Type::integer(8, false),
                      Chain{pointer_to_regs, {pt_regs::syscall_args[i]}}});
  return fields;
}

}  // namespace

Points expand_kprobe(Machine& machine, std::string_view target) {
  return expand(machine, target, ProviderRow::kprobe, false);
}
Points expand_kretprobe(Machine& machine, std::string_view target) {
  return expand(machine, target, ProviderRow::kretprobe, true);
}

Fields kprobe_fields(Machine&, const AttachPoint& point) {
  if (is_raw_syscall(*point.how)) return syscall_argument_fields(raw_regs);
  // The wrapper's only argument is the pointer to the caller's registers.
  const bool wrapper = point.symbol.starts_with("__x64_sys_") && point.offset == 0;
  return wrapper ? syscall_argument_fields(pt_regs::di) : function_argument_fields();
}

Fields kretprobe_fields(Machine&, const AttachPoint& point) {
  Field result = return_value_field();
  if (is_raw_syscall(*point.how)) result.where = ContextOffset{raw_value};
  return std::vector<Field>{result};
}

// Only calls of 64-bit code: 32-bit programs have other numbers. (A 64-bit program that enters by `int $0x80`
// is counted by its 32-bit number; none is known that does.)
std::optional<Gate> syscall_gate(const std::vector<AttachPoint>& points) {
  if (points.empty() || !is_raw_syscall(*points.front().how)) return std::nullopt;
  Gate gate;
  if (points.front().how == &raw_syscall_mechanism(true))
    gate.value = Chain{raw_regs, {pt_regs::orig_ax}};
  else
    gate.value = ContextOffset{raw_value};
  for (const AttachPoint& point : points) gate.of.push_back(point.gate);
  // Two bytes: on processors with FRED the rest of the word says how the kernel was entered (struct fred_cs,
  // arch/x86/include/asm/ptrace.h).
  gate.require.push_back({Chain{raw_regs, {pt_regs::cs}}, 2, pt_regs::user_code_segment});
  return gate;
}

}  // namespace zeektrace
