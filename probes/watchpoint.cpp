// watchpoint: when memory at an address is read, written or executed: one of the processor's four debug registers, held by a
// perf event of type breakpoint (perf_event_open(2)).
#include <fmt/format.h>
#include <linux/hw_breakpoint.h>

#include <charconv>
#include <optional>
#include <string>

#include "probes/attach.h"
#include "probes/perf_event.h"
#include "probes/providers.h"

namespace zeektrace {

namespace {

Error script_error(std::string message, std::string hint) {
  return Error{Error::Kind::script, std::move(message), std::move(hint), nullptr};
}

std::optional<uint64_t> number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// "rw" → HW_BREAKPOINT_R | HW_BREAKPOINT_W. x86 knows w, rw and x.
std::optional<uint32_t> accesses(std::string_view text) {
  uint32_t bits = 0;
  for (const char each : text) {
    const uint32_t bit = each == 'r' ? HW_BREAKPOINT_R : each == 'w' ? HW_BREAKPOINT_W : each == 'x' ? HW_BREAKPOINT_X : 0;
    if (bit == 0 || (bits & bit) != 0) return std::nullopt;
    bits |= bit;
  }
  if (bits == HW_BREAKPOINT_R) bits = HW_BREAKPOINT_RW;
  if (bits != HW_BREAKPOINT_W && bits != HW_BREAKPOINT_RW && bits != HW_BREAKPOINT_X) return std::nullopt;
  return bits;
}

// What AttachPoint has for it: the address in `offset`, length and accesses in `gate`.
int64_t packed(uint64_t length, uint32_t bits) { return static_cast<int64_t>(length << 8 | bits); }

Result<Links> attach_breakpoint(const AttachRequest& request) {
  Links links;
  const auto pid = request.machine.settings().pid;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    const AttachPoint& point = request.probe.points[i];
    perf_event_attr attr = {};
    attr.type = PERF_TYPE_BREAKPOINT;
    attr.bp_type = static_cast<uint32_t>(point.gate & 0xff);
    attr.bp_addr = point.offset;
    attr.bp_len = static_cast<uint64_t>(point.gate) >> 8;
    if (attr.bp_type == HW_BREAKPOINT_X) attr.bp_len = sizeof(long);
    attr.sample_period = 1;
    attr.inherit = pid ? 1 : 0;
    const auto cpus = pid ? std::vector<int>{-1} : online_cpus();
    for (const int cpu : cpus) {
      const int link = link_perf_event(attr, pid ? *pid : -1, cpu, request.program, request.probe.first_point + i);
      if (link < 0) return perf_event_error(-link, fmt::format("cannot watch {}", point.name));
      links.add(link);
    }
  }
  return links;
}

constexpr Mechanism breakpoint = {
    .name = "debug register", .section = "perf_event", .has_cookie = true, .attach = attach_breakpoint};

}  // namespace

// "0xADDRESS:LENGTH:MODE"
Points expand_watchpoint(Machine& machine, std::string_view target) {
  constexpr std::string_view form = "write watchpoint:0xADDRESS:8:w, with a length of 1, 2, 4 or 8, and w, rw or x";
  const size_t first = target.find(':'), last = target.rfind(':');
  auto refused = [&](std::string_view why) { return script_error(fmt::format("watchpoint:{}: {}", target, why), std::string(form)); };
  if (first == std::string_view::npos || first == last) return refused("an address, a length and a mode are wanted");
  if (target.find('+') != std::string_view::npos)
    return script_error(fmt::format("watchpoint:{}: an argument's address can't be watched", target),
                        "print it in a uprobe, and watch that address in a second run");
  const auto address = number(target.substr(0, first)), length = number(target.substr(first + 1, last - first - 1));
  const auto bits = accesses(target.substr(last + 1));
  if (!address) return refused("the address is not a number");
  if (!length || (*length != 1 && *length != 2 && *length != 4 && *length != 8)) return refused("the length is none that can be watched");
  if (!bits) return refused("the mode is none that can be watched");
  if (*address % *length != 0) return refused("the address is not a multiple of the length");
  if (static_cast<int64_t>(*address) >= 0 && !machine.settings().pid)
    return script_error(fmt::format("watchpoint:{}: whose memory is meant?", target), "-p PID or -c CMD says so");
  AttachPoint point;
  point.provider = &provider(ProviderRow::watchpoint);
  point.how = &breakpoint;
  point.name = fmt::format("watchpoint:{}", target);
  point.offset = *address;
  point.gate = packed(*length, *bits);
  return std::vector<AttachPoint>{point};
}

}  // namespace zeektrace
