// BEGIN, END and self: nothing of the kernel calls them. They are raw tracepoint programs that are never attached; the tracer runs
// them with BPF_PROG_TEST_RUN (kernels since 5.10): once when everything is ready, once when everything is over, and each
// time that it gets a signal.
#include <fmt/format.h>

#include <csignal>
#include <cstring>

#include "probes/attach.h"
#include "probes/providers.h"

namespace zeektrace {

namespace {

constexpr Mechanism run_by_zeektrace = {
    .name = "run by zeektrace",
    .section = "raw_tp",
    .filters_pid = true,  // it runs in zeektrace's own process, whichever one is traced
    .is_of_no_process = true,
    .runs_in_tracer = true,
};

Points only_point(ProviderRow row, std::string_view target) {
  const Provider& special = provider(row);
  if (!target.empty())
    return Error{Error::Kind::script, fmt::format("{} has no target", special.name),
                 fmt::format("write {} {{ … }}", special.name), nullptr};
  AttachPoint point;
  point.provider = &special;
  point.how = &run_by_zeektrace;
  point.name = special.name;
  return std::vector<AttachPoint>{point};
}

}  // namespace

Points expand_begin(Machine&, std::string_view target) { return only_point(ProviderRow::begin, target); }
Points expand_end(Machine&, std::string_view target) { return only_point(ProviderRow::end, target); }

// "signal:SIGUSR1"; the signal's number is the point's gate. Those that end a session end it still.
Points expand_self(Machine&, std::string_view target) {
  constexpr std::string_view kind = "signal:", prefix = "SIG";
  constexpr std::string_view form = "write self:signal:SIGUSR1 { … }, and send it with kill";
  const std::string name(target.starts_with(kind) ? target.substr(kind.size()) : "");
  const std::string_view plain = std::string_view(name).starts_with(prefix) ? std::string_view(name).substr(prefix.size()) : name;
  for (int number = 1; number <= SIGSYS; number++) {
    const char* known = sigabbrev_np(number);
    if (known == nullptr || plain != known) continue;
    constexpr int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGKILL, SIGSTOP, SIGPIPE, SIGCHLD, SIGSEGV, SIGABRT};
    for (const int each : taken)
      if (each == number)
        return Error{Error::Kind::script, fmt::format("self:{}: zeektrace needs this signal itself", target),
                     "SIGUSR1 and SIGUSR2 are free", nullptr};
    AttachPoint point;
    point.provider = &provider(ProviderRow::self);
    point.how = &run_by_zeektrace;
    point.name = fmt::format("self:signal:SIG{}", known);
    point.target = "signal";
    point.symbol = fmt::format("SIG{}", known);
    point.gate = number;
    return std::vector<AttachPoint>{point};
  }
  return Error{Error::Kind::script, fmt::format("self:{} names no signal", target), std::string(form), nullptr};
}

Fields no_fields(Machine&, const AttachPoint&) { return std::vector<Field>{}; }

}  // namespace zeektrace
