// Probes whose arguments the kernel's own types describe: functions by trampolines (fentry, fexit), raw tracepoints, and
// iterators, which hand every task (or its files, its mappings) to a program once. The context is an array of words, one for
// each argument.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "probes/attach.h"
#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/perf_event.h"
#include "probes/providers.h"

namespace zeektrace {

namespace {

constexpr uint32_t word = 8;
constexpr uint32_t plain_words = 6;  // of a raw tracepoint that nothing describes

Error script_error(std::string message, std::string hint) {
  return Error{Error::Kind::script, std::move(message), std::move(hint), nullptr};
}

Error no_types(const Provider& row) {
  return Error{Error::Kind::machine, fmt::format("{}: this kernel does not describe its types", row.name),
               "it takes a kernel with CONFIG_DEBUG_INFO_BTF; kprobe and tracepoint do without", nullptr};
}

// ---- attaching ----

Status aim(bpf_program* program, const Probe& probe, Machine&) {
  const AttachPoint& point = probe.points.front();
  const int failure = bpf_program__set_attach_target(program, 0, point.symbol.c_str());
  if (failure == 0) return Nothing{};
  return errno_error(-failure, fmt::format("{} can't be probed so", point.name),
                     "the kernel may have it inlined, or may not allow it; kprobe is the other way");
}

Result<Links> attach_tracing(const AttachRequest& request) {
  const int link = bpf_raw_tracepoint_open(nullptr, bpf_program__fd(request.program));
  if (link < 0)
    return errno_error(-link, fmt::format("cannot attach {}", request.probe.points.front().name), privilege_hint());
  Links links;
  links.add(link);
  return links;
}

Result<Links> attach_raw(const AttachRequest& request) {
  const AttachPoint& point = request.probe.points.front();
  const int link = bpf_raw_tracepoint_open(point.symbol.c_str(), bpf_program__fd(request.program));
  if (link < 0) return errno_error(-link, fmt::format("cannot attach {}", point.name), privilege_hint());
  Links links;
  links.add(link);
  return links;
}

// The program runs while the iterator is read.
Result<Links> run_iterator(const AttachRequest& request) {
  const AttachPoint& point = request.probe.points.front();
  const int link = bpf_link_create(bpf_program__fd(request.program), 0, BPF_TRACE_ITER, nullptr);
  if (link < 0) return errno_error(-link, fmt::format("cannot attach {}", point.name), privilege_hint());
  Links links;
  links.add(link);
  const int iterator = bpf_iter_create(link);
  if (iterator < 0) return errno_error(-iterator, fmt::format("cannot run {}", point.name));
  std::array<char, 4096> nothing;
  ssize_t got = 0;
  do got = read(iterator, nothing.data(), nothing.size());
  while (got > 0 || (got < 0 && errno == EAGAIN));
  const int error = errno;
  close(iterator);
  if (got < 0) return errno_error(error, fmt::format("{} ended early", point.name));
  return links;
}

constexpr Mechanism entry_trampoline = {.name = "trampoline", .section = "fentry", .attach = attach_tracing,
                                        .prepare = aim, .typed_context = true};
constexpr Mechanism exit_trampoline = {.name = "trampoline", .section = "fexit", .at_return = true,
                                       .attach = attach_tracing, .prepare = aim, .typed_context = true};
constexpr Mechanism typed_tracepoint = {.name = "raw tracepoint, with types", .section = "tp_btf", .attach = attach_tracing,
                                        .prepare = aim, .typed_context = true};
constexpr Mechanism plain_tracepoint = {.name = "raw tracepoint", .section = "raw_tp", .attach = attach_raw};

constexpr Mechanism iterator_of(uint32_t seen_word) {
  return {.name = "iterator", .section = "iter", .filters_pid = true, .is_of_no_process = true, .attach = run_iterator, .prepare = aim,
          .typed_context = true, .is_over_when_armed = true, .seen_word = seen_word};
}
// The last member of struct bpf_iter__NAME is null when there is none left (kernel/bpf/task_iter.c).
constexpr Mechanism task_iterator = iterator_of(8), file_iterator = iterator_of(24), vma_iterator = iterator_of(16);
struct Iterator {
  std::string_view name;
  const Mechanism* how;
};
constexpr std::array iterators = {Iterator{"task", &task_iterator}, Iterator{"task_file", &file_iterator},
                                  Iterator{"task_vma", &vma_iterator}};

// ---- points ----

AttachPoint make_point(ProviderRow row, const Mechanism& how, std::string symbol, std::string module = "") {
  AttachPoint point;
  point.provider = &provider(row);
  point.how = &how;
  point.name = fmt::format("{}:{}{}{}", point.provider->name, module, module.empty() ? "" : ":", symbol);
  point.target = std::move(module);
  point.symbol = std::move(symbol);
  return point;
}

Points matching(ProviderRow row, const Mechanism& how, std::string_view pattern, const std::vector<std::string>& names,
                std::string_view what, const std::string& module = "") {
  std::vector<AttachPoint> points;
  for (const std::string& name : names)
    if (name == pattern || (is_glob(pattern) && glob_matches(pattern, name)))
      points.push_back(make_point(row, how, name, module));
  if (!points.empty()) return points;
  std::vector<std::string_view> views(names.begin(), names.end());
  std::string hint = did_you_mean(near_matches(pattern, views));
  if (hint.empty()) hint = fmt::format("zeektrace -l '{}:*' lists them", provider(row).name);
  return script_error(fmt::format("the kernel has no {} '{}'", what, pattern), hint);
}

Points expand_function(Machine& machine, ProviderRow row, const Mechanism& how, std::string_view target) {
  BtfTypes* types = machine.inside().btf();
  if (types == nullptr) return no_types(provider(row));
  constexpr std::string_view kernel_itself = "vmlinux:";
  if (target.starts_with(kernel_itself)) target.remove_prefix(kernel_itself.size());
  std::string module;
  if (const size_t colon = target.find(':'); colon != std::string_view::npos) {
    module = target.substr(0, colon);
    target.remove_prefix(colon + 1);
    types = types->module(module);
    if (types == nullptr)
      return script_error(fmt::format("the kernel has no types of a module '{}'", module),
                          "it must be loaded, and its types in /sys/kernel/btf; kprobe takes functions without types");
  }
  if (target.empty())
    return script_error(fmt::format("{} names no function", provider(row).name),
                        fmt::format("write {}:FUNCTION", provider(row).name));
  if (!is_glob(target) && types->function(target)) return std::vector<AttachPoint>{make_point(row, how, std::string(target), module)};
  return matching(row, how, target, types->functions(), "described function", module);
}

// The types of the module that the point names, if it names one, or the kernel's.
BtfTypes* types_of(Machine& machine, const AttachPoint& point) {
  BtfTypes* types = machine.inside().btf();
  BtfTypes* own = types == nullptr || point.target.empty() ? nullptr : types->module(point.target);
  return own != nullptr ? own : types;
}

// ---- arguments ----

// Each takes a word; a record by value as many as it has.
void add_parameters(const BtfTypes::Function& function, bool with_numbers, std::vector<Field>& fields, uint32_t& offset) {
  for (size_t i = 0; i < function.parameters.size(); i++) {
    const BtfTypes::Parameter& each = function.parameters[i];
    Location where = ContextOffset{offset};
    if (!each.unavailable.empty()) where = Unavailable{each.unavailable};
    const bool by_value = each.type.is_record() || each.type.is_array();
    if (by_value) where = Unavailable{"it is passed by value"};
    const bool is_whole = each.type.is_integer() && each.type.size < word;
    Field field{"args." + each.name, each.type, where};
    if (is_whole) field.kept_as = Type::integer(word, each.type.is_signed);
    if (!each.name.empty()) fields.push_back(std::move(field));
    if (with_numbers) fields.push_back({fmt::format("arg{}", i), Type::integer(word, false), ContextOffset{offset}});
    offset += by_value ? (each.type.size + word - 1) / word * word : word;
  }
}

}  // namespace

Points expand_fentry(Machine& machine, std::string_view target) {
  return expand_function(machine, ProviderRow::fentry, entry_trampoline, target);
}
Points expand_fexit(Machine& machine, std::string_view target) {
  return expand_function(machine, ProviderRow::fexit, exit_trampoline, target);
}

Fields function_fields(Machine& machine, const AttachPoint& point) {
  BtfTypes* types = types_of(machine, point);
  const auto function = types != nullptr ? types->function(point.symbol) : std::nullopt;
  std::vector<Field> fields;
  if (!function) return fields;
  uint32_t offset = 0;
  add_parameters(*function, true, fields, offset);
  if (!point.how->at_return || !function->result) return fields;
  Field result{"retval", function->result->type, ContextOffset{offset}};
  if (result.type.is_integer() && result.type.size < word) result.kept_as = Type::integer(word, result.type.is_signed);
  if (!function->result->unavailable.empty()) result.where = Unavailable{function->result->unavailable};
  fields.push_back(std::move(result));
  return fields;
}

Points expand_rawtracepoint(Machine& machine, std::string_view target) {
  // "module:event" names the event all the same: names are the kernel's, wherever they come from.
  if (const size_t colon = target.rfind(':'); colon != std::string_view::npos) target.remove_prefix(colon + 1);
  if (target.empty())
    return script_error("rawtracepoint names no event", "write rawtracepoint:EVENT, such as rawtracepoint:sched_switch");
  BtfTypes* types = machine.inside().btf();
  const auto row = ProviderRow::rawtracepoint;
  if (types == nullptr && !is_glob(target)) return std::vector<AttachPoint>{make_point(row, plain_tracepoint, std::string(target))};
  if (types == nullptr) return no_types(provider(row));
  return matching(row, typed_tracepoint, target, types->raw_tracepoints(), "raw tracepoint");
}

Fields rawtracepoint_fields(Machine& machine, const AttachPoint& point) {
  std::vector<Field> fields;
  BtfTypes* types = machine.inside().btf();
  const auto function = types != nullptr ? types->raw_tracepoint(point.symbol) : std::nullopt;
  uint32_t offset = 0;
  if (function) add_parameters(*function, true, fields, offset);
  for (uint32_t i = 0; !function && i < plain_words; i++)
    fields.push_back({fmt::format("arg{}", i), Type::integer(word, false), ContextOffset{i * word}});
  return fields;
}

Points expand_iter(Machine& machine, std::string_view target) {
  std::vector<AttachPoint> points;
  std::vector<std::string_view> names;
  for (const Iterator& each : iterators) {
    names.push_back(each.name);
    if (each.name == target || (is_glob(target) && glob_matches(target, each.name)))
      points.push_back(make_point(ProviderRow::iter, *each.how, std::string(each.name)));
  }
  if (machine.inside().btf() == nullptr) return no_types(provider(ProviderRow::iter));
  if (!points.empty()) return points;
  if (const size_t colon = target.find(':'); colon != std::string_view::npos)
    return script_error(fmt::format("iter:{}: iterators are not pinned", target),
                        fmt::format("write iter:{}; it runs once, and -o FILE keeps what it prints", target.substr(0, colon)));
  return script_error(fmt::format("there is no iterator '{}'", target), fmt::format("known are {}", fmt::join(names, ", ")));
}

Fields iter_fields(Machine& machine, const AttachPoint& point) {
  BtfTypes* types = machine.inside().btf();
  const auto context = types != nullptr ? types->find("bpf_iter__" + point.symbol) : std::nullopt;
  std::vector<Field> fields;
  if (!context) return fields;
  fields.push_back({"ctx", Type::pointer(*context), Constant{0}});
  auto shape = types->shape(context->record);
  if (!shape) return shape.error();
  // Each member stands in a union of 8 bytes (__bpf_md_ptr, include/uapi/linux/bpf.h).
  for (const Member& member : (*shape)->members) {
    Member plain = member;
    if (member.name.empty() && member.type.is_record()) {
      auto inner = types->shape(member.type.record);
      if (!inner || (*inner)->members.empty()) continue;
      plain = (*inner)->members.front();
    }
    if (plain.name == "meta") continue;
    fields.push_back({"args." + plain.name, plain.type, ContextOffset{member.offset}});
  }
  return fields;
}

Records* kernel_types(Machine& machine, const AttachPoint& point) { return types_of(machine, point); }

}  // namespace zeektrace
