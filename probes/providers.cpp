// The one list of providers, and what -l makes of it.
#include "probes/providers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/syscalls.h"
#include "probes/zeek/provider.h"

namespace zeektrace {

namespace {

// In the order of ProviderRow.
constexpr Provider rows[] = {
    {.name = "BEGIN",
     .alias = "begin",
     .syntax = "BEGIN",
     .doc = "once, before anything is attached",
     .expand = expand_begin,
     .fields = no_fields,
     .example = "BEGIN { print(1); exit(); }"},
    {.name = "END",
     .alias = "end",
     .syntax = "END",
     .doc = "once, when tracing is over",
     .expand = expand_end,
     .fields = no_fields,
     .example = "BEGIN { exit(); } END { print(2); }"},
    {.name = "self",
     .alias = "",
     .syntax = "self:signal:SIGUSR1",
     .doc = "when zeektrace itself gets a signal",
     .expand = expand_self,
     .fields = no_fields,
     .example = "self:signal:SIGUSR1 { print(1); } interval:ms:100 { exit(); }"},
    {.name = "interval",
     .alias = "i",
     .syntax = "interval:s:COUNT | interval:5ms",
     .doc = "in regular intervals, on one CPU (us ms s hz)",
     .expand = expand_interval,
     .fields = no_fields,
     .asked_field = registers_asked,
     .example = "interval:ms:50 { @ = count(); } interval:ms:500 { exit(); }"},
    {.name = "profile",
     .alias = "p",
     .syntax = "profile:hz:RATE | profile:5ms",
     .doc = "in regular intervals on every CPU, to sample what runs there",
     .expand = expand_profile,
     .fields = no_fields,
     .asked_field = registers_asked,
     .example = "profile:hz:99 { @[comm] = count(); } interval:ms:500 { exit(); }"},
    {.name = "uprobe",
     .alias = "u",
     .syntax = "uprobe:BINARY:FUNCTION[+OFFSET] | uprobe:BINARY:0xADDRESS | uprobe:BINARY@FILE:LINE",
     .doc = "when a function of a program or library is entered",
     .expand = expand_uprobe,
     .fields = uprobe_fields,
     .types = uprobe_types,
     .described_fields = uprobe_described_fields,
     .asked_field = uprobe_asked,
     .example = "uprobe:libc:write { @[comm] = hist(arg2); } interval:ms:500 { exit(); }"},
    {.name = "uretprobe",
     .alias = "ur",
     .syntax = "uretprobe:BINARY:FUNCTION",
     .doc = "when a function of a program or library returns",
     .expand = expand_uretprobe,
     .fields = uretprobe_fields,
     .types = uprobe_types,
     .described_fields = uretprobe_described_fields,
     .asked_field = uretprobe_asked,
     .example = "uretprobe:libc:write { @ = hist(retval); } interval:ms:500 { exit(); }"},
    {.name = "usdt",
     .alias = "U",
     .syntax = "usdt:BINARY:[PROVIDER:]NAME",
     .doc = "at a static probe that a program's authors put into it",
     .expand = expand_usdt,
     .fields = usdt_fields,
     .asked_field = registers_asked,
     .example = "usdt:libstdc++:throw { @[comm] = count(); } interval:ms:500 { exit(); }"},
    {.name = "kprobe",
     .alias = "k",
     .syntax = "kprobe:[MODULE:]FUNCTION[+OFFSET]",
     .doc = "when a function of the kernel is entered",
     .expand = expand_kprobe,
     .fields = kprobe_fields,
     .gate = syscall_gate,
     .asked_field = kprobe_asked,
     .example = "kprobe:sys_read { @[comm] = hist(arg2); } interval:ms:500 { exit(); }"},
    {.name = "kretprobe",
     .alias = "kr",
     .syntax = "kretprobe:[MODULE:]FUNCTION",
     .doc = "when a function of the kernel returns",
     .expand = expand_kretprobe,
     .fields = kretprobe_fields,
     .gate = syscall_gate,
     .asked_field = kprobe_asked,
     .example = "kretprobe:sys_read { @ = hist(retval); } interval:ms:500 { exit(); }"},
    {.name = "tracepoint",
     .alias = "t",
     .syntax = "tracepoint:SUBSYSTEM:EVENT",
     .doc = "at one of the kernel's static tracepoints",
     .expand = expand_tracepoint,
     .fields = tracepoint_fields,
     .described_fields = tracepoint_described_fields,
     .example = "tracepoint:sched:sched_switch { @[args.next_comm] = count(); } interval:ms:500 { exit(); }"},
    {.name = "software",
     .alias = "s",
     .syntax = "software:EVENT[:PERIOD]",
     .doc = "once in PERIOD events that the kernel counts, such as page-faults; -l 'software:*' shows each event with its PERIOD "
            "where none is given (page-faults: 100)",
     .expand = expand_software,
     .fields = no_fields,
     .counter = software_counter,
     .asked_field = registers_asked,
     .example = "software:page-faults:10 { @[comm] = count(); } interval:ms:500 { exit(); }"},
    {.name = "hardware",
     .alias = "h",
     .syntax = "hardware:EVENT[:PERIOD]",
     .doc = "once in PERIOD events that the processor counts, such as cache-misses; -l 'hardware:*' shows each event with its "
            "PERIOD where none is given",
     .expand = expand_hardware,
     .fields = no_fields,
     .counter = hardware_counter,
     .asked_field = registers_asked,
     .example = "hardware:cache-misses:10000 { @[comm] = count(); } interval:ms:500 { exit(); }"},
    {.name = "fentry",
     .alias = "f kfunc",
     .syntax = "fentry:FUNCTION",
     .doc = "when a function of the kernel is entered, with its arguments by name",
     .expand = expand_fentry,
     .fields = function_fields,
     .types = kernel_types,
     .example = "fentry:vfs_read { @[comm] = hist(args.count); } interval:ms:500 { exit(); }"},
    {.name = "fexit",
     .alias = "fr kretfunc",
     .syntax = "fexit:FUNCTION",
     .doc = "when a function of the kernel returns, with its arguments and its result",
     .expand = expand_fexit,
     .fields = function_fields,
     .types = kernel_types,
     .example = "fexit:vfs_read { @[args.count > 0 ? 1 : 0] = hist(retval); } interval:ms:500 { exit(); }"},
    {.name = "rawtracepoint",
     .alias = "rt",
     .syntax = "rawtracepoint:EVENT",
     .doc = "at one of the kernel's static tracepoints, with what the kernel itself hands over there",
     .expand = expand_rawtracepoint,
     .fields = rawtracepoint_fields,
     .types = kernel_types,
     .example = "rawtracepoint:sched_switch { @[args.next.comm] = count(); } interval:ms:500 { exit(); }"},
    {.name = "watchpoint",
     .alias = "w",
     .syntax = "watchpoint:0xADDRESS:LENGTH:MODE",
     .doc = "when memory is written (w), read or written (rw), or executed (x)",
     .expand = expand_watchpoint,
     .fields = no_fields,
     .asked_field = registers_asked,
     .example = "watchpoint:0xffffffff81000000:8:w { @[comm] = count(); } interval:ms:500 { exit(); }"},
    {.name = "iter",
     .alias = "it",
     .syntax = "iter:task | iter:task_file | iter:task_vma",
     .doc = "once for each task, open file or mapping that there is; then the script ends",
     .expand = expand_iter,
     .fields = iter_fields,
     .types = kernel_types,
     .example = "iter:task { @[args.task.comm] = count(); }"},
    {.name = "zeek",
     .alias = "",
     .syntax = "zeek:event:NAME | zeek:function:NAME | zeek:KIND[:NAME]",
     .doc = "when a Zeek process calls an event's handlers, a function of its scripts, …",
     .expand = expand_zeek,
     .fields = zeek_fields,
     .described_fields = zeek_described_fields,
     .known_at = zeek_known_at,
     .example = "zeek:event:* { @[event] = count(); } interval:ms:500 { exit(); }"},
    {.name = "zeekret",
     .alias = "",
     .syntax = "zeekret:event:NAME | zeekret:function:NAME | zeekret:KIND[:NAME]",
     .doc = "when that is done",
     .expand = expand_zeekret,
     .fields = zeekret_fields,
     .described_fields = zeekret_described_fields,
     .example = "zeekret:event:* { @[event] = count(); } interval:ms:500 { exit(); }"},
};

// What a row lists when the pattern says nothing more, or leaves the event out. Places in binaries are listed
// only when the pattern names the binary; timers and their like have no list but their syntax.
Points everything(Machine& machine, ProviderRow row) {
  switch (row) {
    case ProviderRow::kprobe:
    case ProviderRow::kretprobe:
      return provider(row).expand(machine, machine.inside().features.kprobes() ? "*" : "sys_*");
    case ProviderRow::tracepoint:
      return provider(row).expand(machine, "*:*");
    case ProviderRow::fentry:
    case ProviderRow::fexit:
    case ProviderRow::rawtracepoint:
    case ProviderRow::iter:
    case ProviderRow::software:
    case ProviderRow::hardware:
      return provider(row).expand(machine, "*");
    default:
      return std::vector<AttachPoint>{};
  }
}

// Its places are those that kprobe or tracepoint list already.
bool is_another_way(ProviderRow row) {
  return row == ProviderRow::fentry || row == ProviderRow::fexit || row == ProviderRow::rawtracepoint ||
         row == ProviderRow::iter;
}

bool has_list(ProviderRow row) {
  return row == ProviderRow::kprobe || row == ProviderRow::kretprobe || row == ProviderRow::tracepoint ||
         row == ProviderRow::software || row == ProviderRow::hardware || is_another_way(row);
}

bool is_in_binaries(ProviderRow row) {
  return row == ProviderRow::uprobe || row == ProviderRow::uretprobe || row == ProviderRow::usdt;
}

std::vector<AttachPoint> filtered(std::vector<AttachPoint> points, const Provider& row,
                                  std::string_view pattern) {
  std::vector<AttachPoint> kept;
  for (AttachPoint& point : points) {
    const std::string_view event = std::string_view(point.name).substr(row.name.size() + 1);
    if (glob_matches(pattern, event) || glob_matches(pattern, point.symbol)) kept.push_back(std::move(point));
  }
  return kept;
}

Points points_of(Machine& machine, ProviderRow row, std::string_view target) {
  const Provider& by = provider(row);
  if (is_in_binaries(row) && target.find(':') == std::string_view::npos)
    return by.expand(machine, fmt::format("{}:*", target));
  if (!has_list(row) || is_in_binaries(row)) return by.expand(machine, target);
  auto all = everything(machine, row);
  if (!all) return all.error();
  if (target.empty()) return *std::move(all);
  auto kept = filtered(*std::move(all), by, target);
  if (kept.empty() && target.find(':') == std::string_view::npos) {
    auto of_category = everything(machine, row);
    if (of_category) kept = filtered(*std::move(of_category), by, fmt::format("{}:*", target));
  }
  if (kept.empty()) return by.expand(machine, target);  // for its error, and for names that only it knows
  return kept;
}

// A static probe can be in many places, which differ in nothing that is listed.
bool reads_the_same(const Listed& a, const Listed& b) {
  return a.name == b.name && a.how == b.how &&
         std::ranges::equal(a.fields, b.fields, [](const Field& x, const Field& y) {
           return x.name == y.name && x.type.spelling() == y.type.spelling() &&
                  std::holds_alternative<Unavailable>(x.where) == std::holds_alternative<Unavailable>(y.where);
         });
}

std::optional<Error> add_described(Machine& machine, const AttachPoint& point, std::vector<Field>& fields) {
  if (point.provider->described_fields == nullptr) return std::nullopt;
  auto described = point.provider->described_fields(machine, point);
  if (!described) return described.error();
  for (Field& field : *described) {
    auto plain = std::find_if(fields.begin(), fields.end(), [&](const Field& each) { return each.name == field.name; });
    if (plain != fields.end())
      *plain = std::move(field);
    else
      fields.push_back(std::move(field));
  }
  return std::nullopt;
}

// "at +0x4, push %rbp: emulated, one trap", for a script that reads every argument, and where it differs for one that
// reads none.
std::vector<std::string> places_of(Machine& machine, const AttachPoint& point, const std::vector<Field>& fields) {
  if (point.how->describe == nullptr) return {};
  Probe probe;
  probe.how = point.how;
  probe.points = {point};
  probe.fields = fields;
  const auto described = [&] {
    std::vector<std::string> lines = point.how->describe(probe, machine);
    for (std::string& line : lines)
      if (line.starts_with(point.name + " ")) line.erase(0, point.name.size() + 1);
    return lines;
  };
  const std::vector<std::string> without = described();
  for (const Field& field : fields) probe.used_fields.insert(field.name);
  std::vector<std::string> with = described();
  if (with == without) return with;
  for (const std::string& line : without) with.push_back(line + " (when no argument is read)");
  return with;
}

std::optional<Error> add_points(Machine& machine, Points points, bool with_fields,
                                std::vector<Listed>& listed) {
  if (!points) return points.error();
  for (const AttachPoint& point : *points) {
    Listed row{point.name, std::string(point.how->name), {}, {}};
    if (with_fields) {
      auto fields = point.provider->fields(machine, point);
      if (!fields) return fields.error();
      row.places = places_of(machine, point, *fields);
      row.fields = *std::move(fields);
      if (auto error = add_described(machine, point, row.fields)) return error;
      if (point.provider->types && point.provider->described_fields) row.remark = inlined_remark(machine, point);
    }
    if (listed.empty() || !reads_the_same(listed.back(), row)) listed.push_back(std::move(row));
  }
  return std::nullopt;
}

std::vector<ProviderRow> rows_called(std::string_view name) {
  std::vector<ProviderRow> found;
  for (size_t i = 0; i < std::size(rows); i++)
    if (glob_matches(name, rows[i].name) || has_alias(rows[i], name))
      found.push_back(static_cast<ProviderRow>(i));
  return found;
}

bool is_zeek(const Provider& row) { return &row == &provider(ProviderRow::zeek) || &row == &provider(ProviderRow::zeekret); }

// The names that a glob means where scripts declare them, in the place of the glob.
std::optional<Error> add_declared(Machine& machine, ProviderRow row, std::string_view target, const std::vector<std::string>& names,
                                  bool with_fields, std::vector<Listed>& listed) {
  auto points = points_of(machine, row, target);
  if (!points) return points.error();
  if (names.empty())
    return Error{Error::Kind::script, fmt::format("no Zeek that runs declares a name that matches {}:{}", provider(row).name, target),
                 "", nullptr};
  for (const std::string& name : names) {
    if (!with_fields)
      listed.push_back({fmt::format("{}:{}", provider(row).name, name), std::string(points->front().how->name), {}, {}, ""});
    else if (auto error = add_points(machine, points_of(machine, row, name), true, listed))
      return error;
  }
  return std::nullopt;
}

void add_syntax(const Provider& row, std::vector<Listed>& listed) {
  if (is_zeek(row)) {
    for (Listed& kind : zeek_kinds(row)) listed.push_back(std::move(kind));
    return;
  }
  listed.push_back({std::string(row.syntax), std::string(row.doc), {}, {}});
}

}  // namespace

std::span<const Provider> all_providers() { return rows; }

const Provider& provider(ProviderRow row) { return rows[static_cast<size_t>(row)]; }

// The first error counts only when nothing at all was listed: without root the timers can still be told.
Result<std::vector<Listed>> list_probes(Machine& machine, std::string_view pattern, bool with_fields) {
  std::vector<Listed> listed;
  std::optional<Error> first_error;
  const size_t colon = pattern.find(':');
  const std::string_view head = pattern.substr(0, colon);
  const auto named = pattern.empty() ? std::vector<ProviderRow>() : rows_called(head);
  const bool by_provider = !named.empty() && (colon != std::string_view::npos || !is_glob(head));
  if (colon != std::string_view::npos && !by_provider) {
    std::vector<std::string_view> names;
    for (const Provider& row : rows) names.push_back(row.name);
    return Error{Error::Kind::script, fmt::format("unknown probe type '{}'", head),
                 did_you_mean(near_matches(head, names)), nullptr};
  }
  for (size_t i = 0; i < std::size(rows); i++) {
    const auto row = static_cast<ProviderRow>(i);
    if (by_provider && std::find(named.begin(), named.end(), row) == named.end()) continue;
    const std::string_view target =
        by_provider ? pattern.substr(std::min(pattern.size(), head.size() + 1)) : pattern;
    if ((target.empty() && !has_list(row)) || (target == "*" && is_zeek(rows[i]))) {
      add_syntax(rows[i], listed);
      continue;
    }
    if (!by_provider && (!has_list(row) || is_another_way(row))) continue;
    const auto names = is_zeek(rows[i]) ? declared_zeek_names(machine, target) : std::nullopt;
    auto error = names ? add_declared(machine, row, target, *names, with_fields, listed)
                       : add_points(machine, points_of(machine, row, target), with_fields, listed);
    if (error && !first_error) first_error = std::move(error);
  }
  if (listed.empty() && first_error && by_provider) return *std::move(first_error);
  if (listed.empty())
    return Error{Error::Kind::script, fmt::format("nothing that can be probed matches '{}'", pattern),
                 "say what kind of probe, such as uprobe:libc:malloc*, or use a glob, such as *read*", nullptr};
  return listed;
}

}  // namespace zeektrace
