// The programs of probes that are wanted for objects of certain names only (NameFilter): the verdict on an object, and calls
// that are remembered from their entry to their return.
#include <fmt/format.h>

#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

// Verdicts of names.bpf.c.
constexpr uint64_t yes = 1;
constexpr uint64_t not_kept = 2 | 4;  // not read; of something that comes and goes

// Verdicts of proofs have numbers above those of the probes' names, of which check lets fewer pass.
constexpr uint32_t first_proof = 1 << 16;

}  // namespace

// {(number << 32) | tgid, word} and, behind it, which program of the process it is, in memory of the program's own, good until
// the next one is asked for.
llvm::Value* ProgramEmitter::process_key(uint32_t number, llvm::Value* word, llvm::Value* life) {
  if (!process_key_) process_key_ = local(llvm::ArrayType::get(ir.getInt64Ty(), 3));
  llvm::AllocaInst* key = process_key_;
  key->setAlignment(llvm::Align(8));
  llvm::Value* tgid = ir.CreateLShr(helper(HelperId::get_current_pid_tgid, {}), constant(32));
  llvm::Value* words[] = {ir.CreateOr(tgid, constant(uint64_t{number} << 32)), word, life};
  for (uint32_t i = 0; i < 3; i++)
    if (words[i]) ir.CreateAlignedStore(words[i], ir.CreateConstGEP1_32(ir.getInt8Ty(), key, 8 * i), llvm::Align(8));
  return key;
}

// Which program of a process this is. A kernel without BTF does not say: there what a process has been before an exec counts.
llvm::Value* ProgramEmitter::life() { return program_.has_kernel_types ? runtime("zt_life", {}) : constant(0); }

llvm::Value* ProgramEmitter::element_of(std::string_view map, llvm::Value* key) {
  return ir.CreateIntToPtr(helper(HelperId::map_lookup_elem, {our_map(map), key}), ir.getPtrTy());
}

// Whether an object's name and what else is asked of it are wanted, found out from the object: 0 or 1, and a bit that says
// that the answer is not to be kept.
llvm::Value* ProgramEmitter::look_at_object(const NameFilter& filter, llvm::Value* object) {
  llvm::AllocaInst* verdict = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), verdict);
  auto* after = llvm::BasicBlock::Create(module_.context, "looked", function_, exit_);
  auto go_on_if = [&](llvm::Value* condition) {
    auto* next = llvm::BasicBlock::Create(module_.context, "", function_, after);
    ir.CreateCondBr(condition, next, after);
    ir.SetInsertPoint(next);
  };
  for (const auto& [adds, size, value] : filter.require)
    go_on_if(ir.CreateICmpEQ(load(object, {adds, Type::integer(size, false)}), constant(value)));
  llvm::Value* name = follow(object, {filter.text, Type::integer(1, false)});
  auto matches = [&](const std::string& glob) -> llvm::Value* {
    return runtime("zt_name_matches", {constant(module_.pattern(glob)), name});
  };
  llvm::Value* wanted = matches(filter.pattern);
  ir.CreateStore(wanted, verdict);
  for (const std::string& taken : filter.except) {
    go_on_if(ir.CreateICmpNE(ir.CreateAnd(wanted, constant(yes)), constant(0)));
    wanted = ir.CreateAnd(wanted, ir.CreateNot(ir.CreateAnd(matches(taken), constant(yes))));
    ir.CreateStore(wanted, verdict);
  }
  ir.CreateBr(after);
  ir.SetInsertPoint(after);
  return ir.CreateLoad(ir.getInt64Ty(), verdict);
}

// What `look` finds out of an object, by a number of the filter: one lookup, once it is known. An i1.
llvm::Value* ProgramEmitter::remembered_verdict(uint32_t number, llvm::Value* object, const std::function<llvm::Value*()>& look) {
  llvm::Value* key = process_key(number, object, life());
  llvm::Value* known = element_of(verdict_map, key);
  if (!verdict_cell_) verdict_cell_ = local(ir.getInt64Ty());
  llvm::AllocaInst* verdict = verdict_cell_;
  auto* remembered = llvm::BasicBlock::Create(module_.context, "known", function_, exit_);
  auto* unknown = llvm::BasicBlock::Create(module_.context, "unknown", function_, exit_);
  auto* after = llvm::BasicBlock::Create(module_.context, "judged", function_, exit_);
  ir.CreateCondBr(ir.CreateIsNull(known), unknown, remembered);
  ir.SetInsertPoint(remembered);
  ir.CreateStore(ir.CreateLoad(ir.getInt64Ty(), known), verdict);
  ir.CreateBr(after);
  ir.SetInsertPoint(unknown);
  llvm::Value* found = look();
  ir.CreateStore(ir.CreateAnd(found, constant(yes)), verdict);
  when(ir.CreateICmpEQ(ir.CreateAnd(found, constant(not_kept)), constant(0)),
       [&] { helper(HelperId::map_update_elem, {our_map(verdict_map), key, verdict, constant(0)}); });
  ir.CreateBr(after);
  ir.SetInsertPoint(after);
  return ir.CreateICmpNE(ir.CreateLoad(ir.getInt64Ty(), verdict), constant(0));
}

// Where the address is that such a field is; null where it is not read from the process's memory.
llvm::Value* ProgramEmitter::standing_at(const Location& where) {
  const Type word = Type::integer(8, false);
  if (const auto* memory = std::get_if<UserMemory>(&where); memory && !memory->index)
    return follow(load_context(memory->context_offset, 8, false), {memory->adds, word});
  if (const auto* of_call = std::get_if<Remembered>(&where); of_call && recalled_ && !of_call->adds.empty())
    return follow(recalled_, {of_call->adds, word});
  return nullptr;
}

// The kernel side's struct known_text: its size, and the text. A key that is nothing but the name needs no copy of it.
Operand ProgramEmitter::lasting_name(const Field& field, const Type& type) {
  llvm::Value* memory = buffer(type.storage());
  const bool is_key = unpadded_size_ && memory == unpadded_;
  llvm::AllocaInst* place = local(ir.getPtrTy());
  ir.CreateStore(memory, place);
  llvm::Value* slot = program_.has_kernel_types ? standing_at(field.where) : nullptr;
  llvm::Value* known = slot ? runtime("zt_known_name", {slot}) : llvm::ConstantPointerNull::get(ir.getPtrTy());
  llvm::Value* is_known = ir.CreateIsNotNull(known);
  when(ir.CreateNot(is_known), [&] {
    zero(memory, type.storage());
    read_string(memory, ir.getInt32(type.size), load_location(field.where, Type::integer(8, false)));
  });
  when(is_known, [&] {
    llvm::Value* text = ir.CreateConstGEP1_32(ir.getInt8Ty(), known, 8);
    if (!is_key || !key_cell_) {
      ir.CreateStore(text, place);
      return;
    }
    ir.CreateStore(text, key_cell_);
    ir.CreateStore(ir.CreateLoad(ir.getInt64Ty(), known), unpadded_size_);
  });
  return {ir.CreateLoad(ir.getPtrTy(), place), type};
}

llvm::Value* ProgramEmitter::is_wanted(const NameFilter& filter, llvm::Value* object) {
  if (filter.passes_all()) return ir.getTrue();
  auto look = [&] { return look_at_object(filter, object); };
  if (filter.is_passing) return ir.CreateICmpNE(ir.CreateAnd(look(), constant(yes)), constant(0));
  return remembered_verdict(probe_.names, object, look);
}

// What `body` gives where the proof holds of what this address describes, else 0, which is counted.
llvm::Value* ProgramEmitter::if_proven(const Proof& proof, llvm::Value* description,
                                       const std::function<llvm::Value*()>& body) {
  const uint32_t number = module_.proof(proof);
  auto look = [&]() -> llvm::Value* { return runtime("zt_proves", {constant(number), description}); };
  llvm::Value* holds = proof.is_passing ? ir.CreateICmpNE(ir.CreateAnd(look(), constant(yes)), constant(0))
                                        : remembered_verdict(first_proof + number, description, look);
  llvm::Value* unproven = ir.CreateNot(holds);
  when(unproven, [&] { count(Counter::unproven); });
  return word_if(holds, body);
}

llvm::Value* ProgramEmitter::frame_pointer() {
  const Mechanism::Frame& frame = *probe_.how->frame;
  return ir.CreateAdd(load_context(frame.context_offset, 8, false), constant(static_cast<uint64_t>(frame.add)));
}

// At the entry: the call's object, or 0 in the place of what an earlier call there has left behind.
void ProgramEmitter::remember(uint32_t number, llvm::Value* object, llvm::Value* wanted) {
  llvm::AllocaInst* word = local(ir.getInt64Ty());
  ir.CreateStore(ir.CreateSelect(wanted, object, constant(0)), word);
  llvm::Value* key = process_key(number, frame_pointer());
  llvm::Value* there = element_of(call_map, key);
  llvm::Value* is_there = ir.CreateIsNotNull(there);
  when(is_there, [&] { ir.CreateStore(ir.CreateLoad(ir.getInt64Ty(), word), there); });
  when(ir.CreateAnd(wanted, ir.CreateNot(is_there)), [&] {
    llvm::Value* status = helper(HelperId::map_update_elem, {our_map(call_map), key, word, constant(0)});
    when(ir.CreateICmpSLT(status, constant(0)), [&] { count(Counter::map_full); });
  });
}

// At the return.
void ProgramEmitter::recall(uint32_t number) {
  llvm::Value* there = element_of(call_map, process_key(number, frame_pointer()));
  continue_if(ir.CreateIsNotNull(there));
  recalled_ = ir.CreateLoad(ir.getInt64Ty(), there);
  continue_if(ir.CreateICmpNE(recalled_, constant(0)));
  ir.CreateStore(constant(0), there);
}

// Which body of a script's handler begins: it is what the program remembers.
void ProgramEmitter::follow_bodies() {
  const BodyWalk& walk = *probe_.bodies;
  const Type word = Type::integer(8, false);
  llvm::Value* thread = helper(HelperId::get_current_pid_tgid, {});
  llvm::Value* process = ir.CreateOr(ir.CreateLShr(thread, constant(32)), constant(uint64_t{probe_.bodies_of} << 32));
  llvm::Value* map = our_map(body_map);
  if (probe_.is_silent) {
    runtime("zt_body_called", {map, process, thread, load_location(walk.function, word), load_location(walk.arguments, word)});
    return;
  }
  llvm::Value* frame = load_context(walk.frame, 8, false);
  llvm::Value* first = load_context(walk.first, 4, false);
  recalled_ = runtime("zt_body_begins", {map, process, thread, frame, first, ir.getInt32(walk.frame_function),
                                         ir.getInt32(walk.bodies), ir.getInt32(walk.body_size), ir.getInt32(walk.disabled)});
  continue_if(ir.CreateICmpNE(recalled_, constant(0)));
}

void ProgramEmitter::names() {
  if (probe_.only) filter_names();
  if (probe_.bodies) follow_bodies();
}

void ProgramEmitter::filter_names() {
  if (probe_.how->at_return) {
    if (probe_.recalls) recall(*probe_.recalls);
    return;
  }
  if (probe_.only->passes_all() && probe_.remembers.empty()) return;
  llvm::Value* object = load_location(probe_.only->object, Type::integer(8, false));
  llvm::Value* wanted = is_wanted(*probe_.only, object);
  for (const uint32_t number : probe_.remembers) remember(number, object, wanted);
  continue_if(wanted);
}

}  // namespace zeektrace
