// Expressions: literals, variables, fields, casts, steps, and calls, which go to their rows.
#include <fmt/format.h>

#include "codegen/builtins/operators.h"
#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

// A binary or unary operator and a function are rows of different forms; the parser tells them by their first letter.
Builtin::Form form_of(const std::string& function) {
  unsigned char first = static_cast<unsigned char>(function[0]);
  return std::isalpha(first) || first == '_' ? Builtin::Form::function : Builtin::Form::op;
}

}  // namespace

Operand ProgramEmitter::evaluate(const Expr& expr, llvm::Value* destination) {
  llvm::Value* outer = std::exchange(destination_, nullptr);
  const uint32_t outer_room = destination_room_;
  Operand result;
  if (program_.texts.contains(expr.id)) {
    offer(destination, type_of(expr));
    result = text(expr, nullptr);
  } else {
    result = natural(expr, destination);
  }
  destination_ = outer;
  destination_room_ = outer_room;
  return result;
}

// The next buffer() of that value's size may be there. What a row needs besides has other sizes, or its value needs no memory.
void ProgramEmitter::offer(llvm::Value* destination, const Type& type) {
  destination_ = type.is_scalar() ? nullptr : destination;
  destination_room_ = type.storage();
}

// What the expression is before anything is made of it. Its parts first take their own memory; the destination is
// offered only to the row itself.
Operand ProgramEmitter::natural(const Expr& expr, llvm::Value* destination) {
  const Type& type = type_of(expr);
  destination_ = nullptr;
  auto row = [&](const Builtin* builtin) {
    if (!builtin || !builtin->emit) bug("check let an unknown builtin pass");
    offer(destination, type);
    return builtin->emit(*this, expr);
  };
  auto constant_value = program_.constants.find(expr.id);
  if (constant_value != program_.constants.end()) {
    if (auto* number = std::get_if<uint64_t>(&constant_value->second)) return {constant(*number), type};
    return literal(std::get<std::string>(constant_value->second));
  }
  if (auto* node = std::get_if<Number>(&expr.node)) return {constant(node->value), type};
  if (auto* node = std::get_if<String>(&expr.node)) return literal(node->value);
  if (auto* node = std::get_if<Name>(&expr.node)) return row(find_builtin(builtins_, node->name, Builtin::Form::variable));
  if (auto* node = std::get_if<Call>(&expr.node)) return row(find_builtin(builtins_, node->function, form_of(node->function)));
  if (auto* node = std::get_if<Variable>(&expr.node)) return variable(node->name);
  if (std::holds_alternative<MapRef>(expr.node)) return load_element(expr);
  if (auto* node = std::get_if<Step>(&expr.node)) return step(*node);
  if (auto* node = std::get_if<Cast>(&expr.node)) return cast(expr, *node);
  if (program_.accesses.contains(expr.id)) {
    offer(destination, type);
    return access(expr);
  }
  if (auto* node = std::get_if<FieldRef>(&expr.node)) {
    const Field* found = field("args." + node->name);
    if (!found) bug("check let an unknown argument pass");
    offer(destination, type);
    return {argument(*found), type};
  }
  bug("an expression that emit does not know");
}

std::optional<int64_t> ProgramEmitter::literal_integer(const Expr& expr) const {
  auto resolved = program_.constants.find(expr.id);
  if (resolved != program_.constants.end()) {
    auto* number = std::get_if<uint64_t>(&resolved->second);
    return number ? std::optional<int64_t>(static_cast<int64_t>(*number)) : std::nullopt;
  }
  if (auto* number = std::get_if<Number>(&expr.node)) return static_cast<int64_t>(number->value);
  auto* call = std::get_if<Call>(&expr.node);
  if (call && call->args.size() == 1 && call->function == "-")
    if (auto inner = literal_integer(*call->args[0])) return -*inner;
  return std::nullopt;
}

std::optional<std::string> ProgramEmitter::literal_string(const Expr& expr) const {
  auto resolved = program_.constants.find(expr.id);
  if (resolved != program_.constants.end()) {
    auto* text = std::get_if<std::string>(&resolved->second);
    return text ? std::optional<std::string>(*text) : std::nullopt;
  }
  auto* string = std::get_if<String>(&expr.node);
  return string ? std::optional<std::string>(string->value) : std::nullopt;
}

Operand ProgramEmitter::literal(const std::string& text) {
  return {module_.text(text), Type::string(static_cast<uint32_t>(text.size() + 1))};
}

Operand ProgramEmitter::variable(const std::string& name) {
  const Operand& cell = variables_.at(name);
  if (!cell.type.is_scalar()) return cell;
  return {ir.CreateLoad(ir.getInt64Ty(), cell.value), cell.type};
}

// ++ and -- : atomic on a map's element, whose old value is what x++ gives.
Operand ProgramEmitter::step(const Step& step) {
  const Type& type = type_of(*step.target);
  uint64_t width = type.is_pointer() && type.pointee ? std::max(type.pointee->size, 1u) : 1;
  llvm::Value* delta = constant(step.increment ? width : -width);
  auto result = [&](llvm::Value* old) { return step.prefix ? ir.CreateAdd(old, delta) : old; };
  if (auto* name = std::get_if<Variable>(&step.target->node)) {
    llvm::Value* cell = variables_.at(name->name).value;
    llvm::Value* old = ir.CreateLoad(ir.getInt64Ty(), cell);
    ir.CreateStore(ir.CreateAdd(old, delta), cell);
    return {result(old), type};
  }
  llvm::Value* value = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), value);
  with_element(*step.target, [&](llvm::Value* element) {
    llvm::Value* old = ir.CreateAtomicRMW(llvm::AtomicRMWInst::Add, element, delta, llvm::MaybeAlign(8),
                                          llvm::AtomicOrdering::Monotonic);
    ir.CreateStore(result(old), value);
  });
  return {ir.CreateLoad(ir.getInt64Ty(), value), type};
}

Operand ProgramEmitter::cast(const Expr& expr, const Cast& cast) {
  const Type& type = type_of(expr);
  llvm::Value* value = integer(*cast.value);
  if (type.is_pointer() || type.size == 8) return {value, type};
  if (type.is_bool)
    return {ir.CreateZExt(ir.CreateICmpNE(value, constant(0)), ir.getInt64Ty()), type};
  llvm::Value* narrow = ir.CreateTrunc(value, ir.getIntNTy(type.size * 8));
  return {type.is_signed ? ir.CreateSExt(narrow, ir.getInt64Ty()) : ir.CreateZExt(narrow, ir.getInt64Ty()), type};
}

llvm::Value* ProgramEmitter::constant_at(const std::vector<uint32_t>& values, llvm::Value* index) {
  if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(index)) return constant(values.at(known->getZExtValue()));
  llvm::Value* at = ir.CreateGEP(ir.getInt32Ty(), module_.numbers(values), bounded(index, values.size() - 1));
  return ir.CreateZExt(ir.CreateLoad(ir.getInt32Ty(), at), ir.getInt64Ty());
}

}  // namespace zeektrace
