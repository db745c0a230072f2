// The operators of C, on 64-bit integers, pointers and texts. What is not one of these is refused: reals are stored and
// shown, nothing computes with them.
#include "codegen/builtins/operators.h"

#include <algorithm>
#include <array>

#include "codegen/builtins/rows.h"
#include "parser/check.h"
#include "parser/notation.h"

namespace zeektrace {
namespace {

using Value = llvm::Value;
using Atomic = llvm::AtomicRMWInst;
using Predicate = llvm::CmpInst::Predicate;

uint64_t pointee_size(const Type& type) { return type.pointee ? std::max(type.pointee->size, 1u) : 1; }

Value* add(Emitter& e, Value* a, Value* b, bool) { return e.ir.CreateAdd(a, b); }
Value* subtract(Emitter& e, Value* a, Value* b, bool) { return e.ir.CreateSub(a, b); }
Value* multiply(Emitter& e, Value* a, Value* b, bool) { return e.ir.CreateMul(a, b); }
Value* divide(Emitter& e, Value* a, Value* b, bool is_signed) {
  return is_signed ? e.runtime("zt_signed_divide", {a, b}) : e.runtime("zt_divide", {a, b});
}
Value* modulo(Emitter& e, Value* a, Value* b, bool is_signed) {
  return is_signed ? e.runtime("zt_signed_modulo", {a, b}) : e.runtime("zt_modulo", {a, b});
}
Value* bit_and(Emitter& e, Value* a, Value* b, bool) { return e.ir.CreateAnd(a, b); }
Value* bit_or(Emitter& e, Value* a, Value* b, bool) { return e.ir.CreateOr(a, b); }
Value* bit_xor(Emitter& e, Value* a, Value* b, bool) { return e.ir.CreateXor(a, b); }
// BPF takes a shift's count modulo 64; to LLVM a larger one would be undefined.
Value* shift_left(Emitter& e, Value* a, Value* b, bool) { return e.ir.CreateShl(a, e.ir.CreateAnd(b, e.constant(63))); }
Value* shift_right(Emitter& e, Value* a, Value* b, bool is_signed) {
  Value* count = e.ir.CreateAnd(b, e.constant(63));
  return is_signed ? e.ir.CreateAShr(a, count) : e.ir.CreateLShr(a, count);
}

constexpr Arithmetic arithmetics[] = {
    {"+", add, Atomic::Add},       {"-", subtract, Atomic::Sub},  {"*", multiply, {}},
    {"/", divide, {}},             {"%", modulo, {}},             {"&", bit_and, Atomic::And},
    {"|", bit_or, Atomic::Or},     {"^", bit_xor, Atomic::Xor},   {"<<", shift_left, {}},
    {">>", shift_right, {}},
};

struct Comparison {
  std::string_view op;
  Predicate is_signed;
  Predicate is_unsigned;
};
constexpr Comparison comparisons[] = {
    {"==", Predicate::ICMP_EQ, Predicate::ICMP_EQ},   {"!=", Predicate::ICMP_NE, Predicate::ICMP_NE},
    {"<", Predicate::ICMP_SLT, Predicate::ICMP_ULT},  {"<=", Predicate::ICMP_SLE, Predicate::ICMP_ULE},
    {">", Predicate::ICMP_SGT, Predicate::ICMP_UGT},  {">=", Predicate::ICMP_SGE, Predicate::ICMP_UGE},
};

const std::string& op_of(const Expr& expr) { return std::get<Call>(expr.node).function; }
bool is_number(const Type& type) { return type.is_integer() || type.is_pointer(); }

// Reports what an operator can't take; true when all is well.
bool numbers_only(Checker& checker, const Expr& expr) {
  for (const ExprPtr& each : checker.args(expr)) {
    const Type& type = checker.type_of(*each);
    if (is_number(type)) continue;
    Diagnostic& row = checker.diagnostics().add(Code::wrong_operand, each->span, op_of(expr), type.spelling());
    if (type.kind == Type::Kind::real) row.hint = "a real number is stored and printed as it is";
    if (type.is_record()) row.hint = "name a member of it";
    if (type.is_string()) row.hint = "texts are compared with == and !=, and put together by printf()";
    return false;
  }
  return true;
}

Type word(bool is_signed) { return Type::integer(8, is_signed); }

// The distance of two pointers of one type is a number of elements, as in C.
bool is_distance(std::string_view op, const Type& a, const Type& b) {
  return op == "-" && a.is_pointer() && b.is_pointer() && a.same_as(b);
}

Type arithmetic_type(Checker& checker, const Expr& expr) {
  if (!numbers_only(checker, expr)) return word(true);
  const auto& args = checker.args(expr);
  const Type& a = checker.type_of(*args[0]);
  const Type& b = checker.type_of(*args[1]);
  const std::string& op = op_of(expr);
  bool additive = op == "+" || op == "-";
  if (additive && a.is_pointer() && !b.is_pointer()) return a;
  if (op == "+" && b.is_pointer() && !a.is_pointer()) return b;
  if (is_distance(op, a, b)) return word(true);
  if (op == "<<" || op == ">>") return word(!a.is_unsigned_number());  // C: the left side's type alone
  if (op == "-") return word(true);                                   // the sum with a negative number
  return word(!is_unsigned_word(a) && !is_unsigned_word(b) && !(a.is_unsigned_number() && b.is_unsigned_number()));
}

Operand emit_arithmetic(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& a = e.type_of(*args[0]);
  const Type& b = e.type_of(*args[1]);
  const Type& type = e.type_of(expr);
  Value* left = e.integer(*args[0]);
  Value* right = e.integer(*args[1]);
  if (is_distance(op_of(expr), a, b))
    return {e.runtime("zt_signed_divide", {e.ir.CreateSub(left, right), e.constant(pointee_size(a))}), type};
  if (a.is_pointer()) right = scaled(e, op_of(expr), a, b, right);
  else left = scaled(e, op_of(expr), b, a, left);
  return {arithmetic(op_of(expr)).emit(e, left, right, type.is_signed), type};
}

// ---- comparisons ----

// Equality of values that have a notation, such as a port: two of a kind, or one with its notation in quotes.
bool notations_only(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Type& a = checker.type_of(*args[0]);
  const Type& b = checker.type_of(*args[1]);
  const Type& noted = a.has_notation() ? a : b;
  auto text = checker.literal_string(a.has_notation() ? *args[1] : *args[0]);
  bool equality = op_of(expr) == "==" || op_of(expr) == "!=";
  if (equality && (text ? parse_notation(noted, *text).has_value() : a.fits(b))) return true;
  Diagnostic& row = checker.diagnostics().add(Code::mixed_operands, expr.span, op_of(expr), a.spelling(), b.spelling());
  row.hint = equality ? "compare it with " + notation_example(noted) : "== and != compare such values";
  return false;
}

Value* emit_same_notation(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  bool first = e.type_of(*args[0]).has_notation();
  const Type& type = e.type_of(first ? *args[0] : *args[1]);
  auto text = e.literal_string(first ? *args[1] : *args[0]);
  std::vector<Value*> sides[2];
  for (size_t side = 0; side < 2; side++) {
    bool is_literal = text && side == (first ? 1 : 0);
    if (is_literal) {
      const auto words = parse_notation(type, *text);
      for (uint64_t word : *words) sides[side].push_back(e.constant(word));
      continue;
    }
    Value* value = e.evaluate(*args[side]).value;
    if (type.is_scalar()) sides[side].push_back(value);
    for (uint32_t at = 0; !type.is_scalar() && at < type.storage(); at += 8) {
      Value* word = e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), value, at);
      sides[side].push_back(e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), word, llvm::Align(8)));
    }
  }
  Value* differs = e.constant(0);
  for (size_t i = 0; i < sides[0].size(); i++)
    differs = e.ir.CreateOr(differs, e.ir.CreateXor(sides[0][i], sides[1][i]));
  return e.ir.CreateICmp(op_of(expr) == "==" ? Predicate::ICMP_EQ : Predicate::ICMP_NE, differs, e.constant(0));
}

bool is_uid(const Type& type) { return type.kind == Type::Kind::uid; }

// Equality of uids: two of them, or one with its text.
void uids_only(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Type& a = checker.type_of(*args[0]);
  const Type& b = checker.type_of(*args[1]);
  const bool equality = op_of(expr) == "==" || op_of(expr) == "!=";
  const auto text = checker.literal_string(is_uid(a) ? *args[1] : *args[0]);
  if (equality && (text ? !parse_uid(*text).empty() : is_uid(a) && is_uid(b))) return;
  Diagnostic& row = checker.diagnostics().add(Code::mixed_operands, expr.span, op_of(expr), a.spelling(), b.spelling());
  row.hint = equality ? "compare it with a uid as logs spell it, such as \"CHhAvVGS1DHFjwGM9\", or with \"\", which is none"
                      : "== and != compare uids";
}

// A text is known beforehand: it is compared as the numbers that it may stand for.
Value* emit_same_uid(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const bool first = is_uid(e.type_of(*args[0]));
  const auto text = e.literal_string(first ? *args[1] : *args[0]);
  auto words_of = [&](const Expr& of) {
    Value* memory = e.evaluate(of).value;
    std::array<Value*, 2> words{};
    for (uint32_t i = 0; i < words.size(); i++)
      words[i] = e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, 8 * i), llvm::Align(8));
    return words;
  };
  auto same_words = [&](const std::array<Value*, 2>& a, const std::array<Value*, 2>& b) {
    return e.ir.CreateAnd(e.ir.CreateICmpEQ(a[0], b[0]), e.ir.CreateICmpEQ(a[1], b[1]));
  };
  const auto words = words_of(*args[first ? 0 : 1]);
  Value* same = e.ir.getFalse();
  if (!text) same = same_words(words, words_of(*args[1]));
  else
    for (const auto& [high, low] : parse_uid(*text)) same = e.ir.CreateOr(same, same_words(words, {e.constant(high), e.constant(low)}));
  return op_of(expr) == "==" ? same : e.ir.CreateNot(same);
}

// Equality of tuples is that of all their items.
Value* emit_same(Emitter& e, const Operand& a, const Operand& b) {
  auto behind = [&](Value* memory, uint32_t offset) { return e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), memory, offset); };
  auto word_at = [&](Value* memory) { return e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), memory, llvm::Align(8)); };
  auto item = [&](const Operand& of, size_t i) {
    const Type& type = of.type.items[i];
    Value* place = behind(of.value, of.type.item_offset(i));
    return Operand{type.is_scalar() ? word_at(place) : place, type};
  };
  Value* same = e.ir.getTrue();
  if (a.type.is_tuple()) {
    for (size_t i = 0; i < a.type.items.size(); i++) same = e.ir.CreateAnd(same, emit_same(e, item(a, i), item(b, i)));
    return same;
  }
  if (a.type.is_scalar()) return e.ir.CreateICmpEQ(a.value, b.value);
  if (a.type.is_string()) {
    Value* words = e.ir.getInt32(std::min(a.type.storage(), b.type.storage()) / 8);
    return e.ir.CreateICmpNE(e.runtime("zt_same_string", {a.value, b.value, words}), e.constant(0));
  }
  for (uint32_t at = 0; at < a.type.storage(); at += 8)
    same = e.ir.CreateAnd(same, e.ir.CreateICmpEQ(word_at(behind(a.value, at)), word_at(behind(b.value, at))));
  return same;
}

Type comparison_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Type& a = checker.type_of(*args[0]);
  const Type& b = checker.type_of(*args[1]);
  bool equality = op_of(expr) == "==" || op_of(expr) == "!=";
  if (a.is_string() && b.is_string() && equality) return Type::boolean();
  if (is_uid(a) || is_uid(b))
    uids_only(checker, expr);
  else if (a.has_notation() || b.has_notation())
    notations_only(checker, expr);
  else if (a.is_string() != b.is_string() || (a.is_tuple() && b.is_tuple() && !(equality && a.fits(b))))
    checker.diagnostics().add(Code::mixed_operands, expr.span, op_of(expr), a.spelling(), b.spelling());
  else if (!a.is_tuple() || !b.is_tuple())
    numbers_only(checker, expr);
  return Type::boolean();
}

Operand emit_comparison(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& a = e.type_of(*args[0]);
  const Type& b = e.type_of(*args[1]);
  const Comparison& row = *std::ranges::find(comparisons, std::string_view(op_of(expr)), &Comparison::op);
  Value* result = nullptr;
  if (is_uid(a) || is_uid(b)) {
    result = emit_same_uid(e, expr);
  } else if (a.has_notation() || b.has_notation()) {
    result = emit_same_notation(e, expr);
  } else if (a.is_tuple()) {
    const Operand left = e.evaluate(*args[0]);
    Value* same = emit_same(e, left, e.evaluate(*args[1]));
    result = op_of(expr) == "==" ? same : e.ir.CreateNot(same);
  } else if (a.is_string()) {
    uint32_t words = std::min(a.storage(), b.storage()) / 8;
    Value* left = e.evaluate(*args[0]).value;
    Value* same = e.runtime("zt_same_string", {left, e.evaluate(*args[1]).value, e.ir.getInt32(words)});
    result = e.ir.CreateICmp(row.is_signed, e.constant(1), same);
  } else {
    bool is_signed = !is_unsigned_word(a) && !is_unsigned_word(b);
    Value* left = e.integer(*args[0]);
    result = e.ir.CreateICmp(is_signed ? row.is_signed : row.is_unsigned, left, e.integer(*args[1]));
  }
  return {e.ir.CreateZExt(result, e.ir.getInt64Ty()), e.type_of(expr)};
}

Type truth_type(Checker& checker, const Expr& expr) {
  numbers_only(checker, expr);
  return Type::boolean();
}

// && and || : the right side runs only when it has to decide.
Operand emit_logical(Emitter& e, const Expr& expr, bool is_and) {
  const auto& args = e.args(expr);
  Value* left = e.truth(*args[0]);
  llvm::BasicBlock* first = e.ir.GetInsertBlock();
  auto* second = llvm::BasicBlock::Create(e.ir.getContext(), "", first->getParent());
  auto* after = llvm::BasicBlock::Create(e.ir.getContext(), "", first->getParent());
  if (is_and) e.ir.CreateCondBr(left, second, after);
  else e.ir.CreateCondBr(left, after, second);
  e.ir.SetInsertPoint(second);
  Value* right = e.truth(*args[1]);
  second = e.ir.GetInsertBlock();
  e.ir.CreateBr(after);
  e.ir.SetInsertPoint(after);
  llvm::PHINode* result = e.ir.CreatePHI(e.ir.getInt1Ty(), 2);
  result->addIncoming(e.ir.getInt1(!is_and), first);
  result->addIncoming(right, second);
  return {e.ir.CreateZExt(result, e.ir.getInt64Ty()), e.type_of(expr)};
}
Operand emit_and(Emitter& e, const Expr& expr) { return emit_logical(e, expr, true); }
Operand emit_or(Emitter& e, const Expr& expr) { return emit_logical(e, expr, false); }

Operand emit_not(Emitter& e, const Expr& expr) {
  Value* zero = e.ir.CreateNot(e.truth(*e.args(expr)[0]));
  return {e.ir.CreateZExt(zero, e.ir.getInt64Ty()), e.type_of(expr)};
}

// ~ and - of a narrow unsigned number are such a number: as C has it for uint32.
Type same_number(Checker& checker, const Expr& expr) {
  if (!numbers_only(checker, expr)) return word(true);
  const Type& type = checker.type_of(*checker.args(expr)[0]);
  if (type.is_integer() && type.is_unsigned_number()) return type.natural();
  return word(!type.is_pointer());
}
Operand same_width(Emitter& e, const Expr& expr, Value* value) {
  const Type& type = e.type_of(expr);
  if (type.size < 8) value = e.ir.CreateAnd(value, e.constant((uint64_t{1} << (8 * type.size)) - 1));
  return {value, type};
}
Operand emit_complement(Emitter& e, const Expr& expr) {
  return same_width(e, expr, e.ir.CreateNot(e.integer(*e.args(expr)[0])));
}

// `-` and `*` are one row each, with one or two operands.
Type minus_type(Checker& checker, const Expr& expr) {
  return checker.args(expr).size() == 2 ? arithmetic_type(checker, expr) : same_number(checker, expr);
}
Operand emit_minus(Emitter& e, const Expr& expr) {
  if (e.args(expr).size() == 2) return emit_arithmetic(e, expr);
  return same_width(e, expr, e.ir.CreateNeg(e.integer(*e.args(expr)[0])));
}

// What a script may have for an address without saying what is there: arg0, kaddr("…"), sums with them, and what is before them.
bool is_address(const Checker& checker, const Expr& expr) {
  const auto* call = std::get_if<Call>(&expr.node);
  if (call && call->function == "-" && call->args.size() == 2) return is_address(checker, *call->args[0]);
  const Type& type = checker.type_of(expr);
  return type.is_integer() && type.size == 8 && !type.is_signed;
}

// What *&x is: x itself, if it is no number of the traced process's own.
const Expr* address_of(const Expr& operand) {
  const auto* call = std::get_if<Call>(&operand.node);
  return call && call->function == "&" && call->args.size() == 1 ? call->args[0].get() : nullptr;
}

Type star_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (args.size() == 2) return arithmetic_type(checker, expr);
  if (const Expr* place = address_of(*args[0]); place && checker.type_of(*place).is_string()) return checker.type_of(*place);
  const Type& type = checker.type_of(*args[0]);
  bool has_size = type.is_pointer() && type.pointee->kind != Type::Kind::none && type.pointee->size > 0;
  if (has_size) return *type.pointee;
  if (is_address(checker, *args[0]) && !checker.literal_integer(*args[0])) return word(false);
  Diagnostic& row = checker.diagnostics().add(Code::wrong_operand, expr.span, "*", type.spelling());
  if (type.is_integer()) row.hint = "cast it to a pointer first, such as *(uint64 *)arg0";
  if (checker.literal_integer(*args[0])) row.hint = "there is no ** for powers";
  return word(false);
}
Operand emit_star(Emitter& e, const Expr& expr) {
  if (e.args(expr).size() == 2) return emit_arithmetic(e, expr);
  if (const Expr* place = address_of(*e.args(expr)[0]); place && e.type_of(*place).is_string()) return e.evaluate(*place);
  // Not the expression's own type, which is a text where a record is used as one.
  const Type& operand = e.type_of(*e.args(expr)[0]);
  const Type type = operand.is_pointer() ? *operand.pointee : word(false);
  Value* address = e.integer(*e.args(expr)[0]);
  if (type.is_record() || type.is_array()) return {address, type};
  return {e.read_integer(address, type), type};
}

// `&` is one row, too.
Type ampersand_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (args.size() == 2) return arithmetic_type(checker, expr);
  const Type& type = checker.type_of(*args[0]);
  // Of a text, or what else has several words, the address of its first byte.
  const bool as_it_is = type.is_scalar() || type.is_record() || type.is_array();
  if (checker.has_address(*args[0])) return Type::pointer(as_it_is ? type : Type::integer(1, type.is_string()));
  checker.diagnostics().add(Code::wrong_operand, expr.span, "&", "what has no address").hint =
      "variables, elements of maps, and members and records of the traced program have one";
  return word(false);
}
Operand emit_ampersand(Emitter& e, const Expr& expr) {
  if (e.args(expr).size() == 2) return emit_arithmetic(e, expr);
  return {e.address(*e.args(expr)[0]), e.type_of(expr)};
}

// a ? b : c
Type conditional_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Type& condition = checker.type_of(*args[0]);
  if (!is_number(condition)) checker.diagnostics().add(Code::bad_condition, args[0]->span, condition.spelling());
  const Type& a = checker.type_of(*args[1]);
  const Type& b = checker.type_of(*args[2]);
  bool pointers = a.is_pointer() && b.is_pointer();  // one type: members are read through them
  if (is_number(a) && is_number(b) && !pointers)
    return a.is_pointer()             ? a
           : b.is_pointer()           ? b
           : a.is_bool && b.is_bool   ? Type::boolean()
                                      : word(!is_unsigned_word(a) && !is_unsigned_word(b));
  if (a.kind == Type::Kind::none || b.kind == Type::Kind::none) return Type();  // as a statement
  if (!a.fits(b)) checker.diagnostics().add(Code::mixed_operands, expr.span, "?:", a.spelling(), b.spelling());
  return a.size >= b.size ? a : b;
}
Operand emit_conditional(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& type = e.type_of(expr);
  Value* condition = e.truth(*args[0]);
  bool nothing = type.kind == Type::Kind::none;
  llvm::Function* function = e.ir.GetInsertBlock()->getParent();
  Value* memory = type.is_scalar() || nothing ? nullptr : e.buffer(type.storage());
  auto* after = llvm::BasicBlock::Create(e.ir.getContext(), "", function);
  llvm::BasicBlock* sides[2];
  for (auto*& side : sides) side = llvm::BasicBlock::Create(e.ir.getContext(), "", function);
  e.ir.CreateCondBr(condition, sides[0], sides[1]);
  Value* values[2] = {};
  for (int i = 0; i < 2; i++) {
    e.ir.SetInsertPoint(sides[i]);
    Operand value = e.evaluate(*args[1 + static_cast<size_t>(i)]);
    if (memory) e.store(value, memory, type);
    values[i] = value.value;
    sides[i] = e.ir.GetInsertBlock();
    e.ir.CreateBr(after);
  }
  e.ir.SetInsertPoint(after);
  if (nothing) return {nullptr, type};
  if (memory) return {memory, type};
  llvm::PHINode* result = e.ir.CreatePHI(e.ir.getInt64Ty(), 2);
  for (int i = 0; i < 2; i++) result->addIncoming(values[i], sides[i]);
  return {result, type};
}

Builtin row(std::string_view name, size_t operands, std::string_view doc, Type (*result)(Checker&, const Expr&),
            Operand (*emit)(Emitter&, const Expr&), bool one_will_do = false, Want want = Want::address) {
  std::vector<Param> params(operands, Param{"operand", want});
  if (one_will_do) params.back().optional = true;
  return {name, Builtin::Form::op, Builtin::Place::expression, params, doc, result, emit};
}

}  // namespace

Value* scaled(Emitter& e, std::string_view op, const Type& type, const Type& by, Value* amount) {
  bool moves = type.is_pointer() && !by.is_pointer() && (op == "+" || op == "-");
  return moves ? e.ir.CreateMul(amount, e.constant(pointee_size(type))) : amount;
}

const Arithmetic& arithmetic(std::string_view op) {
  const auto* row = std::ranges::find(arithmetics, op, &Arithmetic::op);
  if (row == std::end(arithmetics)) bug("no such operator");
  return *row;
}

bool is_unsigned_word(const Type& type) { return type.is_pointer() || (type.size == 8 && !type.is_signed); }

std::vector<Builtin> operator_rows() {
  std::vector<Builtin> rows;
  for (const Arithmetic& each : arithmetics)
    if (each.op != "-" && each.op != "*" && each.op != "&")
      rows.push_back(row(each.op, 2, "as in C, on 64 bits", arithmetic_type, emit_arithmetic));
  for (const Comparison& each : comparisons)
    rows.push_back(row(each.op, 2, "true or false; == and != also compare texts, addresses and the like", comparison_type, emit_comparison, false,
                       Want::value));
  rows.push_back(row("-", 2, "difference, or negation", minus_type, emit_minus, true));
  rows.push_back(row("*", 2, "product, or what a pointer points to", star_type, emit_star, true));
  rows.push_back(row("&", 2, "bits that both have, or the address of a member", ampersand_type, emit_ampersand, true));
  rows.push_back(row("&&", 2, "both; the right side is looked at only if the left holds", truth_type, emit_and));
  rows.push_back(row("||", 2, "either; the right side is looked at only if the left fails", truth_type, emit_or));
  rows.push_back(row("!", 1, "true for 0, else false", truth_type, emit_not));
  rows.push_back(row("~", 1, "all bits flipped", same_number, emit_complement));
  rows.push_back(row("?:", 3, "condition ? this : that", conditional_type, emit_conditional, false, Want::branch));
  rows.back().params.front().want = Want::value;
  return rows;
}

}  // namespace zeektrace
