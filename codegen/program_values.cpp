// Expressions: literals, variables, fields, casts, steps, and calls, which go to their rows.
#include <fmt/format.h>
#include <llvm/IR/InlineAsm.h>

#include <algorithm>

#include "codegen/builtins/operators.h"
#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

// Check has found that there is one.
size_t item_index(const Type& tuple, const std::string& name) {
  auto named = std::ranges::find(tuple.item_names, name);
  if (named != tuple.item_names.end()) return static_cast<size_t>(named - tuple.item_names.begin());
  return std::stoul(name);
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
  if (auto* node = std::get_if<Call>(&expr.node)) return row(find_called(builtins_, *node));
  if (std::holds_alternative<Variable>(expr.node)) return variable(program_.variable_of.at(expr.id));
  if (auto* node = std::get_if<Tuple>(&expr.node)) return tuple(expr, *node, destination);
  if (auto* node = std::get_if<BlockExpr>(&expr.node)) return block_value(expr, *node, destination);
  if (std::holds_alternative<MapRef>(expr.node)) return load_element(expr);
  if (auto* node = std::get_if<Step>(&expr.node)) return step(*node);
  if (auto* node = std::get_if<Cast>(&expr.node)) return cast(expr, *node);
  if (program_.accesses.contains(expr.id)) {
    offer(destination, type);
    return access(expr);
  }
  if (auto* node = std::get_if<Index>(&expr.node)) {
    const Type& of = type_of(*node->object);
    if (!of.is_tuple()) return character(*node);
    const auto literal = literal_integer(*node->index);
    if (!literal) return list_item(*node);
    return item(evaluate(*node->object, nullptr), static_cast<size_t>(*literal));
  }
  if (auto* node = std::get_if<FieldRef>(&expr.node)) {
    if (const Type& of = type_of(*node->object); of.is_tuple()) return item(evaluate(*node->object, nullptr), item_index(of, node->name));
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

// ---- variables ----

llvm::Value* ProgramEmitter::cell(uint32_t number) {
  const auto& [name, type, place] = probe_.variables.at(number);
  if (type.is_scalar() || type.kind == Type::Kind::none) {
    if (words_in_scratch_) return in_scratch(*words_in_scratch_ + 8 + place);
    cells_.resize(probe_.variables.size());
    if (!cells_[number]) cells_[number] = local(ir.getInt64Ty());
    return cells_[number];
  }
  if (memory_on_stack_) return on_stack(*memory_on_stack_ + place);
  return in_scratch(*memory_in_scratch_ + place);
}

Operand ProgramEmitter::variable(uint32_t number) {
  const Type& type = probe_.variables.at(number).type;
  if (!type.is_scalar()) return {cell(number), type};
  return {ir.CreateLoad(ir.getInt64Ty(), cell(number)), type};
}

void ProgramEmitter::set_variable(const Expr& variable, const Operand& value) {
  const uint32_t number = program_.variable_of.at(variable.id);
  const Type& type = probe_.variables.at(number).type;
  store(narrowed(value, type), cell(number), type);
}

void ProgramEmitter::let(const Let& let) {
  if (let.value) return set_variable(*let.variable, evaluate(*let.value, nullptr));
  const uint32_t number = program_.variable_of.at(let.variable->id);
  const Type& type = probe_.variables.at(number).type;
  if (type.is_scalar()) ir.CreateStore(constant(0), cell(number));
  else if (type.kind != Type::Kind::none) zero(cell(number), type.storage());
}

// What a place of a narrower type keeps of an integer.
Operand ProgramEmitter::narrowed(const Operand& value, const Type& as) {
  if (!as.is_integer() || (as.size == 8 && !as.is_bool) || !value.type.is_scalar()) return value;
  if (as.is_bool) return {ir.CreateZExt(ir.CreateICmpNE(value.value, constant(0)), ir.getInt64Ty()), as};
  llvm::Value* narrow = ir.CreateTrunc(value.value, ir.getIntNTy(as.size * 8));
  return {as.is_signed ? ir.CreateSExt(narrow, ir.getInt64Ty()) : ir.CreateZExt(narrow, ir.getInt64Ty()), as};
}

// ---- tuples, texts, blocks ----

Operand ProgramEmitter::tuple(const Expr& expr, const Tuple& node, llvm::Value* destination) {
  const Type& type = type_of(expr);
  llvm::Value* memory = destination ? destination : buffer(std::max(type.storage(), 8u));
  for (size_t i = 0; i < node.items.size(); i++) {
    llvm::Value* part = ir.CreateConstGEP1_32(ir.getInt8Ty(), memory, type.item_offset(i));
    store(evaluate(*node.items[i], type.items[i].is_scalar() ? nullptr : part), part, type.items[i]);
  }
  return {memory, type};
}

Operand ProgramEmitter::item(const Operand& tuple, size_t index) {
  const Type& type = tuple.type.items.at(index);
  llvm::Value* part = ir.CreateConstGEP1_32(ir.getInt8Ty(), tuple.value, tuple.type.item_offset(index));
  if (!type.is_scalar()) return {part, type};
  return {ir.CreateAlignedLoad(ir.getInt64Ty(), part, llvm::Align(8)), type};
}

// list[index], which is computed; the last one where it is too large.
Operand ProgramEmitter::list_item(const Index& node) {
  const Operand list = evaluate(*node.object, nullptr);
  llvm::Value* index = bounded(integer(*node.index), list.type.items.size() - 1);
  auto* same = llvm::FunctionType::get(ir.getPtrTy(), {ir.getPtrTy()}, false);
  llvm::Value* memory = ir.CreateCall(llvm::InlineAsm::get(same, "", "=r,0", true), {list.value});
  return {ir.CreateLoad(ir.getInt64Ty(), ir.CreateGEP(ir.getInt64Ty(), memory, index)), list.type.items.front()};
}

// text[index]: 0 behind its end.
Operand ProgramEmitter::character(const Index& node) {
  const Operand text = evaluate(*node.object, nullptr);
  llvm::Value* index = bounded(integer(*node.index), text.type.size - 1);
  // Of an aligned pointer LLVM would make `pointer | index`, which the verifier refuses.
  auto* same = llvm::FunctionType::get(ir.getPtrTy(), {ir.getPtrTy()}, false);
  llvm::Value* memory = ir.CreateCall(llvm::InlineAsm::get(same, "", "=r,0", true), {text.value});
  llvm::Value* byte = ir.CreateLoad(ir.getInt8Ty(), ir.CreateGEP(ir.getInt8Ty(), memory, index));
  return {ir.CreateSExt(byte, ir.getInt64Ty()), Type::integer(1, true)};
}

Operand ProgramEmitter::block_value(const Expr& expr, const BlockExpr& node, llvm::Value* destination) {
  const llvm::DebugLoc where = ir.getCurrentDebugLocation();
  llvm::Value* unpadded = std::exchange(unpadded_, nullptr);
  llvm::Value* unpadded_size = std::exchange(unpadded_size_, nullptr);
  llvm::Value* key_cell = std::exchange(key_cell_, nullptr);
  auto* after = node.is_function ? llvm::BasicBlock::Create(module_.context, "", function_, exit_) : nullptr;
  llvm::BasicBlock* outer_return = node.is_function ? std::exchange(return_to_, after) : return_to_;
  const Expr* outer_result = node.is_function ? std::exchange(result_, node.result.get()) : result_;
  const Loop loop = node.is_function ? std::exchange(loop_, {}) : loop_;
  block(node.body);
  if (after) {
    ir.CreateBr(after);
    ir.SetInsertPoint(after);
  }
  return_to_ = outer_return;
  result_ = outer_result;
  loop_ = loop;
  Operand value{nullptr, type_of(expr)};
  if (node.value) value = evaluate(*node.value, destination);
  if (node.result) value = evaluate(*node.result, nullptr);
  unpadded_ = unpadded;
  unpadded_size_ = unpadded_size;
  key_cell_ = key_cell;
  ir.SetCurrentDebugLocation(where);
  return value;
}

// ++ and -- : atomic on a map's element, whose old value is what x++ gives.
Operand ProgramEmitter::step(const Step& step) {
  const Type& type = type_of(*step.target);
  uint64_t width = type.is_pointer() && type.pointee ? std::max(type.pointee->size, 1u) : 1;
  llvm::Value* delta = constant(step.increment ? width : -width);
  auto result = [&](llvm::Value* old) { return step.prefix ? ir.CreateAdd(old, delta) : old; };
  if (std::holds_alternative<Variable>(step.target->node)) {
    llvm::Value* old = evaluate(*step.target, nullptr).value;
    set_variable(*step.target, {ir.CreateAdd(old, delta), type});
    return narrowed({result(old), type}, type);
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
  const Operand value = evaluate(*cast.value, nullptr);
  if (type.is_tuple()) return list_of(value.value, type);
  if (type.is_string()) {
    llvm::Value* memory = buffer(type.storage());
    zero(memory, type.storage());
    read_string(memory, ir.getInt32(type.size), value.value);
    return {memory, type};
  }
  if (type.is_integer() && integer_of_bytes(value.type)) return {narrowed({bytes_of(value), Type::integer(8, false)}, type).value, type};
  return {narrowed(value, type).value, type};
}

// An integer's bytes, some to each item.
Operand ProgramEmitter::list_of(llvm::Value* number, const Type& type) {
  llvm::Value* memory = buffer(type.storage());
  const Type& each = type.items.front();
  for (size_t i = 0; i < type.items.size(); i++) {
    llvm::Value* part = ir.CreateLShr(number, constant(8 * each.size * i));
    llvm::Value* place = ir.CreateConstGEP1_32(ir.getInt8Ty(), memory, type.item_offset(i));
    if (each.is_bool) part = ir.CreateAnd(part, constant(0xff));
    ir.CreateAlignedStore(narrowed({part, Type::integer(8, false)}, each).value, place, llvm::Align(8));
  }
  return {memory, type};
}

// The integer that these bytes are, as the machine orders them.
llvm::Value* ProgramEmitter::bytes_of(const Operand& value) {
  const Type number = *integer_of_bytes(value.type);
  if (value.type.is_array()) return read_integer(value.value, number);
  if (value.type.kind == Type::Kind::inet) {
    constexpr uint32_t ipv4 = 12;  // where it begins within one that is mapped
    llvm::Value* place = ir.CreateConstGEP1_32(ir.getInt8Ty(), value.value, ipv4);
    return ir.CreateZExt(ir.CreateAlignedLoad(ir.getInt32Ty(), place, llvm::Align(4)), ir.getInt64Ty());
  }
  const uint32_t bits = 8 * value.type.items.front().size;
  llvm::Value* whole = constant(0);
  for (size_t i = 0; i < value.type.items.size(); i++) {
    llvm::Value* part = ir.CreateAnd(item(value, i).value, constant(bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1));
    whole = ir.CreateOr(whole, ir.CreateShl(part, constant(bits * i)));
  }
  return whole;
}

llvm::Value* ProgramEmitter::constant_at(const std::vector<uint32_t>& values, llvm::Value* index) {
  if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(index)) return constant(values.at(known->getZExtValue()));
  llvm::Value* at = ir.CreateGEP(ir.getInt32Ty(), module_.numbers(values), bounded(index, values.size() - 1));
  return ir.CreateZExt(ir.CreateLoad(ir.getInt32Ty(), at), ir.getInt64Ty());
}

}  // namespace zeektrace
