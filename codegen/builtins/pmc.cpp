// pmc("event"): how often the processor that the program runs on has counted an event since the tracer was
// started.
//
// What the kernel allows (perf_event_read_local, kernel/events/core.c; perf_event_fd_array_get_ptr,
// kernel/bpf/arraymap.c; Linux 6.18): a count can be read in a program, even in an NMI, when its event
// belongs to this processor (or to the current thread), is not inherited, and its PMU can read without a
// message to another processor, which holds for the processor's own counters and all software events, clocks
// included. A pinned event that is not on its counter gives -EBUSY. So each event is opened pinned, once a
// processor (probes/tracer): no reading was ever scaled up, and one that can't be had is counted.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

constexpr uint64_t this_cpu = 0xffffffff;  // BPF_F_CURRENT_CPU
constexpr uint32_t reading_size = 24;      // struct bpf_perf_event_value: counter, enabled, running

Type pmc_type(Checker& checker, const Expr& expr) {
  if (auto event = checker.literal_string(*checker.args(expr)[0])) checker.add_counter(expr, *event);
  return Type::integer(8, false);
}

Operand emit_pmc(Emitter& e, const Expr& expr) {
  const uint32_t counter = e.program().counter_of.at(expr.id);
  llvm::Value* reading = e.buffer(reading_size);
  llvm::Value* status = e.helper(
      HelperId::perf_event_read_value,
      {e.our_map(event_counter_map(counter)), e.constant(this_cpu), reading, e.ir.getInt32(reading_size)});
  // The kernel has filled the reading with zeroes then.
  e.when(e.ir.CreateICmpSLT(status, e.constant(0)), [&] { e.count(Counter::count_unread); });
  return {e.ir.CreateLoad(e.ir.getInt64Ty(), reading), e.type_of(expr)};
}

}  // namespace

std::vector<Builtin> pmc_rows() {
  return {
      {"pmc",
       Builtin::Form::function,
       Builtin::Place::expression,
       {{"event", Want::literal_string}},
       "what this processor has counted of a software or hardware event: pmc(\"page-faults\"), "
       "pmc(\"cache-misses\")",
       pmc_type,
       emit_pmc, false, "interval:ms:100 { print(pmc(\"page-faults\")); exit(); }"},
  };
}

}  // namespace zeektrace
