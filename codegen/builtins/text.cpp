// Text from the traced process and the kernel; names and sizes of its types.
#include <algorithm>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

// str(pointer[, length]); of a positional parameter or a text it is that text.
Type str_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (auto text = checker.parameter_text(*args[0])) {
    checker.make_constant(expr, *text);
    return Type::string(static_cast<uint32_t>(text->size() + 1));
  }
  const Type from = checker.type_of(*args[0]);
  if (from.is_string()) return from;
  bool whole = from.is_record() || from.is_array();
  if (!whole && !from.is_integer() && !from.is_pointer())
    checker.diagnostics().add(Code::wrong_argument, args[0]->span, 1, "str()", "an address or a text", from.spelling());
  int64_t size = checker.options().settings.max_strlen;
  if (args.size() > 1) {
    auto wanted = checker.literal_integer(*args[1]);
    // A length that only the running probe knows is bounded by the largest.
    if (wanted && *wanted < 0)
      checker.diagnostics().add(Code::argument_range, args[1]->span, 2, "str()", *wanted, "0 or more");
    else if (wanted)
      size = std::min(size, *wanted + 1);
  }
  if (!whole) {
    Type text = Type::string(static_cast<uint32_t>(size));
    text.can_be_cut = text.size == checker.options().settings.max_strlen;
    return text;
  }
  if (!checker.make_text(*args[0], static_cast<uint32_t>(size))) return checker.type_of(*args[0]);
  checker.diagnostics().add(Code::wrong_argument, args[0]->span, 1, "str()", "an address or a text", from.spelling());
  return Type::string(static_cast<uint32_t>(size));
}

Operand emit_str(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& type = e.type_of(expr);
  bool counted = args.size() > 1 && !e.literal_integer(*args[1]);  // only the running probe knows the length
  if (e.program().texts.contains(args[0]->id)) return e.text(*args[0], counted ? e.integer(*args[1]) : nullptr);
  if (e.type_of(*args[0]).is_string()) return e.evaluate(*args[0]);
  llvm::Value* from = e.integer(*args[0]);
  llvm::Value* size = e.ir.getInt32(type.size);
  if (counted) {
    llvm::Value* wanted = e.ir.CreateAdd(e.integer(*args[1]), e.constant(1));
    size = e.ir.CreateTrunc(e.bounded(wanted, type.size), e.ir.getInt32Ty());
  }
  llvm::Value* memory = e.buffer(type.storage());
  e.zero(memory, type.storage());
  e.read_string(memory, size, from);
  return {memory, type};
}

// typename(object): a vtable pointer points behind the address of the class's type_info, whose second word is the name
// (Itanium C++ ABI, 2.5.2 and 2.9.4).
Type typename_type(Checker& checker, const Expr& expr) {
  const Expr& object = *checker.args(expr)[0];
  const Type& type = checker.type_of(object);
  const Type& what = type.is_pointer() ? *type.pointee : type;
  if (what.is_record()) {
    auto shape = what.records->shape(what.record);
    if (shape && !(*shape)->has_virtual_table)
      checker.diagnostics().add(Code::wrong_argument, object.span, 1, "typename()",
                                "an object with virtual functions", what.spelling());
  } else if (!type.is_pointer() && !type.is_integer()) {
    checker.diagnostics().add(Code::wrong_argument, object.span, 1, "typename()", "an object or its address",
                              type.spelling());
  }
  return Type::type_name(checker.options().settings.max_strlen);
}

Operand emit_typename(Emitter& e, const Expr& expr) {
  const Type& type = e.type_of(expr);
  const Type word = Type::integer(8, false);
  llvm::Value* vtable = e.read_integer(e.integer(*e.args(expr)[0]), word);
  llvm::Value* info = e.read_integer(e.ir.CreateSub(vtable, e.constant(8)), word);
  llvm::Value* name = e.read_integer(e.ir.CreateAdd(info, e.constant(8)), word);
  llvm::Value* memory = e.buffer(type.storage());
  e.zero(memory, type.storage());
  e.read_string(memory, e.ir.getInt32(type.size), name);
  return {memory, type};
}

// sizeof(type), sizeof(value): known when the script is read; what it is given is not evaluated.
Type sizeof_type(Checker& checker, const Expr& expr) {
  const Type& type = checker.type_of(*checker.args(expr)[0]);
  const bool is_list = type.is_list && !type.items.empty();  // kept as words, whatever its elements are
  checker.make_constant(expr, is_list ? type.items.size() * type.items.front().size : uint64_t{type.is_integer() ? type.integer_width() : type.size});
  return Type::integer(8, false);
}

}  // namespace

std::vector<Builtin> text_rows() {
  return {
      {"str", Builtin::Form::function, Builtin::Place::expression,
       {{"address", Want::address}, {"length", Want::integer, true}},
       "the text at an address, up to its NUL or `length` bytes; of a positional parameter: its text", str_type, emit_str,
       false, "tracepoint:syscalls:sys_enter_openat { print(str(args.filename)); exit(); } interval:s:1 { exit(); }"},
      {"typename", Builtin::Form::function, Builtin::Place::expression, {{"object", Want::address}},
       "the class that a C++ object really has, by its virtual table", typename_type, emit_typename,
       false, "uprobe:libstdc++:__cxa_throw { @[typename(arg0)] = count(); } interval:ms:100 { exit(); }"},
      {"sizeof", Builtin::Form::function, Builtin::Place::expression, {{"what", Want::address}},
       "how many bytes a type or a value has", sizeof_type, emit_constant, false,
       "BEGIN { print(sizeof(*curtask)); exit(); }"},
  };
}

}  // namespace zeektrace
