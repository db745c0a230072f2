// Texts and memory, looked at: lengths, comparisons, texts in texts, bytes as they are.
#include <llvm/IR/InlineAsm.h>

#include <algorithm>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;
using llvm::Value;

constexpr uint32_t most_needle = 65;          // bytes, the NUL included: a bit of a word for each character
constexpr uint32_t most_written_out = 8;      // words of a text: what lies on the stack is no longer
constexpr uint32_t accepts_size = 256 * 8;    // zt_needle's table

bool is_characters(const Type& type) { return type.is_pointer() && type.pointee->is_integer() && type.pointee->size == 1; }

// A text, or a pointer to characters.
bool takes_text(Checker& checker, const Expr& expr, size_t number, std::string_view of) {
  const Type& type = checker.type_of(*checker.args(expr)[number]);
  if (type.is_string() || is_characters(type)) return true;
  Diagnostic& report = checker.diagnostics().add(Code::wrong_argument, checker.args(expr)[number]->span, number + 1, of,
                                                 "a text", type.spelling());
  if (type.is_integer() || type.is_pointer()) report.hint = "str() reads the text at an address";
  return false;
}

// Bytes that take_text() gives, the NUL included.
uint32_t size_of(const Emitter& e, const Expr& expr) {
  const Type& type = e.type_of(expr);
  return type.is_string() ? type.size : e.program().settings.max_strlen;
}

Operand take_text(Emitter& e, const Expr& expr) {
  if (e.type_of(expr).is_string()) return e.evaluate(expr);
  const Type type = Type::string(e.program().settings.max_strlen);
  Value* from = e.integer(expr);
  Value* memory = e.buffer(type.storage());
  e.zero(memory, type.storage());
  e.read_string(memory, e.ir.getInt32(type.size), from);
  return {memory, type};
}

// ---- strlen, strcap ----

Type strlen_type(Checker& checker, const Expr& expr) {
  takes_text(checker, expr, 0, "strlen()");
  return Type::integer(8, false);
}
Value* length_of(Emitter& e, const Operand& text) {
  const uint32_t words = text.type.storage() / 8;
  if (words <= most_written_out) return e.runtime("zt_string_length", {text.value, e.ir.getInt32(words)});
  return e.steps("zt_length_step", words, {text.value, e.constant(words), e.constant(0)});
}
Operand emit_strlen(Emitter& e, const Expr& expr) { return {length_of(e, take_text(e, *e.args(expr)[0])), e.type_of(expr)}; }

Type strcap_type(Checker& checker, const Expr& expr) {
  takes_text(checker, expr, 0, "strcap()");
  return Type::integer(8, true);
}
Operand emit_strcap(Emitter& e, const Expr& expr) {
  return {e.constant(size_of(e, *e.args(expr)[0])), e.type_of(expr)};
}

// ---- strncmp, strstr, strcontains ----

Type strncmp_type(Checker& checker, const Expr& expr) {
  for (size_t i = 0; i < 2; i++) takes_text(checker, expr, i, "strncmp()");
  return Type::integer(8, true);
}
Value* compared(Emitter& e, Value* a, Value* b, uint32_t words, Value* most) {
  if (words <= most_written_out) return e.runtime("zt_compare", {a, b, e.ir.getInt32(words), most});
  return e.steps("zt_compare_step", words, {a, b, e.constant(words), most, e.constant(0)});
}
Operand emit_strncmp(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Operand a = take_text(e, *args[0]);
  const Operand b = take_text(e, *args[1]);
  const uint32_t words = std::min(a.type.storage(), b.type.storage()) / 8;
  return {compared(e, a.value, b.value, words, e.integer(*args[2])), e.type_of(expr)};
}

Type find_type(Checker& checker, const Expr& expr, std::string_view of, Type type) {
  const auto& args = checker.args(expr);
  bool good = takes_text(checker, expr, 0, of);
  good &= takes_text(checker, expr, 1, of);
  const Type& needle = checker.type_of(*args[1]);
  if (good && (!needle.is_string() || needle.size > most_needle))
    checker.diagnostics().add(Code::wrong_argument, args[1]->span, 2, of, "a text of at most 64 characters",
                              needle.spelling()).hint = "str(p, 64) reads no more";
  return type;
}
Value* emit_find(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Operand text = take_text(e, *args[0]);
  const Operand needle = take_text(e, *args[1]);
  Value* accepts = e.buffer(accepts_size);
  e.zero(accepts, accepts_size);
  Value* length = e.runtime("zt_needle", {needle.value, e.ir.getInt32(needle.type.size), accepts});
  const uint32_t words = text.type.storage() / 8;
  Value* end = words <= most_written_out
                   ? e.runtime("zt_find", {text.value, e.ir.getInt32(words), length, accepts})
                   : e.steps("zt_find_step", words, {text.value, accepts, e.constant(words), length, e.constant(0), e.constant(0)});
  return e.runtime("zt_found", {length, end});
}
Type strstr_type(Checker& c, const Expr& expr) { return find_type(c, expr, "strstr()", Type::integer(8, true)); }
Type strcontains_type(Checker& c, const Expr& expr) { return find_type(c, expr, "strcontains()", Type::boolean()); }
Operand emit_strstr(Emitter& e, const Expr& expr) { return {emit_find(e, expr), e.type_of(expr)}; }
Operand emit_strcontains(Emitter& e, const Expr& expr) {
  Value* found = e.ir.CreateICmpSGE(emit_find(e, expr), e.constant(0));
  return {e.ir.CreateZExt(found, e.ir.getInt64Ty()), e.type_of(expr)};
}

// ---- str_concat ----

Type concat_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (!takes_text(checker, expr, 0, "str_concat()") || !takes_text(checker, expr, 1, "str_concat()")) return Type();
  auto room = [&](const Expr& of) {
    const Type& type = checker.type_of(of);
    return type.is_string() ? type.size : checker.options().settings.max_strlen;
  };
  // A text that is put together with itself would be twice as long each time that it is looked at: two of str()'s fit.
  const uint32_t most = 2 * checker.options().settings.max_strlen, whole = room(*args[0]) + room(*args[1]) - 1;
  Type type = Type::string(std::min(whole, most));
  type.can_be_cut = whole > most;
  return type;
}
Operand emit_concat(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& type = e.type_of(expr);
  const uint32_t whole = Type::string(size_of(e, *args[0]) + size_of(e, *args[1]) - 1).storage();
  Value* memory = e.buffer(whole);
  const Operand first = take_text(e, *args[0]);
  const Operand second = take_text(e, *args[1]);
  e.zero(memory, whole);
  e.helper(HelperId::probe_read_kernel_str, {memory, e.ir.getInt32(first.type.size), first.value});
  Value* length = length_of(e, first);
  // Hidden, or LLVM would add a small length to an aligned address by an `or`, which the verifier does not take for pointers.
  Value* start = e.ir.CreateCall(
      llvm::InlineAsm::get(llvm::FunctionType::get(memory->getType(), {memory->getType()}, false), "", "=r,0", true), {memory});
  Value* behind = e.ir.CreateGEP(e.ir.getInt8Ty(), start, e.bounded(length, first.type.size - 1));
  e.helper(HelperId::probe_read_kernel_str, {behind, e.ir.getInt32(second.type.size), second.value});
  if (type.can_be_cut)
    e.ir.CreateMemSet(e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, type.size - 1), e.ir.getInt8(0),
                      type.storage() - type.size + 1, llvm::MaybeAlign(1));
  return {memory, type};
}

// ---- buf, memcmp: bytes at an address, of an array or of a text ----

// How many bytes the value has by itself; 0 when only a length can say.
uint32_t own_size(const Type& type) {
  return type.is_string() || type.is_array() || type.is_record() ? type.size : 0;
}

// At most so many bytes; the argument that says how many is `length`, if there is one.
uint32_t check_bytes(Checker& checker, const Expr& what, const Expr* length, std::string_view of) {
  const Type& type = checker.type_of(what);
  uint32_t most = own_size(type);
  bool is_address = type.is_integer() || type.is_pointer();
  if (most == 0 && !is_address) {
    checker.diagnostics().add(Code::wrong_argument, what.span, 1, of, "an address, an array or a text", type.spelling());
    return 1;
  }
  if (most == 0 && !length)
    checker.diagnostics().add(Code::too_few_arguments, what.span, of, "2", 1).hint =
        "an address does not say how many bytes there are";
  const uint32_t limit = checker.options().settings.max_strlen;
  most = most == 0 ? limit : std::min(most, limit);
  if (auto known = length ? checker.literal_integer(*length) : std::nullopt) {
    if (*known < 1)
      checker.diagnostics().add(Code::argument_range, length->span, 2, of, *known, "1 or more");
    else
      most = static_cast<uint32_t>(std::min<int64_t>(*known, most));
  }
  return most;
}

// `size` (an i32) bytes of it go to zeroed memory.
void read_bytes(Emitter& e, const Expr& what, Value* memory, Value* size) {
  Value* from = e.evaluate(what).value;
  if (e.type_of(what).is_string()) e.helper(HelperId::probe_read_kernel, {memory, size, from});
  else e.read_bytes(memory, size, from);
}

Type buf_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  return Type::buffer(check_bytes(checker, *args[0], args.size() > 1 ? args[1].get() : nullptr, "buf()"));
}
Operand emit_buf(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& type = e.type_of(expr);
  Value* memory = e.buffer(type.storage());
  e.zero(memory, type.storage());
  Value* length = e.constant(type.size);
  if (args.size() > 1 && !e.literal_integer(*args[1])) {
    Value* wanted = e.integer(*args[1]);
    length = e.bounded(e.ir.CreateBinaryIntrinsic(llvm::Intrinsic::umin, wanted, length), type.size);
  }
  e.ir.CreateAlignedStore(length, memory, llvm::Align(8));
  Value* bytes = e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, 8);
  read_bytes(e, *args[0], bytes, e.ir.CreateTrunc(length, e.ir.getInt32Ty()));
  return {memory, type};
}

Type memcmp_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  for (size_t i = 0; i < 2; i++) check_bytes(checker, *args[i], args[2].get(), "memcmp()");
  if (auto known = checker.literal_integer(*args[2]); known && *known > checker.options().settings.max_strlen)
    checker.diagnostics().add(Code::argument_range, args[2]->span, 3, "memcmp()", *known,
                              fmt::format("at most {}", checker.options().settings.max_strlen));
  return Type::integer(8, true);
}
Operand emit_memcmp(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const uint32_t most = static_cast<uint32_t>(*e.literal_integer(*args[2]));
  const uint32_t storage = (most + 7) / 8 * 8;
  Value* sides[2];
  for (size_t i = 0; i < 2; i++) {
    sides[i] = e.buffer(storage);
    e.zero(sides[i], storage);
    const uint32_t own = own_size(e.type_of(*args[i]));
    const uint32_t size = own == 0 ? most : std::min(own, most);
    read_bytes(e, *args[i], sides[i], e.ir.getInt32(size));
  }
  return {compared(e, sides[0], sides[1], storage / 8, e.constant(most)), e.type_of(expr)};
}

}  // namespace

std::vector<Builtin> string_rows() {
  const Param text{"text", Want::value};
  const Param what{"what", Want::address};
  return {
      {"strlen", Form::function, Place::expression, {text}, "how many bytes a text has before its NUL", strlen_type,
       emit_strlen, false, "BEGIN { print(strlen(\"hello\")); exit(); }"},
      {"strcap", Form::function, Place::expression, {text}, "how many bytes a text has room for, its NUL included",
       strcap_type, emit_strcap, false, "BEGIN { print(strcap(comm)); exit(); }"},
      {"strncmp", Form::function, Place::expression, {text, text, {"n", Want::integer}},
       "0 if two texts have the same first n characters, else less or more than 0, as in C", strncmp_type, emit_strncmp,
       false, "BEGIN { print(strncmp(\"abc\", \"abd\", 2)); exit(); }"},
      {"str_concat", Form::function, Place::expression, {text, text}, "two texts as one", concat_type, emit_concat, false,
       "BEGIN { print(str_concat(\"from \", comm)); exit(); }"},
      {"strstr", Form::function, Place::expression, {text, {"needle", Want::value}},
       "where the second text, of at most 64 characters, begins in the first; -1: nowhere", strstr_type, emit_strstr, false,
       "BEGIN { print(strstr(\"haystack\", \"stack\")); exit(); }"},
      {"strcontains", Form::function, Place::expression, {text, {"needle", Want::value}},
       "whether the second text, of at most 64 characters, is in the first", strcontains_type, emit_strcontains, false,
       "BEGIN { if (strcontains(comm, \"zeek\")) { print(comm); } exit(); }"},
      {"memcmp", Form::function, Place::expression, {what, what, {"n", Want::literal_integer}},
       "0 if the first n bytes are the same, else less or more than 0; of addresses, arrays and texts", memcmp_type,
       emit_memcmp, false, "BEGIN { print(memcmp(\"abc\", \"abd\", 3)); exit(); }"},
      {"buf", Form::function, Place::expression, {what, {"length", Want::integer, true}},
       "bytes as they are, of an address, an array or a text; %r, %rx and %rh print them", buf_type, emit_buf, false,
       "BEGIN { printf(\"%rx\\n\", buf(\"abc\", 3)); exit(); }"},
  };
}

}  // namespace zeektrace
