// Addresses and their names, registers, and what the kernel alone can be asked to do.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;
using llvm::Value;

std::string literal(Checker& checker, const Expr& expr) { return checker.literal_string(*checker.args(expr)[0]).value_or(""); }
std::string literal(Emitter& e, const Expr& expr) { return e.literal_string(*e.args(expr)[0]).value_or(""); }

// ---- ksym, usym ----

Operand emit_ksym(Emitter& e, const Expr& expr) { return {e.integer(*e.args(expr)[0]), e.type_of(expr)}; }
Operand emit_usym(Emitter& e, const Expr& expr) {
  Value* address = e.integer(*e.args(expr)[0]);
  Value* memory = e.buffer(sizeof(UserAddress));
  if (e.program().unwinds) address = e.runtime("zt_code_at", {address});
  e.ir.CreateAlignedStore(address, memory, llvm::Align(8));
  Value* tgid = e.ir.CreateLShr(e.pid_tgid(e.program().pid_namespace), e.constant(32));
  e.ir.CreateAlignedStore(tgid, e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, 8), llvm::Align(8));
  return {memory, e.type_of(expr)};
}

// ---- kaddr, uaddr, reg: what is asked of the machine before the script runs ----

Type kaddr_type(Checker& checker, const Expr& expr) {
  const std::string name = literal(checker, expr);
  const auto& ask = checker.options().kernel_address;
  const auto address = ask ? ask(name) : std::nullopt;
  if (!address)
    checker.diagnostics().add(Code::wrong_argument, checker.args(expr)[0]->span, 1, "kaddr()", "a symbol of the kernel",
                              fmt::format("\"{}\", which it does not have", name)).hint =
        "/proc/kallsyms lists them; to others than root it shows no addresses";
  checker.make_constant(expr, address.value_or(0));
  return Type::integer(8, false);  // so that kaddr("…") + 8 is eight bytes further, as scripts expect
}

template <const char* prefix>
Type asked_type(Checker& checker, const Expr& expr) {
  const Field* field = checker.asked_field(expr, prefix + literal(checker, expr));
  return field ? field->type : Type();
}
template <const char* prefix>
Operand emit_asked(Emitter& e, const Expr& expr) {
  return {e.argument(*e.field(prefix + literal(e, expr))), e.type_of(expr)};
}
constexpr char register_prefix[] = "reg.", variable_prefix[] = "uaddr.";

// ---- kptr, uptr: which memory an address means, its sign says ----

Type same_type(Checker& checker, const Expr& expr) { return checker.type_of(*checker.args(expr)[0]); }
Operand emit_same(Emitter& e, const Expr& expr) { return {e.integer(*e.args(expr)[0]), e.type_of(expr)}; }

// ---- override(value) ----

Type override_type(Checker& checker, const Expr& expr) {
  if (!checker.options().unsafe) checker.diagnostics().add(Code::needs_unsafe, expr.span, "override()");
  checker.asked_field(expr, "override");
  return Type();
}
Operand emit_override(Emitter& e, const Expr& expr) {
  Value* value = e.integer(*e.args(expr)[0]);
  e.helper(HelperId::override_return, {e.context(), value});
  return {};
}

}  // namespace

std::vector<Builtin> symbol_rows() {
  const std::vector<Param> address = {{"address", Want::integer}};
  const std::vector<Param> name = {{"name", Want::literal_string}};
  auto ksym = [](Checker&, const Expr&) { return Type::of(Type::Kind::ksym); };
  auto usym = [](Checker&, const Expr&) { return Type::of(Type::Kind::usym); };
  return {
      {"ksym", Form::function, Place::expression, address, "the kernel's function or variable at an address", ksym,
       emit_ksym, false, "BEGIN { print(ksym(kaddr(\"schedule\"))); exit(); }"},
      {"usym", Form::function, Place::expression, address, "the process's function at an address", usym, emit_usym, false,
       "uprobe:libc:write { print(usym(reg(\"ip\"))); exit(); } interval:s:1 { exit(); }"},
      {"kaddr", Form::function, Place::expression, name, "address of one of the kernel's symbols", kaddr_type, emit_constant,
       false, "BEGIN { printf(\"%p\\n\", kaddr(\"schedule\")); exit(); }"},
      {"uaddr", Form::function, Place::expression, name,
       "address of a variable of the probed binary, a pointer to an integer of its size; where the binary is loaded anywhere, -p "
       "must name the process", asked_type<variable_prefix>, emit_asked<variable_prefix>, false,
       "uprobe:libc:write /pid == 0/ { print(*uaddr(\"environ\")); } interval:ms:100 { exit(); }"},
      {"reg", Form::function, Place::expression, name,
       "a register where the probe is: ax bx cx dx si di bp sp ip flags cs r8 to r15", asked_type<register_prefix>,
       emit_asked<register_prefix>, false,
       "uprobe:libc:write { printf(\"%p\\n\", reg(\"sp\")); exit(); } interval:s:1 { exit(); }"},
      {"kptr", Form::function, Place::expression, address, "the same address: that it is the kernel's, its sign says",
       same_type, emit_same, false, "BEGIN { print(kptr(kaddr(\"schedule\"))); exit(); }"},
      {"uptr", Form::function, Place::expression, address, "the same address: that it is the process's, its sign says",
       same_type, emit_same, false, "tracepoint:syscalls:sys_enter_openat { print(str(uptr(args.filename))); exit(); } "
       "interval:s:1 { exit(); }"},
      {"override", Form::function, Place::statement, {{"value", Want::integer}},
       "lets the kernel's function return this at once, where it allows such errors; in kprobes; needs --unsafe",
       override_type, emit_override, false, "kprobe:__x64_sys_getuid /comm == \"id\"/ { override(2 << 21); }"},
  };
}

}  // namespace zeektrace
