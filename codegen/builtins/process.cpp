// Who hit the probe, and which probe it was.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;
constexpr uint32_t comm_size = 16;  // TASK_COMM_LEN

llvm::Value* high_word(Emitter& e, llvm::Value* value) { return e.ir.CreateLShr(value, e.constant(32)); }
llvm::Value* low_word(Emitter& e, llvm::Value* value) { return e.ir.CreateAnd(value, e.constant(0xffffffff)); }

Operand emit_pid(Emitter& e, const Expr& expr) {
  return {high_word(e, e.pid_tgid(e.program().pid_namespace)), e.type_of(expr)};
}
Operand emit_tid(Emitter& e, const Expr& expr) {
  return {low_word(e, e.pid_tgid(e.program().pid_namespace)), e.type_of(expr)};
}
// As the PID namespace counts that zeektrace runs in, or as the kernel's initial one does.
Type counted_type(Checker& checker, const Expr& expr) {
  const Expr& arg = *checker.args(expr)[0];
  const std::string_view name = checker.word(arg);
  if (name != "curr_ns" && name != "init")
    checker.diagnostics().add(Code::wrong_argument, arg.span, 1, std::get<Call>(expr.node).function + "()", "curr_ns or init",
                              name.empty() ? "a number" : fmt::format("'{}'", name));
  return Type::integer(8, false);
}
llvm::Value* counted_ids(Emitter& e, const Expr& expr) {
  const bool is_ours = std::get<Name>(e.args(expr)[0]->node).name == "curr_ns";
  return e.pid_tgid(is_ours ? e.program().pid_namespace : std::nullopt);
}
Operand emit_pid_of(Emitter& e, const Expr& expr) { return {high_word(e, counted_ids(e, expr)), e.type_of(expr)}; }
Operand emit_tid_of(Emitter& e, const Expr& expr) { return {low_word(e, counted_ids(e, expr)), e.type_of(expr)}; }

Operand emit_uid(Emitter& e, const Expr& expr) {
  return {low_word(e, e.helper(HelperId::get_current_uid_gid, {})), e.type_of(expr)};
}
Operand emit_gid(Emitter& e, const Expr& expr) {
  return {high_word(e, e.helper(HelperId::get_current_uid_gid, {})), e.type_of(expr)};
}
Operand emit_cpu(Emitter& e, const Expr& expr) {
  return {low_word(e, e.helper(HelperId::get_smp_processor_id, {})), e.type_of(expr)};
}
Operand emit_comm(Emitter& e, const Expr& expr) {
  llvm::Value* memory = e.buffer(comm_size);
  e.zero(memory, comm_size);  // kernels up to 6.1 leave what follows the NUL as it was
  e.helper(HelperId::get_current_comm, {memory, e.ir.getInt32(comm_size)});
  return {memory, e.type_of(expr)};
}
Operand emit_point(Emitter& e, const Expr& expr) {
  llvm::Value* point = e.attach_point();
  const std::vector<uint32_t>& twins = e.program().point_twins;
  return {twins.empty() ? point : e.constant_at(twins, point), e.type_of(expr)};
}

Operand emit_func(Emitter& e, const Expr& expr) {
  return {e.ir.CreateOr(emit_point(e, expr).value, e.constant(func_tag)), e.type_of(expr)};
}

Builtin variable(std::string_view name, std::string_view doc, Type (*result)(Checker&, const Expr&),
                 Operand (*emit)(Emitter&, const Expr&), std::string_view example) {
  return {name, Form::variable, Place::expression, {}, doc, result, emit, emit == emit_tid, example};
}

}  // namespace

std::vector<Builtin> process_rows() {
  auto text = [](Checker&, const Expr&) { return Type::string(comm_size); };
  auto probe_name = [](Checker&, const Expr&) { return Type::of(Type::Kind::probe); };
  auto func_name = [](Checker&, const Expr&) { return Type::of(Type::Kind::func); };
  return {
      variable("pid", "process id, as the PID namespace counts that zeektrace runs in", gives_uint64, emit_pid,
               "profile:hz:99 { @[pid] = count(); } interval:ms:300 { exit(); }"),
      variable("tid", "thread id", gives_uint64, emit_tid,
               "profile:hz:99 { @[tid] = count(); } interval:ms:300 { exit(); }"),
      {"pid", Form::function, Place::expression, {{"namespace", Want::word}},
       "process id, as one PID namespace counts: curr_ns, that of zeektrace, or init, the kernel's first one", counted_type, emit_pid_of,
       false, "BEGIN { print(pid(init)); exit(); }"},
      {"tid", Form::function, Place::expression, {{"namespace", Want::word}}, "thread id, counted so", counted_type, emit_tid_of,
       false, "BEGIN { print(tid(curr_ns)); exit(); }"},
      variable("uid", "user id", gives_uint64, emit_uid,
               "BEGIN { print(uid); exit(); }"),
      variable("gid", "group id", gives_uint64, emit_gid,
               "BEGIN { print(gid); exit(); }"),
      variable("cpu", "number of the processor", gives_uint64, emit_cpu,
               "profile:hz:99 { @[cpu] = count(); } interval:ms:300 { exit(); }"),
      variable("comm", "name of the thread, at most 15 characters", text, emit_comm,
               "profile:hz:99 { @[comm] = count(); } interval:ms:300 { exit(); }"),
      variable("probe", "full name of the attach point that was hit", probe_name, emit_point,
               "BEGIN { print(probe); exit(); }"),
      variable("func", "name of the function that was hit", func_name, emit_func,
               "uprobe:libc:write { @[func] = count(); } interval:ms:300 { exit(); }"),
  };
}

}  // namespace zeektrace
