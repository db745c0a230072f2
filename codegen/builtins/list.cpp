// The one list of builtins.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "codegen/object.h"

namespace zeektrace {

Operand emit_constant(Emitter&, const Expr&) { bug("a constant that check has not made one"); }

std::span<const Builtin> all_builtins() {
  static const std::vector<Builtin> rows = [] {
    std::vector<Builtin> all;
    for (auto part : {process_rows, argument_rows, time_rows, text_rows, pmc_rows, operator_rows, aggregate_rows, stack_rows,
                      output_rows, map_rows, signal_rows, zeek_rows, string_rows, name_rows, net_rows, task_rows, symbol_rows,
                      type_rows, kernel_rows})
      for (Builtin& row : part()) all.push_back(std::move(row));
    return all;
  }();
  return rows;
}

}  // namespace zeektrace
