// The parts of the list of builtins, each written where its kind of work is done.
#pragma once

#include <vector>

#include "parser/registry.h"

namespace llvm {
class Value;
}

namespace zeektrace {

std::vector<Builtin> process_rows();
std::vector<Builtin> argument_rows();
std::vector<Builtin> time_rows();
std::vector<Builtin> text_rows();
std::vector<Builtin> pmc_rows();
std::vector<Builtin> signal_rows();
std::vector<Builtin> operator_rows();
std::vector<Builtin> aggregate_rows();
std::vector<Builtin> stack_rows();
std::vector<Builtin> output_rows();
std::vector<Builtin> map_rows();
std::vector<Builtin> zeek_rows();
std::vector<Builtin> string_rows();
std::vector<Builtin> name_rows();
std::vector<Builtin> net_rows();
std::vector<Builtin> task_rows();
std::vector<Builtin> symbol_rows();
std::vector<Builtin> type_rows();
std::vector<Builtin> kernel_rows();

// What many rows' `result` is.
inline Type gives_nothing(Checker&, const Expr&) { return Type(); }
// The `emit` of a row whose `result` makes a constant of each use.
Operand emit_constant(Emitter&, const Expr&);
inline Type gives_uint64(Checker&, const Expr&) { return Type::integer(8, false); }

// Takes the process's stack and keeps it: StackKey::hash, an i64.
llvm::Value* take_user_stack(Emitter& e, uint64_t depth);

}  // namespace zeektrace
