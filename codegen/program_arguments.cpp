// The arguments of the probe, and what is reached from them: members, elements, texts.
#include <llvm/IR/InlineAsm.h>

#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

// What does not fit a register is copied whole.
bool is_copied(const Type& type) { return type.kind == Type::Kind::inet || type.kind == Type::Kind::subnet; }
// A record and an array are their address, and what is copied is so from there; all else is read.
bool is_address(const Type& type) { return type.is_record() || type.is_array() || is_copied(type); }

}  // namespace

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
  if (probe_.how->typed_context) loaded = as_number(loaded);
  return loaded;
}

// Negated twice, out of sight of who would make one subtraction of it, it is the same number, and to the verifier no pointer any more: an index may be added, a page computed.
llvm::Value* ProgramEmitter::as_number(llvm::Value* pointer) {
  auto* type = llvm::FunctionType::get(ir.getInt64Ty(), {ir.getInt64Ty()}, false);
  auto* opaque = llvm::InlineAsm::get(type, "", "=r,0", true);
  auto hidden = [&](llvm::Value* value) { return ir.CreateCall(opaque, {value}); };
  return ir.CreateNeg(hidden(ir.CreateNeg(hidden(pointer))));
}

llvm::Value* ProgramEmitter::load_user(const UserMemory& memory, const Type& type) {
  const Type word = Type::integer(8, false);
  llvm::Value* base = load_context(memory.context_offset, 8, false);
  std::vector<int64_t> adds = memory.adds;
  if (memory.index) {
    const auto& [context_offset, scale, from, at] = *memory.index;
    llvm::Value* number = load_context(context_offset, 8, false);
    if (!from.empty()) number = load(number, {from, word});
    const auto before = adds.begin() + static_cast<std::ptrdiff_t>(at);
    if (at > 0) base = load(base, {{adds.begin(), before}, word});
    base = ir.CreateAdd(base, ir.CreateMul(number, constant(scale)));
    adds.erase(adds.begin(), before);
  }
  return load(base, {adds, type});
}

llvm::Value* ProgramEmitter::load_location(const Location& where, const Type& type) {
  uint32_t size = type.is_pointer() ? 8 : type.size;
  if (auto* at = std::get_if<ContextOffset>(&where)) {
    if (!is_address(type)) return load_context(at->offset, size, type.is_signed);
    return ir.CreateAdd(ir.CreatePtrToInt(context(), ir.getInt64Ty()), constant(at->offset));
  }
  if (auto* at = std::get_if<DataLocation>(&where)) {
    llvm::Value* offset = ir.CreateAnd(load_context(at->offset, 4, false), constant(0xffff));
    return ir.CreateAdd(ir.CreatePtrToInt(context(), ir.getInt64Ty()), offset);
  }
  if (auto* chain = std::get_if<Chain>(&where)) {
    const std::vector<int64_t> adds(chain->offsets.begin(), chain->offsets.end());
    return load(load_context(chain->context_offset, 8, false), {adds, type});
  }
  if (auto* memory = std::get_if<UserMemory>(&where)) return load_user(*memory, type);
  if (auto* product = std::get_if<Product>(&where))
    return ir.CreateMul(load_context(product->a_offset, 8, false), load_context(product->b_offset, 8, false));
  if (auto* known = std::get_if<Constant>(&where)) return constant(known->value);
  if (auto* of_call = std::get_if<Remembered>(&where)) {
    if (!recalled_) bug("an object that the call's entry has not remembered");
    return of_call->adds.empty() ? recalled_ : load(recalled_, {of_call->adds, type});
  }
  bug("check let an unavailable argument pass");
}

// A record that came in registers is put into memory once, before anything else runs: its address stays good to the
// program's end.
llvm::Value* ProgramEmitter::in_memory(const Pieces& pieces, const std::string& name) {
  llvm::Value*& address = pieces_[name];
  if (address) return address;
  llvm::AllocaInst* memory = local(llvm::ArrayType::get(ir.getInt64Ty(), pieces.pieces.size()));
  memory->setAlignment(llvm::Align(8));
  std::vector<llvm::Value*> values;
  for (const Pieces::Piece& piece : pieces.pieces) values.push_back(load_context(piece.context_offset, 8, false));
  llvm::IRBuilder<>::InsertPointGuard guard(ir);
  ir.SetInsertPoint(entry_);
  uint32_t offset = 0;
  for (size_t i = 0; i < values.size(); i++) {
    uint32_t size = pieces.pieces[i].size;
    llvm::Value* to = ir.CreateConstGEP1_32(ir.getInt8Ty(), memory, offset);
    for (uint32_t done = 0, part; done < size; done += part) {
      for (part = 8; part > size - done; part /= 2) {}
      llvm::Value* bits = ir.CreateTrunc(ir.CreateLShr(values[i], done * 8), ir.getIntNTy(part * 8));
      ir.CreateAlignedStore(bits, ir.CreateConstGEP1_32(ir.getInt8Ty(), to, done), llvm::Align(1));
    }
    offset += size;
  }
  address = as_number(ir.CreatePtrToInt(memory, ir.getInt64Ty()));
  return address;
}

// One that is read only where it is known to be what it is taken for; else it is 0, or nothing.
llvm::Value* ProgramEmitter::proven_argument(const Field& field) {
  const UserMemory& memory = std::get<UserMemory>(field.where);
  llvm::Value* object = load_location(field.proven->of, Type::integer(8, false));
  llvm::Value* address = if_proven(field.proven->proof, object, [&] {
    return follow(load_context(memory.context_offset, 8, false), {memory.adds, field.type});
  });
  if (is_copied(field.type)) return copied(address, field.type, true);
  if (is_address(field.type)) return address;
  return unless_null(address, [&] { return read_integer(address, field.type); });
}

llvm::Value* ProgramEmitter::argument(const Field& field) {
  if (field.proven) return proven_argument(field);
  if (field.type.is_string() || field.type.kind == Type::Kind::type_name) {
    auto* at = std::get_if<ContextOffset>(&field.where);
    llvm::Value* characters = at ? nullptr : load_location(field.where, Type::integer(8, false));
    llvm::Value* memory = buffer(field.type.storage());
    if (characters) {
      zero(memory, field.type.storage());
      read_string(memory, ir.getInt32(field.type.size), characters);
      return memory;
    }
    if (field.type.storage() != field.type.size) zero(memory, field.type.storage());
    llvm::Value* from = ir.CreateConstGEP1_32(ir.getInt8Ty(), context(), at->offset);
    helper(HelperId::probe_read_kernel, {memory, ir.getInt32(field.type.size), from});
    return memory;
  }
  auto* pieces = std::get_if<Pieces>(&field.where);
  llvm::Value* value = pieces ? in_memory(*pieces, field.name) : load_location(field.where, field.kept_as.value_or(field.type));
  if (pieces && !is_address(field.type)) return read_integer(value, field.type);
  // A typed context has a word for each argument, of which a narrower one fills only the lower bytes.
  if (probe_.how->typed_context && field.type.is_integer() && field.type.size < 8) {
    value = ir.CreateTrunc(value, ir.getIntNTy(field.type.size * 8));
    return field.type.is_signed ? ir.CreateSExt(value, ir.getInt64Ty()) : ir.CreateZExt(value, ir.getInt64Ty());
  }
  if (is_copied(field.type)) return copied(value, field.type);
  const Type* type = &field.type;
  while (type->is_reference) {
    type = type->pointee.get();
    if (!is_address(*type)) value = read_integer(value, *type);
  }
  return value;
}

llvm::Value* ProgramEmitter::read_integer(llvm::Value* address, const Type& type) {
  uint32_t size = type.is_pointer() ? 8 : type.size;
  if (!word_cell_) word_cell_ = local(ir.getInt64Ty());
  llvm::Value* status = runtime("zt_read", {word_cell_, ir.getInt32(size), address});
  when(ir.CreateICmpSLT(status, constant(0)), [&] { count(Counter::read_failed); });
  llvm::Value* value = ir.CreateLoad(ir.getIntNTy(size * 8), word_cell_);
  return type.is_signed ? ir.CreateSExt(value, ir.getInt64Ty()) : ir.CreateZExt(value, ir.getInt64Ty());
}

void ProgramEmitter::read_string(llvm::Value* memory, llvm::Value* size, llvm::Value* address) {
  const bool is_key = unpadded_size_ && memory == unpadded_;
  llvm::Value* status = is_key ? read_key_text(memory, size, address) : runtime("zt_read_string", {memory, size, address});
  when(ir.CreateICmpSLT(status, constant(0)), [&] { count(Counter::read_failed); });
}

void ProgramEmitter::read_bytes(llvm::Value* memory, llvm::Value* size, llvm::Value* address) {
  llvm::Value* status = runtime("zt_read", {memory, size, address});
  when(ir.CreateICmpSLT(status, constant(0)), [&] { count(Counter::read_failed); });
}

// ---- members and elements ----

llvm::Value* ProgramEmitter::follow(llvm::Value* object, const AccessPath& place) {
  const Type word = Type::integer(8, false);
  llvm::Value* address = object;
  for (size_t i = 0; i < place.adds.size(); i++) {
    if (i > 0) address = read_integer(address, word);
    if (place.adds[i] != 0) address = ir.CreateAdd(address, constant(static_cast<uint64_t>(place.adds[i])));
  }
  return address;
}

llvm::Value* ProgramEmitter::load(llvm::Value* object, const AccessPath& place) {
  llvm::Value* address = follow(object, place);
  if (is_address(place.type)) return address;
  if (place.bit_size == 0) return read_integer(address, place.type);
  llvm::Value* whole = read_integer(address, Type::integer(place.type.size, false));
  uint64_t above = 64u - place.bit_offset - place.bit_size;
  llvm::Value* high = ir.CreateShl(whole, above);
  uint64_t unused = 64u - place.bit_size;
  return place.type.is_signed ? ir.CreateAShr(high, unused) : ir.CreateLShr(high, unused);
}

// The bytes at an address, zero-padded; none for the address 0 of what is not there.
llvm::Value* ProgramEmitter::copied(llvm::Value* address, const Type& type, bool can_be_unset) {
  llvm::Value* memory = buffer(type.storage());
  zero(memory, type.storage());
  auto copy = [&] { read_bytes(memory, ir.getInt32(type.size), address); };
  if (can_be_unset) when(ir.CreateICmpNE(address, constant(0)), copy);
  else copy();
  return memory;
}

// A word that `body` gives if the condition holds, else 0.
llvm::Value* ProgramEmitter::word_if(llvm::Value* condition, const std::function<llvm::Value*()>& body) {
  llvm::AllocaInst* cell = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), cell);
  when(condition, [&] { ir.CreateStore(body(), cell); });
  return ir.CreateLoad(ir.getInt64Ty(), cell);
}

// Where a member stands; 0 where this object has none. What is reached from an object that is not there is not there
// either, and has been counted with it.
llvm::Value* ProgramEmitter::place_of(llvm::Value* object, const Access& access) {
  if (!access.present) return follow(object, access.place);
  return word_if(ir.CreateICmpNE(object, constant(0)), [&]() -> llvm::Value* {
    if (!access.proof) return present_place(object, access);
    llvm::Value* description = follow(object, {access.proof->description, Type::integer(8, false)});
    return if_proven(*access.proof, description, [&] { return present_place(object, access); });
  });
}

llvm::Value* ProgramEmitter::present_place(llvm::Value* object, const Access& access) {
  llvm::Value* is_there = ir.CreateICmpNE(compute(object, *access.present), constant(0));
  llvm::Value* address = word_if(is_there, [&] { return follow(object, access.place); });
  llvm::Value* other = word_if(ir.CreateNot(is_there), [&]() -> llvm::Value* {
    if (!access.otherwise) count(Counter::unset);
    bool leads = access.otherwise && !access.otherwise->adds.empty();
    return leads ? follow(object, *access.otherwise) : constant(0);
  });
  return ir.CreateOr(address, other);
}

llvm::Value* ProgramEmitter::compute(llvm::Value* object, const Count& count) {
  llvm::Value* sum = constant(static_cast<uint64_t>(count.fixed));
  for (const Count::Term& term : count.terms) {
    llvm::Value* number = load(object, term.from);
    if (term.less) number = ir.CreateSub(number, load(object, *term.less));
    // Never negative in an object that is whole.
    if (term.divide > 1) number = ir.CreateUDiv(number, constant(term.divide));
    if (term.multiply > 1) number = ir.CreateMul(number, constant(term.multiply));
    sum = ir.CreateAdd(sum, number);
  }
  return sum;
}

// An element's address; 0 for an index that is not below the bound, which is counted.
llvm::Value* ProgramEmitter::element(const Access& access, const Index& node) {
  llvm::Value* object = integer(*node.object);
  llvm::Value* index = integer(*node.index);
  llvm::Value* address = ir.CreateAdd(follow(object, access.place), ir.CreateMul(index, constant(access.stride)));
  if (!access.bound) return address;
  llvm::Value* inside = ir.CreateICmpULT(index, compute(object, *access.bound));
  when(ir.CreateNot(inside), [&] { count(Counter::index_outside); });
  return ir.CreateSelect(inside, address, constant(0));
}

// 0, and no failed read beside the index that was counted, where there is no element.
llvm::Value* ProgramEmitter::unless_null(llvm::Value* address, const std::function<llvm::Value*()>& read) {
  llvm::AllocaInst* value = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), value);
  when(ir.CreateICmpNE(address, constant(0)), [&] { ir.CreateStore(read(), value); });
  return ir.CreateLoad(ir.getInt64Ty(), value);
}

Operand ProgramEmitter::access(const Expr& expr) {
  const Access& access = program_.accesses.at(expr.id);
  if (auto* node = std::get_if<Index>(&expr.node)) {
    llvm::Value* address = element(access, *node);
    const Type& type = access.place.type;
    if (is_address(type)) return {address, type};
    if (!access.bound) return {read_integer(address, type), type};
    return {unless_null(address, [&] { return read_integer(address, type); }), type};
  }
  const Expr& of = *std::get<FieldRef>(expr.node).object;
  llvm::Value* object = integer(of);
  const Type& type = access.place.type;
  // Nothing is read of an object that is not there.
  auto if_there = [&](const std::function<llvm::Value*()>& read) {
    return type_of(of).can_be_unset ? word_if(ir.CreateICmpNE(object, constant(0)), read) : read();
  };
  if (access.count) return {if_there([&] { return compute(object, *access.count); }), Type::integer(8, false)};
  bool can_be_unset = access.present.has_value();
  if (!can_be_unset && !is_copied(type)) return {if_there([&] { return load(object, access.place); }), type};
  llvm::Value* address = place_of(object, access);
  if (is_copied(type)) return {copied(address, type, can_be_unset), type};
  if (is_address(type)) return {address, type};
  return {word_if(ir.CreateICmpNE(address, constant(0)), [&] { return read_integer(address, type); }), type};
}

Operand ProgramEmitter::reached(const Expr& expr, llvm::Value* record) {
  const AccessPath& place = program_.accesses.at(expr.id).place;
  return {load(record, place), place.type};
}

llvm::Value* ProgramEmitter::address(const Expr& expr) {
  if (std::holds_alternative<Variable>(expr.node)) return as_number(ir.CreatePtrToInt(cell_of(expr), ir.getInt64Ty()));
  if (std::holds_alternative<MapRef>(expr.node)) return element_address(expr);
  auto found = program_.accesses.find(expr.id);
  if (found == program_.accesses.end()) return integer(expr);
  if (auto* node = std::get_if<Index>(&expr.node)) return element(found->second, *node);
  return place_of(integer(*std::get<FieldRef>(expr.node).object), found->second);
}

// The pointer may be null where an iterator is at its end: the verifier wants to see that it is not.
void ProgramEmitter::with_kernels_own(const Expr& expr, const std::function<void(llvm::Value*)>& body) {
  if (auto* call = std::get_if<Call>(&expr.node)) return with_kernels_own(*call->args[0], body);
  const FieldRef& node = std::get<FieldRef>(expr.node);
  auto access = program_.accesses.find(expr.id);
  const bool is_member = access != program_.accesses.end();
  const uint64_t at = is_member ? static_cast<uint64_t>(access->second.place.adds[0]) : 0;
  const bool is_word = !is_member || std::holds_alternative<Name>(node.object->node);  // of the context
  if (!is_word)
    return with_kernels_own(*node.object, [&](llvm::Value* object) { body(ir.CreateConstGEP1_64(ir.getInt8Ty(), object, at)); });
  const auto offset = is_member ? static_cast<uint32_t>(at) : std::get<ContextOffset>(field("args." + node.name)->where).offset;
  llvm::Value* address = ir.CreateConstGEP1_32(ir.getInt8Ty(), context(), offset);
  llvm::Value* word = ir.CreateAlignedLoad(ir.getPtrTy(), address, llvm::Align(8), true);
  when(ir.CreateIsNotNull(word), [&] { body(word); });
}

// ---- texts ----

Operand ProgramEmitter::text(const Expr& expr, llvm::Value* most) {
  const TextSource& source = program_.texts.at(expr.id);
  const Type& type = type_of(expr);
  llvm::Value* destination = std::exchange(destination_, nullptr);
  const Operand object = natural(expr, nullptr);
  destination_ = destination;
  llvm::Value* memory = buffer(type.storage());
  zero(memory, type.storage());
  auto read = [&] {
    llvm::Value* from = load(object.value, source.data);
    // One more than the characters, for the NUL. A length may be any number in an object that is not whole.
    llvm::Value* length = constant(type.size - 1);
    if (source.length) length = bounded(compute(object.value, *source.length), type.size - 1);
    if (most) length = bounded(ir.CreateBinaryIntrinsic(llvm::Intrinsic::umin, length, most), type.size - 1);
    auto characters = [&] { read_string(memory, ir.CreateTrunc(ir.CreateAdd(length, constant(1)), ir.getInt32Ty()), from); };
    // An empty std::string_view may point nowhere: there is nothing to read, and nothing fails.
    if (source.length)
      when(ir.CreateICmpNE(length, constant(0)), characters);
    else
      characters();
  };
  if (source.length || object.type.can_be_unset) {
    ir.CreateStore(ir.getInt8(0), memory);  // memory may have been left as it was: see unpadded_
    if (unpadded_size_ && memory == unpadded_) ir.CreateStore(constant(1), unpadded_size_);
  }
  if (object.type.can_be_unset)
    when(ir.CreateICmpNE(object.value, constant(0)), read);
  else
    read();
  return {memory, type};
}

}  // namespace zeektrace
