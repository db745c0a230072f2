// What the kernel does for a program that traces it: paths of files, cookies of sockets, packets; and memory of the
// process, written.
#include <algorithm>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;
using llvm::Value;

void wants_own(Checker& checker, const Expr& expr, std::string_view of, std::string_view what) {
  const Expr& given = *checker.args(expr)[0];
  if (checker.is_kernels_own(given)) return;
  checker.diagnostics().add(Code::wrong_argument, given.span, 1, of, what, checker.type_of(given).spelling()).hint =
      "the kernel takes only what it has handed over itself: an argument by its name in fentry, fexit or iter";
}

// ---- path(pointer to a struct path[, size]) ----

Type path_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  wants_own(checker, expr, "path()", "a struct path of an argument, such as args.file.f_path");
  const int64_t most = checker.options().settings.max_strlen;
  const int64_t size = args.size() > 1 ? checker.literal_integer(*args[1]).value_or(most) : most;
  if (size < 1) checker.diagnostics().add(Code::argument_range, args[1]->span, 2, "path()", size, "1 or more");
  return Type::string(static_cast<uint32_t>(std::clamp<int64_t>(size, 1, most)));
}

// The kernel leaves behind the text what it needed while it made it.
Operand emit_path(Emitter& e, const Expr& expr) {
  const Type& type = e.type_of(expr);
  Value* memory = e.buffer(type.storage());
  Value* made = e.buffer(type.storage() + 8);
  e.zero(memory, type.storage());
  e.with_kernels_own(*e.args(expr)[0], [&](Value* path) {
    Value* length = e.helper(HelperId::d_path, {path, made, e.ir.getInt32(type.size)});
    Value* is_made = e.ir.CreateICmpSGT(length, e.constant(0));
    e.when(is_made, [&] { e.helper(HelperId::probe_read_kernel_str, {memory, e.ir.getInt32(type.size), made}); });
    e.when(e.ir.CreateNot(is_made), [&] { e.count(Counter::read_failed); });
  });
  return {memory, type};
}

// ---- socket_cookie(socket) ----

Type cookie_type(Checker& checker, const Expr& expr) {
  wants_own(checker, expr, "socket_cookie()", "a struct sock of an argument, such as args.sk");
  return Type::integer(8, false);
}
Operand emit_cookie(Emitter& e, const Expr& expr) {
  Value* memory = e.buffer(8);
  e.zero(memory, 8);
  e.with_kernels_own(*e.args(expr)[0], [&](Value* socket) {
    e.ir.CreateAlignedStore(e.helper(HelperId::get_socket_cookie, {socket}), memory, llvm::Align(8));
  });
  return {e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), memory, llvm::Align(8)), e.type_of(expr)};
}

// ---- skboutput(file, skb, length, offset): the packet's bytes as a message ----

constexpr uint32_t most_packet = 2048;  // bytes that are kept of one

// Of a struct sk_buff: where its data is. What lies in pages of its own (data_len) is not kept.
Type skboutput_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (!checker.options().unsafe) checker.diagnostics().add(Code::needs_unsafe, expr.span, "skboutput()");
  checker.add_record(expr, {.kind = Record::Kind::packet, .format = checker.literal_string(*args[0]).value_or("")},
                     {Type::integer(8, false), Type::integer(8, false), Type::buffer(most_packet)});
  return checker.kernel_member(expr, "sk_buff", {"data"}) ? Type::integer(8, true) : Type();
}
Operand emit_skboutput(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  Value* data = e.reached(expr, e.integer(*args[1])).value;
  Value* offset = e.integer(*args[3]);
  Value* length = e.integer(*args[2]);
  e.message(expr, [&](Value* memory) {
    auto word = [&](uint32_t at, Value* value) {
      e.ir.CreateAlignedStore(value, e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, at), llvm::Align(8));
    };
    Value* kept = e.bounded(e.ir.CreateSub(length, offset), most_packet);
    word(8, e.helper(HelperId::ktime_get_boot_ns, {}));
    word(16, e.ir.CreateSub(length, offset));
    word(24, kept);
    e.read_bytes(e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, 32), e.ir.CreateTrunc(kept, e.ir.getInt32Ty()),
                 e.ir.CreateAdd(data, offset));
  });
  return {e.constant(0), e.type_of(expr)};
}

// ---- write_user(to, from, length) ----

Type write_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (!checker.options().unsafe) checker.diagnostics().add(Code::needs_unsafe, expr.span, "write_user()");
  const Type& from = checker.type_of(*args[1]);
  const auto length = checker.literal_integer(*args[2]);
  if (from.is_scalar() && from.kind != Type::Kind::none)
    checker.diagnostics().add(Code::wrong_argument, args[1]->span, 2, "write_user()", "a text or a tuple", from.spelling());
  else if (length && (*length < 1 || *length > static_cast<int64_t>(from.size)))
    checker.diagnostics().add(Code::argument_range, args[2]->span, 3, "write_user()", *length, fmt::format("1 to {}", from.size));
  return Type::boolean();
}
Operand emit_write(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  Value* to = e.integer(*args[0]);
  const auto length = static_cast<uint32_t>(e.literal_integer(*args[2]).value_or(0));
  Value* status = e.helper(HelperId::probe_write_user, {to, e.evaluate(*args[1]).value, e.ir.getInt32(length)});
  Value* is_done = e.ir.CreateICmpEQ(status, e.constant(0));
  return {e.ir.CreateZExt(is_done, e.ir.getInt64Ty()), e.type_of(expr)};
}

}  // namespace

std::vector<Builtin> kernel_rows() {
  return {
      {"path", Form::function, Place::expression, {{"path", Want::address}, {"size", Want::literal_integer, true}},
       "the path of a file, by a struct path of one of the kernel's arguments; only where the kernel allows it: iter, and some "
       "functions in fentry", path_type, emit_path, false, "iter:task_file { print(path(args.file.f_path)); }"},
      {"socket_cookie", Form::function, Place::expression, {{"socket", Want::address}},
       "the kernel's number for a socket, by a struct sock of an argument in fentry or fexit", cookie_type, emit_cookie, false,
       "fentry:tcp_rcv_established { @[socket_cookie(args.sk)] = count(); } interval:ms:500 { exit(); }"},
      {"skboutput", Form::function, Place::expression,
       {{"file", Want::literal_string}, {"skb", Want::integer}, {"length", Want::integer}, {"offset", Want::integer}},
       "writes a packet, from `offset` on, to a file that tcpdump reads; of its first 2048 bytes what lies in one piece; needs "
       "--unsafe", skboutput_type, emit_skboutput, false,
       "fentry:dev_queue_xmit { $r = skboutput(\"/dev/null\", args.skb, args.skb.len, 14); } interval:ms:500 { exit(); }"},
      {"write_user", Form::function, Place::expression,
       {{"address", Want::integer}, {"value", Want::value}, {"length", Want::literal_integer}},
       "writes the first bytes of a text to the memory of the process that hit the probe; true if it could; needs --unsafe",
       write_type, emit_write, false,
       "uprobe:libc:write /comm == \"nobody\"/ { _ = write_user(arg1, \"hidden\", 6); } interval:ms:100 { exit(); }"},
  };
}

}  // namespace zeektrace
