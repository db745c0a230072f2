// The providers' functions, for the one list of them (providers.cpp). Each is defined in the file that is
// named after its provider.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "parser/registry.h"
#include "probes/machine.h"

namespace zeektrace {

// The rows' places in all_providers(): AttachPoint::provider always points into that list.
enum class ProviderRow : size_t {
  begin,
  end,
  self,
  interval,
  profile,
  uprobe,
  uretprobe,
  usdt,
  kprobe,
  kretprobe,
  tracepoint,
  software,
  hardware,
  fentry,
  fexit,
  rawtracepoint,
  watchpoint,
  iter,
  zeek,
  zeekret,
};
const Provider& provider(ProviderRow row);

using Points = Result<std::vector<AttachPoint>>;
using Fields = Result<std::vector<Field>>;

Points expand_begin(Machine& machine, std::string_view target);
Points expand_end(Machine& machine, std::string_view target);
Points expand_self(Machine& machine, std::string_view target);
Points expand_interval(Machine& machine, std::string_view target);
Points expand_profile(Machine& machine, std::string_view target);
Points expand_uprobe(Machine& machine, std::string_view target);
Points expand_uretprobe(Machine& machine, std::string_view target);
Points expand_usdt(Machine& machine, std::string_view target);
Points expand_kprobe(Machine& machine, std::string_view target);
Points expand_kretprobe(Machine& machine, std::string_view target);
Points expand_tracepoint(Machine& machine, std::string_view target);

Points expand_zeek(Machine& machine, std::string_view target);
Points expand_zeekret(Machine& machine, std::string_view target);
Points expand_software(Machine& machine, std::string_view target);
Points expand_hardware(Machine& machine, std::string_view target);

Points expand_fentry(Machine& machine, std::string_view target);
Points expand_fexit(Machine& machine, std::string_view target);
Points expand_rawtracepoint(Machine& machine, std::string_view target);
Points expand_watchpoint(Machine& machine, std::string_view target);
Points expand_iter(Machine& machine, std::string_view target);

Result<EventCounter> software_counter(std::string_view name);
Result<EventCounter> hardware_counter(std::string_view name);

// Provider::asked_field, by what the context is.
Result<Field> registers_asked(Machine& machine, const AttachPoint& point, std::string_view name);
Result<Field> uretprobe_asked(Machine& machine, const AttachPoint& point, std::string_view name);
Result<Field> uprobe_asked(Machine& machine, const AttachPoint& point, std::string_view name);
Result<Field> kprobe_asked(Machine& machine, const AttachPoint& point, std::string_view name);
// Asked for where the function's result is to be replaced.
constexpr std::string_view override_field = "override";

Fields no_fields(Machine& machine, const AttachPoint& point);
Fields tracepoint_described_fields(Machine& machine, const AttachPoint& point);
Fields function_fields(Machine& machine, const AttachPoint& point);
Fields rawtracepoint_fields(Machine& machine, const AttachPoint& point);
Fields iter_fields(Machine& machine, const AttachPoint& point);
Records* kernel_types(Machine& machine, const AttachPoint& point);
Fields uprobe_fields(Machine& machine, const AttachPoint& point);
Fields uretprobe_fields(Machine& machine, const AttachPoint& point);
Fields usdt_fields(Machine& machine, const AttachPoint& point);
Fields uprobe_described_fields(Machine& machine, const AttachPoint& point);
Fields uretprobe_described_fields(Machine& machine, const AttachPoint& point);
// What a probe on a function will miss, from debug information; "" when it is nothing, or not known.
std::string inlined_remark(Machine& machine, const AttachPoint& point);
Records* uprobe_types(Machine& machine, const AttachPoint& point);
Fields kprobe_fields(Machine& machine, const AttachPoint& point);
Fields kretprobe_fields(Machine& machine, const AttachPoint& point);
Fields tracepoint_fields(Machine& machine, const AttachPoint& point);
Fields zeek_fields(Machine& machine, const AttachPoint& point);
Fields zeekret_fields(Machine& machine, const AttachPoint& point);
Fields zeek_described_fields(Machine& machine, const AttachPoint& point);
Fields zeekret_described_fields(Machine& machine, const AttachPoint& point);
std::string_view zeek_known_at(std::string_view target, const std::set<std::string>& mentioned);

std::optional<Gate> syscall_gate(const std::vector<AttachPoint>& points);

// arg0 to arg5 of a function, in the pt_regs that are the BPF program's context.
std::vector<Field> function_argument_fields();
Field return_value_field();

}  // namespace zeektrace
