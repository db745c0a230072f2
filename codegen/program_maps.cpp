// Elements of the script's maps: their keys, and what is found, made, stored and removed under them.
#include <llvm/IR/InlineAsm.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fstream>

#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

constexpr uint64_t no_exist = 1;  // BPF_NOEXIST
constexpr uint64_t exist = 2;     // BPF_EXIST
// The first bytes of a text are cleared before it is read, which costs less than to clear what is left behind it.
constexpr uint32_t cleared_first = 64;
// Room on the BPF stack for a key that is one short text. The kernel checks whose memory it copies to from the process
// (CONFIG_HARDENED_USERCOPY), which takes 45 ns for what is not the kernel's stack: neither scratch memory is, nor the stack of
// a program that uses 64 bytes of it or more (BPF_PRIV_STACK_MIN_SIZE, kernel/bpf/verifier.c, Linux 6.13).
constexpr uint32_t short_key_size = 32;

// How many processors the kernel has memory for: "0-7" in that file.
uint32_t possible_processors() {
  static const uint32_t number = [] {
    std::ifstream file("/sys/devices/system/cpu/possible");
    std::string text;
    file >> text;
    const size_t last = text.find_last_of("-,");
    const int highest = std::atoi(text.c_str() + (last == text.npos ? 0 : last + 1));
    return static_cast<uint32_t>(std::clamp(highest + 1, 1, 4096));
  }();
  return number;
}

}  // namespace

const MapDef& ProgramEmitter::map(const Expr& map_ref) const {
  return program_.maps[program_.map_index.at(std::get<MapRef>(map_ref.node).name)];
}

const Expr& ProgramEmitter::target() const {
  if (!target_) bug("a map_value row outside of an assignment");
  return *target_;
}

ProgramEmitter::Key ProgramEmitter::key(const Expr& map_ref, const Expr* given) {
  const MapDef& def = map(map_ref);
  std::vector<const Expr*> keys;
  if (given) keys.push_back(given);
  else for (const ExprPtr& each : std::get<MapRef>(map_ref.node).keys) keys.push_back(each.get());
  if (def.keys.empty()) return {index_cell(0)};
  if (def.is_by_frame) return frame_key();
  const auto long_one = def.long_text();
  // Behind a long text there is as much again, so that the verifier need not know where it ends: see pad_text().
  uint32_t size = def.key_size() + (long_one ? def.keys[*long_one].storage() : 0);
  // The key is built in place; an expression within it must not take it for its own destination.
  llvm::Value* destination = std::exchange(destination_, nullptr);
  Key key{buffer(size)};
  destination_ = destination;
  std::optional<Operand> whole;  // a tuple that is all keys
  const Type& only = type_of(*keys[0]);
  if (keys.size() == 1 && only.is_tuple() && !only.is_list && only.item_names.empty()) whole = evaluate(*keys[0], nullptr);
  for (size_t i = 0; i < def.keys.size(); i++) {
    llvm::Value* part = ir.CreateConstGEP1_32(ir.getInt8Ty(), key.memory, part_key_offset(def, i));
    if (i == long_one && whole) {
      key.text_size = copied_text(item(*whole, i), def.keys[i], part);
    } else if (i == long_one) {
      llvm::AllocaInst* cell = keys.size() == 1 && !arena_.short_key && !room_.spares_stack ? local(ir.getPtrTy()) : nullptr;
      if (cell) ir.CreateStore(key.memory, cell);
      llvm::Value* outer = std::exchange(key_cell_, cell);
      key.text_size = long_text(*keys[i], def.keys[i], part);
      key_cell_ = outer;
      if (cell) key.memory = ir.CreateLoad(ir.getPtrTy(), cell);
    } else if (whole) {
      store(item(*whole, i), part, def.keys[i]);
    } else {
      bool same_size = type_of(*keys[i]).storage() == def.keys[i].storage() && !def.keys[i].is_tuple();
      store(evaluate(*keys[i], same_size ? part : nullptr), part, def.keys[i]);
    }
  }
  return key;
}

// The size of a text that is copied to a key, its NUL included.
llvm::Value* ProgramEmitter::copied_text(const Operand& text, const Type& type, llvm::Value* to) {
  zero(to, cleared_first);
  llvm::Value* copied = helper(HelperId::probe_read_kernel_str, {to, ir.getInt32(type.storage()), text.value});
  return ir.CreateSelect(ir.CreateICmpSLT(copied, constant(0)), constant(1), copied);
}

// The process and the stack pointer of a call, in place of the thread.
ProgramEmitter::Key ProgramEmitter::frame_key() {
  llvm::Value* destination = std::exchange(destination_, nullptr);
  Key key{buffer(sizeof(FrameKey))};
  destination_ = destination;
  const Mechanism* how = probe_.points.front().how;
  const Mechanism::Frame& frame = how->with_frame ? *how->with_frame->frame : *how->frame;
  llvm::Value* tgid = ir.CreateLShr(helper(HelperId::get_current_pid_tgid, {}), constant(32));
  llvm::Value* stack = ir.CreateAdd(load_context(frame.context_offset, 8, false), constant(static_cast<uint64_t>(frame.add)));
  ir.CreateAlignedStore(tgid, key.memory, llvm::Align(8));
  ir.CreateAlignedStore(stack, ir.CreateConstGEP1_32(ir.getInt8Ty(), key.memory, 8), llvm::Align(8));
  return key;
}

// The word with what tells later whether the call still is there.
llvm::Value* ProgramEmitter::frame_word(const MapDef& def, llvm::Value* value, const Key& key) {
  llvm::Value* memory = buffer(sizeof(FrameWord));
  ir.CreateAlignedStore(value, memory, llvm::Align(8));
  llvm::Value* there = ir.CreateConstGEP1_32(ir.getInt8Ty(), memory, offsetof(FrameWord, return_address));
  ir.CreateAlignedStore(constant(0), there, llvm::Align(8));
  if (!def.frame_stays) return memory;
  llvm::Value* stack = ir.CreateLoad(ir.getInt64Ty(), ir.CreateConstGEP1_32(ir.getInt8Ty(), key.memory, offsetof(FrameKey, stack)));
  runtime("zt_read", {there, ir.getInt32(8), stack});
  return memory;
}

// Puts a text where it belongs in a key, without padding but for the first bytes, and gives its size, the NUL included.
llvm::Value* ProgramEmitter::long_text(const Expr& expr, const Type& type, llvm::Value* to) {
  zero(to, cleared_first);
  llvm::AllocaInst* size = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), size);
  llvm::Value* outer = std::exchange(unpadded_, to);
  llvm::Value* outer_size = std::exchange(unpadded_size_, size);
  Operand text = evaluate(expr, to);
  unpadded_ = outer;
  unpadded_size_ = outer_size;
  // Where it was not read, or on another way: copied, onto itself when it is there already, which gives the length.
  when(ir.CreateICmpEQ(ir.CreateLoad(ir.getInt64Ty(), size), constant(0)), [&] {
    llvm::Value* copied = helper(HelperId::probe_read_kernel_str, {to, ir.getInt32(type.storage()), text.value});
    ir.CreateStore(ir.CreateSelect(ir.CreateICmpSLT(copied, constant(0)), constant(1), copied), size);
  });
  return ir.CreateLoad(ir.getInt64Ty(), size);
}

// Gives the status of the read. A text that could not be read is left all zero: it has one byte.
llvm::Value* ProgramEmitter::read_key_text(llvm::Value* memory, llvm::Value* size, llvm::Value* from) {
  llvm::AllocaInst* status = local(ir.getInt64Ty());
  auto read = [&] { ir.CreateStore(runtime("zt_read_string", {memory, size, from}), status); };
  if (key_cell_) {
    ir.CreateStore(read_short_text(size, from), status);
    ir.CreateStore(short_key_, key_cell_);
    // One that fills the room may have been cut.
    llvm::Value* chars = ir.CreateSub(ir.CreateLoad(ir.getInt64Ty(), status), constant(1));
    when(ir.CreateICmpUGE(chars, constant(short_key_size - 1)), [&] {
      ir.CreateStore(memory, key_cell_);
      read();
    });
  } else {
    read();
  }
  llvm::Value* result = ir.CreateLoad(ir.getInt64Ty(), status);
  ir.CreateStore(ir.CreateSelect(ir.CreateICmpSLT(result, constant(0)), constant(1), result), unpadded_size_);
  return result;
}

llvm::Value* ProgramEmitter::read_short_text(llvm::Value* size, llvm::Value* from) {
  if (!short_key_) short_key_ = words(short_key_size);
  arena_.short_key = true;
  ir.CreateMemSet(short_key_, ir.getInt8(0), short_key_size, llvm::MaybeAlign(8));
  llvm::Value* most = ir.CreateBinaryIntrinsic(llvm::Intrinsic::umin, size, ir.getInt32(short_key_size));
  if (!may_wait() || !program_.has_kernel_types) return runtime("zt_read_string", {short_key_, most, from});
  waits_ = true;
  auto* signature = llvm::FunctionType::get(
      ir.getInt32Ty(), {ir.getPtrTy(), ir.getInt32Ty(), ir.getPtrTy(), ir.getInt64Ty()}, false);
  llvm::Function* copy = module_.kernel_function("bpf_copy_from_user_str", signature, true);
  return runtime("zt_copy_string", {short_key_, most, from, copy});
}

// Runs `body` for the part in which such a key belongs.
void ProgramEmitter::in_part(const MapDef& def, const Key& key, const std::function<void(llvm::Value*)>& body) {
  const std::vector<MapPart> parts = parts_of(def);
  auto* after = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  for (const MapPart& part : parts) {
    llvm::BasicBlock* next = nullptr;
    if (&part != &parts.back()) {
      auto* here = llvm::BasicBlock::Create(module_.context, "", function_, after);
      next = llvm::BasicBlock::Create(module_.context, "", function_, after);
      ir.CreateCondBr(ir.CreateICmpULE(key.text_size, constant(part.text_room)), here, next);
      ir.SetInsertPoint(here);
    }
    if (part.text_room > cleared_first) pad_text(def, part, key);
    body(module_.map(part.name, shape_of(def, part)));
    ir.CreateBr(after);
    if (next) ir.SetInsertPoint(next);
  }
  ir.SetInsertPoint(after);
}

// Clears what is behind the text. A read that must fail fills its destination with zeroes (see zero()); the verifier does
// not see that offset and size add up to the room, and wants room for the largest of both.
void ProgramEmitter::pad_text(const MapDef& def, const MapPart& part, const Key& key) {
  llvm::Value* end = bounded(key.text_size, part.text_room);
  llvm::Value* left = bounded(ir.CreateSub(constant(part.text_room), end), part.text_room);
  llvm::Value* text = ir.CreateConstGEP1_32(ir.getInt8Ty(), key.memory, part_key_offset(def, *def.long_text()));
  helper(HelperId::probe_read_kernel, {ir.CreateGEP(ir.getInt8Ty(), text, end), ir.CreateTrunc(left, ir.getInt32Ty()),
                                       llvm::ConstantPointerNull::get(ir.getPtrTy())});
}

llvm::Value* ProgramEmitter::lookup(llvm::Value* part, const Key& key) {
  llvm::Value* found = helper(HelperId::map_lookup_elem, {part, key.memory});
  // Each part's lookup is a call of its own: the verifier turns one whose map is known into the map's own code.
  llvm::cast<llvm::CallInst>(found)->addFnAttr(llvm::Attribute::NoMerge);
  return ir.CreateIntToPtr(found, ir.getPtrTy());
}

// A pointer to the element, or null.
llvm::Value* ProgramEmitter::find(const MapDef& def, const Key& key,
                                  const std::function<void(llvm::Value* part)>& if_missing) {
  llvm::AllocaInst* found = local(ir.getPtrTy());
  in_part(def, key, [&](llvm::Value* part) {
    ir.CreateStore(lookup(part, key), found);
    if (!if_missing) return;
    when(ir.CreateIsNull(ir.CreateLoad(ir.getPtrTy(), found)), [&] {
      if_missing(part);
      ir.CreateStore(lookup(part, key), found);
    });
  });
  return ir.CreateLoad(ir.getPtrTy(), found);
}

// Makes an element, unless another CPU was first. Several parts share the map's one limit.
llvm::Value* ProgramEmitter::insert(const MapDef& def, llvm::Value* part, const Key& key, llvm::Value* value) {
  auto update = [&] { return helper(HelperId::map_update_elem, {part, key.memory, value, constant(no_exist)}); };
  if (!def.long_text()) return update();
  llvm::Value* rooms = our_map(room_map);
  llvm::Value* number = ir.getInt32(program_.map_index.at(def.name));
  llvm::AllocaInst* status = local(ir.getInt64Ty());
  ir.CreateStore(constant(-1ULL), status);
  llvm::Value* taken = runtime("zt_room_take", {rooms, number, constant(def.max_entries)});
  when(ir.CreateICmpNE(taken, constant(0)), [&] {
    llvm::Value* made = update();
    ir.CreateStore(made, status);
    when(ir.CreateICmpSLT(made, constant(0)), [&] { runtime("zt_room_give", {rooms, number}); });
  });
  return ir.CreateLoad(ir.getInt64Ty(), status);
}

void ProgramEmitter::with_element(const Expr& map_ref, const std::function<void(llvm::Value*)>& body) {
  const MapDef& def = map(map_ref);
  if (def.is_in_session) return body(word_of_call());
  const Key at = key(map_ref);
  std::function<void(llvm::Value*)> make;
  if (!def.keys.empty())
    make = [&](llvm::Value* part) { insert(def, part, at, module_.zeros(def.value.storage())); };
  llvm::Value* element = find(def, at, make);
  llvm::Value* is_there = ir.CreateIsNotNull(element);
  if (make) when(ir.CreateNot(is_there), [&] { count_full(def); });
  when(is_there, [&] { body(element); });
}

// What an aggregation has come to on all processors.
llvm::Value* ProgramEmitter::reduced(const MapDef& def, llvm::Value* part, llvm::Value* key) {
  const Type& type = def.value;
  llvm::Value* processors = ir.getInt32(possible_processors());
  auto total = [&](uint32_t word) { return runtime("zt_total", {part, key, ir.getInt32(word), processors}); };
  switch (type.kind) {
    case Type::Kind::count:
    case Type::Kind::sum: return total(0);
    case Type::Kind::avg: {
      llvm::Value* count = total(0);
      return runtime(type.is_signed ? "zt_signed_divide" : "zt_divide", {total(1), count});
    }
    case Type::Kind::min:
    case Type::Kind::max: {
      llvm::Value* none = constant(extreme_rank(0, type.is_signed, type.kind == Type::Kind::min));
      return ir.CreateXor(runtime("zt_highest", {part, key, none, processors}), none);
    }
    default: bug("check let an aggregation be read that is no number");
  }
}

Operand ProgramEmitter::load_element(const Expr& map_ref) {
  const MapDef& def = map(map_ref);
  if (def.is_in_session) return {ir.CreateLoad(ir.getInt64Ty(), word_of_call()), def.value};
  llvm::Value* destination = std::exchange(destination_, nullptr);
  const Key at = key(map_ref);
  destination_ = destination;
  return element_with(def, at);
}

// What the element with this key holds; a missing one holds 0, or nothing.
Operand ProgramEmitter::element_with(const MapDef& def, const Key& at) {
  if (def.value.is_aggregate()) {
    llvm::AllocaInst* value = local(ir.getInt64Ty());
    in_part(def, at, [&](llvm::Value* part) { ir.CreateStore(reduced(def, part, at.memory), value); });
    return {ir.CreateLoad(ir.getInt64Ty(), value), value_of(def.value)};
  }
  llvm::Value* destination = std::exchange(destination_, nullptr);
  llvm::Value* found = find(def, at, nullptr);
  destination_ = destination;
  if (!def.value.is_scalar()) {
    // Copied, since another CPU may write it; a missing one gives zeroes (see zero()).
    llvm::Value* memory = buffer(def.value.storage());
    helper(HelperId::probe_read_kernel, {memory, ir.getInt32(def.value.storage()), found});
    return {memory, def.value};
  }
  llvm::AllocaInst* value = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), value);
  when(ir.CreateIsNotNull(found), [&] { ir.CreateStore(ir.CreateLoad(ir.getInt64Ty(), found), value); });
  return {ir.CreateLoad(ir.getInt64Ty(), value), def.value};
}

void ProgramEmitter::store_element(const Expr& target, const Operand& value) {
  const MapDef& def = map(target);
  uint32_t storage = def.value.storage();
  if (def.keys.empty() || def.is_in_session) {
    with_element(target, [&](llvm::Value* element) { store(value, element, def.value); });
    return;
  }
  llvm::Value* memory = value.value;
  if (!def.is_by_frame && (def.value.is_scalar() || !same_layout(value.type, def.value))) {
    memory = buffer(storage);
    store(value, memory, def.value);
  }
  const Key at = key(target);
  if (def.is_by_frame) memory = frame_word(def, value.value, at);
  llvm::AllocaInst* status = local(ir.getInt64Ty());
  in_part(def, at, [&](llvm::Value* part) {
    auto update = [&](uint64_t flags) {
      return helper(HelperId::map_update_elem, {part, at.memory, memory, constant(flags)});
    };
    ir.CreateStore(update(at.text_size ? exist : 0), status);
    if (!at.text_size) return;
    when(ir.CreateICmpSLT(ir.CreateLoad(ir.getInt64Ty(), status), constant(0)),
         [&] { ir.CreateStore(insert(def, part, at, memory), status); });
  });
  when(ir.CreateICmpSLT(ir.CreateLoad(ir.getInt64Ty(), status), constant(0)), [&] { count_full(def); });
}

llvm::Value* ProgramEmitter::remove(const MapDef& def, const Key& key) {
  llvm::AllocaInst* removed = local(ir.getInt64Ty());
  in_part(def, key, [&](llvm::Value* part) {
    llvm::Value* is_done = ir.CreateICmpEQ(helper(HelperId::map_delete_elem, {part, key.memory}), constant(0));
    ir.CreateStore(ir.CreateZExt(is_done, ir.getInt64Ty()), removed);
    if (!key.text_size) return;
    when(is_done, [&] { runtime("zt_room_give", {our_map(room_map), ir.getInt32(program_.map_index.at(def.name))}); });
  });
  return ir.CreateLoad(ir.getInt64Ty(), removed);
}

llvm::Value* ProgramEmitter::erase(const Expr& map_ref, const Expr* given) {
  const MapDef& def = map(map_ref);
  if (def.value.kind == Type::Kind::none) return constant(0);  // nothing was ever put in
  if (def.is_in_session) {
    llvm::Value* was_there = has(map_ref, given);
    ir.CreateStore(constant(0), word_of_call());
    return was_there;
  }
  if (!def.keys.empty()) return remove(def, key(map_ref, given));
  if (!def.value.is_aggregate())
    with_element(map_ref, [&](llvm::Value* element) { zero(element, def.value.storage()); });
  return constant(1);
}

namespace {

// Whether there is something at that address, as a number that LLVM does not know the origin of: `number || has_key(…)` would become
// `(number | address) != 0`, which the verifier does not allow.
llvm::Value* is_some(llvm::IRBuilder<>& ir, llvm::Value* address) {
  llvm::Value* number = ir.CreateZExt(ir.CreateIsNotNull(address), ir.getInt64Ty());
  auto* same = llvm::FunctionType::get(ir.getInt64Ty(), {ir.getInt64Ty()}, false);
  return ir.CreateCall(llvm::InlineAsm::get(same, "", "=r,0", true), {number});
}

}  // namespace

llvm::Value* ProgramEmitter::has(const Expr& map_ref, const Expr* given) {
  const MapDef& def = map(map_ref);
  if (!def.is_in_session) return is_some(ir, find(def, key(map_ref, given), nullptr));
  return ir.CreateZExt(ir.CreateICmpNE(ir.CreateLoad(ir.getInt64Ty(), word_of_call()), constant(0)), ir.getInt64Ty());
}

// 0 where there is none.
llvm::Value* ProgramEmitter::element_address(const Expr& map_ref) {
  const MapDef& def = map(map_ref);
  llvm::AllocaInst* address = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), address);
  llvm::Value* found = def.is_in_session ? word_of_call() : find(def, key(map_ref), nullptr);
  when(ir.CreateIsNotNull(found), [&] { ir.CreateStore(as_number(ir.CreatePtrToInt(found, ir.getInt64Ty())), address); });
  return ir.CreateLoad(ir.getInt64Ty(), address);
}

llvm::Value* ProgramEmitter::take(const Expr& map_ref, const Expr& given, const Expr& variable) {
  const MapDef& def = map(map_ref);
  const Key at = key(map_ref, &given);
  llvm::Value* is_there = is_some(ir, find(def, at, nullptr));
  when(ir.CreateICmpNE(is_there, constant(0)), [&] { set_variable(variable, element_with(def, at)); });
  return is_there;
}

}  // namespace zeektrace
