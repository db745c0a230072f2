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
  const Type& type = type_of(expr);
  auto row = [&](const Builtin* builtin) {
    if (!builtin || !builtin->emit) bug("check let an unknown builtin pass");
    // Arguments first take their own memory; the destination is offered only to the row itself.
    destination_ = destination;
    return builtin->emit(*this, expr);
  };
  Operand result = [&]() -> Operand {
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
    if (auto* node = std::get_if<FieldRef>(&expr.node)) {
      const Field* found = field("args." + node->name);
      if (!found) bug("check let an unknown argument pass");
      destination_ = destination;
      return {argument(*found), type};
    }
    bug("an expression that emit does not know");
  }();
  destination_ = outer;
  return result;
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

// ---- arguments of the probe ----

const Field* ProgramEmitter::field(std::string_view name) const {
  for (const Field& each : probe_.fields)
    if (each.name == name) return &each;
  return nullptr;
}

// Reads of the context stand in the entry block, once each, and can't be moved or merged: the verifier wants them at
// constant offsets from the context's own pointer.
llvm::Value* ProgramEmitter::load_context(uint32_t offset, uint32_t size, bool is_signed) {
  llvm::Value*& loaded = context_loads_[{offset, size * 2 + is_signed}];
  if (loaded) return loaded;
  llvm::IRBuilder<>::InsertPointGuard guard(ir);
  ir.SetInsertPoint(entry_);
  llvm::Value* address = ir.CreateConstGEP1_32(ir.getInt8Ty(), context(), offset);
  llvm::Value* value = ir.CreateAlignedLoad(ir.getIntNTy(size * 8), address, llvm::Align(size), true);
  loaded = is_signed ? ir.CreateSExt(value, ir.getInt64Ty()) : ir.CreateZExt(value, ir.getInt64Ty());
  return loaded;
}

llvm::Value* ProgramEmitter::load_location(const Location& where, const Type& type) {
  uint32_t size = type.is_pointer() ? 8 : type.size;
  if (auto* at = std::get_if<ContextOffset>(&where)) return load_context(at->offset, size, type.is_signed);
  if (auto* at = std::get_if<DataLocation>(&where)) {
    llvm::Value* offset = ir.CreateAnd(load_context(at->offset, 4, false), constant(0xffff));
    return ir.CreateAdd(ir.CreatePtrToInt(context(), ir.getInt64Ty()), offset);
  }
  if (auto* chain = std::get_if<Chain>(&where)) {
    llvm::Value* address = load_context(chain->context_offset, 8, false);
    for (size_t i = 0; i < chain->offsets.size(); i++) {
      bool last = i + 1 == chain->offsets.size();
      address = ir.CreateAdd(address, constant(chain->offsets[i]));
      address = read_integer(address, last ? type : Type::integer(8, false));
    }
    return address;
  }
  if (auto* at = std::get_if<UserMemory>(&where)) {
    llvm::Value* address = user_address(*at);
    return type.is_record() || type.is_array() ? address : read_integer(address, type);
  }
  if (auto* known = std::get_if<Constant>(&where)) return constant(known->value);
  bug("check let an unavailable argument pass");
}

llvm::Value* ProgramEmitter::user_address(const UserMemory& at) {
  llvm::Value* address = load_context(at.context_offset, 8, false);
  if (at.index) {
    llvm::Value* index = load_context(at.index->context_offset, 8, false);
    address = ir.CreateAdd(address, ir.CreateMul(index, constant(at.index->scale)));
  }
  for (size_t i = 0; i < at.adds.size(); i++) {
    if (i > 0) address = read_integer(address, Type::integer(8, false));
    address = ir.CreateAdd(address, constant(static_cast<uint64_t>(at.adds[i])));
  }
  return address;
}

llvm::Value* ProgramEmitter::argument(const Field& field) {
  if (!field.type.is_string()) return load_location(field.where, field.kept_as.value_or(field.type));
  auto* at = std::get_if<ContextOffset>(&field.where);
  if (!at) bug("a text argument that is not in the context");
  llvm::Value* memory = buffer(field.type.storage());
  if (field.type.storage() != field.type.size) zero(memory, field.type.storage());
  llvm::Value* from = ir.CreateConstGEP1_32(ir.getInt8Ty(), context(), at->offset);
  helper(HelperId::probe_read_kernel, {memory, ir.getInt32(field.type.size), from});
  return memory;
}

llvm::Value* ProgramEmitter::read_integer(llvm::Value* address, const Type& type) {
  uint32_t size = type.is_pointer() ? 8 : type.size;
  if (!word_cell_) word_cell_ = local(ir.getInt64Ty());
  llvm::Value* status = runtime("zt_read", {word_cell_, ir.getInt32(size), address});
  when(ir.CreateICmpSLT(status, constant(0)), [&] { count(Counter::read_failed); });
  llvm::Value* value = ir.CreateLoad(ir.getIntNTy(size * 8), word_cell_);
  return type.is_signed ? ir.CreateSExt(value, ir.getInt64Ty()) : ir.CreateZExt(value, ir.getInt64Ty());
}

}  // namespace zeektrace
