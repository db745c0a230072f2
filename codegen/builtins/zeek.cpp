// What a Zeek process is doing: its script stack, event, clock and connection. Where the current probe knows one of them it
// offers a Field of the builtin's name; else it is read from the process, by zeek.bpf.c.
#include <fmt/format.h>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"
#include "parser/unwind.h"
#include "parser/zeek.h"
#include "parser/zeek_stack.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;

std::string_view name_of(const Expr& expr) {
  if (auto* name = std::get_if<Name>(&expr.node)) return name->name;
  return std::get<Call>(expr.node).function;
}

// No Zeek is at hand where a probe is not about the process that it runs in.
Type of_zeek(Checker& checker, const Expr& expr, Type type) {
  if (checker.is_in_process()) return type;
  checker.diagnostics().add(Code::no_argument_here, expr.span, name_of(expr), checker.place()).hint =
      fmt::format("that probe does not run in a Zeek; keep it where one does: profile:hz:99 {{ @ = {}; }}", name_of(expr));
  return type;
}

// The functions of zeek.bpf.c take what the walk up a user stack takes of the kernel.
Type on_this_kernel(Checker& checker, const Expr& expr, Type type) {
  if (!checker.is_in_process()) return of_zeek(checker, expr, std::move(type));
  if (!checker.options().unwinds)
    checker.diagnostics().add(Code::not_yet, expr.span, name_of(expr),
                              "it takes root, Linux 5.17 or later, and a kernel with BTF");
  return type;
}

llvm::Value* byte_at(Emitter& e, llvm::Value* memory, uint32_t offset) {
  return e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, offset);
}

// ---- stacks ----

Type stack_type(Checker& checker, const Expr& expr, Type::Kind kind) {
  const auto& args = checker.args(expr);
  if (!args.empty())
    if (auto depth = checker.literal_integer(*args[0]); depth && (*depth < 1 || *depth > max_script_frames))
      checker.diagnostics().add(Code::argument_range, args[0]->span, 1, "zstack()", *depth, "from 1 to 64");
  return on_this_kernel(checker, expr, Type::of(kind));
}

llvm::Value* take_script_stack(Emitter& e, uint64_t depth) {
  llvm::Value* walk = e.buffer(script_walk_size);
  llvm::Value* hash = e.runtime("zt_zeek_stack", {walk, e.ir.getInt32(depth)});
  llvm::Value* count = e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), walk, llvm::Align(8));
  e.when(e.ir.CreateICmpEQ(hash, e.constant(1)), [&] { e.count(Counter::stack_lost); });
  auto has = [&](uint64_t bit) { return e.ir.CreateICmpNE(e.ir.CreateAnd(count, bit), e.constant(0)); };
  e.when(has(script_stack_torn), [&] { e.count(Counter::script_frame_unread); });
  e.when(has(script_stack_compiled), [&] { e.count(Counter::script_compiled); });
  return hash;
}

Operand emit_zstack(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  uint64_t depth = args.empty() ? max_script_frames : static_cast<uint64_t>(*e.literal_integer(*args[0]));
  e.buffer(8);  // a destination that was offered is for the value, not for the walk
  return {take_script_stack(e, depth), e.type_of(expr)};
}

Operand emit_zustack(Emitter& e, const Expr& expr) {
  llvm::Value* key = e.buffer(sizeof(MergedStackKey));
  llvm::Value* native = take_user_stack(e, max_stack_frames);
  llvm::Value* script = take_script_stack(e, max_script_frames);
  llvm::Value* tgid = e.ir.CreateLShr(e.pid_tgid(e.program().pid_namespace), e.constant(32));
  llvm::Value* words[] = {native, script, tgid};
  for (uint32_t i = 0; i < 3; i++) e.ir.CreateAlignedStore(words[i], byte_at(e, key, 8 * i), llvm::Align(8));
  return {key, e.type_of(expr)};
}

// ---- names, the clock, the connection ----

Type gives_name(Checker& checker, const Expr& expr) {
  if (checker.field(name_of(expr))) return Type::string(most_zeek_function_name);
  return on_this_kernel(checker, expr, Type::string(most_zeek_function_name));
}

Operand emit_name(Emitter& e, const Expr& expr, std::string_view reader) {
  const Type& type = e.type_of(expr);
  if (const Field* field = e.field(name_of(expr))) return e.lasting_name(*field, type);
  llvm::Value* memory = e.buffer(type.storage());
  e.zero(memory, type.storage());
  e.runtime(reader, {e.buffer(script_walk_size), memory});
  return {memory, type};
}

Operand emit_event(Emitter& e, const Expr& expr) { return emit_name(e, expr, "zt_zeek_event"); }
Operand emit_zfunc(Emitter& e, const Expr& expr) { return emit_name(e, expr, "zt_zeek_function"); }

Operand emit_network_time(Emitter& e, const Expr& expr) { return {e.runtime("zt_zeek_time", {}), e.type_of(expr)}; }

Operand emit_conn_uid(Emitter& e, const Expr& expr) {
  llvm::Value* memory = e.buffer(16);
  e.zero(memory, 16);  // Linux 6.1 gives a function nothing but what is initialised
  const Field* field = e.field(name_of(expr));
  e.runtime("zt_zeek_uid", {memory, field ? e.argument(*field) : e.constant(0)});
  return {memory, e.type_of(expr)};
}

Operand emit_zeek_version(Emitter& e, const Expr& expr) {
  llvm::Value* memory = e.buffer(sizeof(ZeekImage::release));
  e.zero(memory, sizeof(ZeekImage::release));
  e.runtime("zt_zeek_release", {memory});
  return {memory, e.type_of(expr)};
}

Operand emit_node(Emitter& e, const Expr& expr) {
  return {e.ir.CreateLShr(e.pid_tgid(e.program().pid_namespace), e.constant(32)), e.type_of(expr)};
}

Type zstack_type(Checker& c, const Expr& expr) { return stack_type(c, expr, Type::Kind::zstack); }
Type zustack_type(Checker& c, const Expr& expr) { return stack_type(c, expr, Type::Kind::zustack); }
Type time_type(Checker& c, const Expr& expr) { return on_this_kernel(c, expr, Type::real(8)); }
Type uid_type(Checker& checker, const Expr& expr) {
  checker.field(name_of(expr));
  return on_this_kernel(checker, expr, Type::of(Type::Kind::uid));
}
Type version_type(Checker& c, const Expr& expr) {
  return on_this_kernel(c, expr, Type::string(sizeof(ZeekImage::release)));
}

}  // namespace

std::vector<Builtin> zeek_rows() {
  std::vector<Param> depth = {{"depth", Want::literal_integer, true}};
  auto variable = [](std::string_view name, std::string_view doc, auto result, auto emit, std::string_view example) {
    return Builtin{name, Form::variable, Place::expression, {}, doc, result, emit, false, example};
  };
  return {
      variable("zstack", "Zeek's script stack, each function with its file and line", zstack_type, emit_zstack,
               "profile:hz:99 { @[zstack] = count(); } interval:ms:300 { exit(); }"),
      {"zstack", Form::function, Place::expression, depth, "Zeek's script stack, its innermost `depth` frames",
       zstack_type, emit_zstack, false, "profile:hz:99 { @[zstack(3)] = count(); } interval:ms:300 { exit(); }"},
      variable("zustack", "the process's stack, with script functions in the place of Zeek's interpreter", zustack_type,
               emit_zustack,
               "profile:hz:99 { @[zustack] = count(); } interval:ms:300 { exit(); }"),
      variable("event", "name of the event that Zeek is handling", gives_name, emit_event,
               "profile:hz:99 { @[event] = count(); } interval:ms:300 { exit(); }"),
      variable("zfunc", "name of the script function that Zeek is running", gives_name, emit_zfunc,
               "profile:hz:99 { @[zfunc] = count(); } interval:ms:300 { exit(); }"),
      variable("network_time", "Zeek's clock, in seconds since 1970", time_type, emit_network_time,
               "profile:hz:99 { @[network_time] = count(); } interval:ms:300 { exit(); }"),
      variable("conn_uid", "uid of the connection at hand: the event's, or the packet's", uid_type, emit_conn_uid,
               "profile:hz:99 { @[conn_uid] = count(); } interval:ms:300 { exit(); }"),
      variable("zeek_version", "release of the Zeek that hit the probe", version_type, emit_zeek_version,
               "profile:hz:99 { @[zeek_version] = count(); } interval:ms:300 { exit(); }"),
      variable("node", "name of the cluster node that hit the probe",
               [](Checker& c, const Expr& expr) { return of_zeek(c, expr, Type::of(Type::Kind::node)); }, emit_node,
               "profile:hz:99 { @[node] = count(); } interval:ms:300 { exit(); }"),
  };
}

}  // namespace zeektrace
