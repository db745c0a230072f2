// BEGIN and END: nothing of the kernel calls them. They are raw tracepoint programs that are never attached;
// the tracer runs each once with BPF_PROG_TEST_RUN (kernels since 5.10), when everything is ready and when
// everything is over.
#include <fmt/format.h>

#include "probes/attach.h"
#include "probes/providers.h"

namespace zeektrace {

namespace {

constexpr Mechanism run_by_zeektrace = {
    .name = "run by zeektrace",
    .section = "raw_tp",
    .filters_pid = true,  // it runs in zeektrace's own process, whichever one is traced
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

Fields no_fields(Machine&, const AttachPoint&) { return std::vector<Field>{}; }

}  // namespace zeektrace
