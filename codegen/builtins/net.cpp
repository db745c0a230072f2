// Addresses of networks.
#include <arpa/inet.h>

#include <cstring>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"
#include "parser/notation.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;
using llvm::Value;

constexpr uint32_t v4_size = 4, v6_size = 16, mac_size = 6;
constexpr uint64_t mapped_prefix = 0xffff0000;  // of an IPv4 address in an IPv6 one: the second word, before its four bytes

bool is_bytes(const Type& type) { return (type.is_array() || type.is_pointer()) && type.pointee->size == 1; }

// ---- ntop([family, ] address) ----

Type ntop_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Expr& address = *args.back();
  const Type& type = checker.type_of(address);
  const bool is_array = type.is_array() && is_bytes(type) && (type.count == v4_size || type.count == v6_size);
  const bool is_known = args.size() > 1 && type.is_pointer();
  if (!type.is_integer() && type.kind != Type::Kind::inet && !is_array && !is_known)
    checker.diagnostics().add(Code::wrong_argument, address.span, args.size(), "ntop()",
                              "an integer, or an array of 4 or 16 bytes", type.spelling());
  if (args.size() > 1) {
    auto family = checker.literal_integer(*args[0]);
    if (family && *family != AF_INET && *family != AF_INET6)
      checker.diagnostics().add(Code::argument_range, args[0]->span, 1, "ntop()", *family, "2 (AF_INET) or 10 (AF_INET6)");
    if (!checker.type_of(*args[0]).is_integer())
      checker.diagnostics().add(Code::wrong_argument, args[0]->span, 1, "ntop()", "an integer",
                                checker.type_of(*args[0]).spelling());
  }
  return Type::inet();
}

void store_words(Emitter& e, Value* memory, Value* low, Value* high) {
  e.ir.CreateAlignedStore(low, memory, llvm::Align(8));
  e.ir.CreateAlignedStore(high, e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, 8), llvm::Align(8));
}

Value* mapped(Emitter& e, Value* v4) {
  Value* address = e.ir.CreateAnd(v4, e.constant(0xffffffff));
  return e.ir.CreateOr(e.ir.CreateShl(address, 32), e.constant(mapped_prefix));
}

// At an address: the 16 bytes there, or the first four where `is_v4` (an i1) says so.
void read_address(Emitter& e, Value* memory, Value* from, Value* is_v4) {
  Value* size = e.ir.CreateSelect(is_v4, e.ir.getInt32(v4_size), e.ir.getInt32(v6_size));
  e.read_bytes(memory, size, from);
  e.when(is_v4, [&] {
    Value* word = e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), memory, llvm::Align(8));
    store_words(e, memory, e.constant(0), mapped(e, word));
  });
}

Operand emit_ntop(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& from = e.type_of(*args.back());
  if (from.kind == Type::Kind::inet) return e.evaluate(*args.back());
  Value* value = e.integer(*args.back());
  Value* memory = e.buffer(v6_size);
  if (from.is_integer()) {
    store_words(e, memory, e.constant(0), mapped(e, value));
    return {memory, e.type_of(expr)};
  }
  Value* is_v4 = e.ir.getInt1(from.is_array() && from.count == v4_size);
  if (args.size() > 1 && !(from.is_array() && from.count == v4_size))
    is_v4 = e.ir.CreateICmpEQ(e.integer(*args[0]), e.constant(AF_INET));
  e.zero(memory, v6_size);
  read_address(e, memory, value, is_v4);
  return {memory, e.type_of(expr)};
}

// ---- pton("10.0.0.1") ----

Type pton_type(Checker& checker, const Expr& expr) {
  const Expr& arg = *checker.args(expr)[0];
  const std::string text = checker.literal_string(arg).value_or("");
  if (!parse_notation(Type::inet(), text))
    checker.diagnostics().add(Code::wrong_argument, arg.span, 1, "pton()", notation_example(Type::inet()),
                              fmt::format("\"{}\"", text));
  return Type::inet();
}

Operand emit_pton(Emitter& e, const Expr& expr) {
  const auto words = parse_notation(Type::inet(), e.literal_string(*e.args(expr)[0]).value_or(""));
  Value* memory = e.buffer(v6_size);
  store_words(e, memory, e.constant(words->at(0)), e.constant(words->at(1)));
  return {memory, e.type_of(expr)};
}

// ---- macaddr(bytes) ----

Type macaddr_type(Checker& checker, const Expr& expr) {
  const Expr& arg = *checker.args(expr)[0];
  const Type& type = checker.type_of(arg);
  const bool fits = type.is_array() ? is_bytes(type) && type.count >= mac_size : type.is_pointer() || type.is_integer();
  if (!fits)
    checker.diagnostics().add(Code::wrong_argument, arg.span, 1, "macaddr()", "an array of 6 bytes, or its address",
                              type.spelling());
  return Type::of(Type::Kind::mac);
}

Operand emit_macaddr(Emitter& e, const Expr& expr) {
  Value* from = e.integer(*e.args(expr)[0]);
  Value* memory = e.buffer(8);
  e.zero(memory, 8);
  e.read_bytes(memory, e.ir.getInt32(mac_size), from);
  return {memory, e.type_of(expr)};
}

// ---- bswap(n) ----

Type bswap_type(Checker& checker, const Expr& expr) {
  const Type& type = checker.type_of(*checker.args(expr)[0]);
  if (type.kind == Type::Kind::none) return type;  // a variable that is not known yet
  return Type::integer(type.is_integer() ? type.integer_width() : 8, false);
}

Operand emit_bswap(Emitter& e, const Expr& expr) {
  const Type& type = e.type_of(expr);
  Value* value = e.integer(*e.args(expr)[0]);
  if (type.size == 1) return {e.ir.CreateAnd(value, e.constant(0xff)), type};
  Value* narrow = e.ir.CreateTrunc(value, e.ir.getIntNTy(type.size * 8));
  Value* swapped = e.ir.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, narrow);
  return {e.ir.CreateZExt(swapped, e.ir.getInt64Ty()), type};
}

}  // namespace

std::vector<Builtin> net_rows() {
  const Param address{"address", Want::address};
  return {
      {"ntop", Form::function, Place::expression, {address, {"address", Want::address, true}},
       "an IPv4 or IPv6 address: of an integer or 4 bytes, or of 16 bytes; ntop(family, address) says which", ntop_type,
       emit_ntop, false, "BEGIN { print(ntop(0x0100007f)); exit(); }"},
      {"pton", Form::function, Place::expression, {{"text", Want::literal_string}},
       "the address that a text is, to be compared with ntop()", pton_type, emit_pton, false,
       "BEGIN { if (ntop(0x0100007f) == pton(\"127.0.0.1\")) { print(\"same\"); } exit(); }"},
      {"macaddr", Form::function, Place::expression, {address}, "the link-layer address that six bytes are", macaddr_type,
       emit_macaddr, false, "BEGIN { print(macaddr(curtask)); exit(); }"},
      {"bswap", Form::function, Place::expression, {{"n", Want::integer}},
       "an integer with its bytes in reverse order: from the network's order to the machine's", bswap_type, emit_bswap,
       false, "BEGIN { printf(\"%x\\n\", bswap((uint16)0x1234)); exit(); }"},
  };
}

}  // namespace zeektrace
