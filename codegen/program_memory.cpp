// Memory of a program: locals, scratch, texts, messages. Elements of maps are in program_maps.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

// BPF's stack has 512 bytes, for a program and what it calls; what the compiler spills needs its share, and the walk up
// a user stack takes 250.
constexpr uint32_t stack_budget = 160;
constexpr uint32_t largest_on_stack = 64;
// Copies up to this size are written out as loads and stores.
constexpr uint32_t largest_inline_copy = 64;

constexpr uint64_t no_wakeup = 1;           // BPF_RB_NO_WAKEUP
constexpr uint64_t force_wakeup = 2;        // BPF_RB_FORCE_WAKEUP
constexpr uint32_t scratch_header = 8;      // struct slot: busy
constexpr uint32_t max_stacks = 16384;
constexpr uint32_t most_verdicts = 32768;
constexpr uint32_t most_nodes = 4096;
constexpr uint32_t most_calls = 65536;
constexpr uint32_t most_bodies = 32768;
constexpr uint32_t ring_bytes_control = 64 << 10;
constexpr uint32_t ring_bytes_data = 4 << 20;

// The ring's size in bytes, a power of two of pages: small when all it carries is exit(), print(@m) and the like.
uint32_t ring_bytes(const Program& program) {
  constexpr uint32_t page = 4096;
  if (program.settings.ring_pages != 0) return page * std::bit_ceil(program.settings.ring_pages);
  for (const Record& record : program.records)
    if (!record.fields.empty() || record.kind == Record::Kind::printf) return ring_bytes_data;
  return ring_bytes_control;
}

}  // namespace

llvm::AllocaInst* ProgramEmitter::local(llvm::Type* type) {
  llvm::IRBuilder<>::InsertPointGuard guard(ir);
  ir.SetInsertPoint(entry_, entry_->begin());
  return ir.CreateAlloca(type);
}

// An array's index in memory, for a lookup that follows at once: one cell serves all of them.
llvm::Value* ProgramEmitter::index_cell(uint32_t index) {
  if (!index_cell_) index_cell_ = local(ir.getInt32Ty());
  ir.CreateStore(ir.getInt32(index), index_cell_);
  return index_cell_;
}

llvm::Value* ProgramEmitter::buffer(uint32_t size) {
  size = (size + 7) / 8 * 8;
  if (destination_ && size == destination_room_) return std::exchange(destination_, nullptr);
  // Where loops are functions of their own, the stack is left to them.
  if (size <= largest_on_stack && arena_.stack + size <= stack_budget && !frame_ && !room_.spares_stack) {
    if (!stack_) stack_ = words(stack_budget);
    return on_stack(std::exchange(arena_.stack, arena_.stack + size));
  }
  return in_scratch(scratch_header + std::exchange(arena_.scratch, arena_.scratch + size));
}

llvm::Value* ProgramEmitter::in_scratch(uint32_t offset) {
  use_scratch();
  return ir.CreateConstGEP1_32(ir.getInt8Ty(), ir.CreateLoad(ir.getPtrTy(), slot_), offset);
}

llvm::AllocaInst* ProgramEmitter::words(uint32_t bytes) {
  llvm::AllocaInst* memory = local(llvm::ArrayType::get(ir.getInt64Ty(), bytes / 8));
  memory->setAlignment(llvm::Align(8));
  return memory;
}

llvm::Value* ProgramEmitter::on_stack(uint32_t offset) {
  stack_size_ = std::max(stack_size_, arena_.stack);
  return ir.CreateConstGEP1_32(ir.getInt8Ty(), stack_, offset);
}

// Of the budget only what was used is taken.
void ProgramEmitter::settle_stack() {
  if (!stack_) return;
  stack_->replaceAllUsesWith(words(stack_size_));
  stack_->eraseFromParent();
}

void ProgramEmitter::use_scratch() {
  if (!scratch_taken_at_) scratch_taken_at_ = scratch_at_;
  scratch_size_ = std::max(scratch_size_, arena_.scratch);
}

// Room for the variables that no register holds, as long as the program runs.
void ProgramEmitter::reserve_variables() {
  const uint32_t size = probe_.is_silent ? 0 : probe_.variable_memory;
  if (frame_) words_in_scratch_ = scratch_header + std::exchange(arena_.scratch, arena_.scratch + 8 + probe_.variable_words);
  if (size == 0) return;
  if (!frame_ && !room_.spares_stack && size <= largest_on_stack) {
    stack_ = words(stack_budget);
    memory_on_stack_ = std::exchange(arena_.stack, arena_.stack + size);
  } else {
    memory_in_scratch_ = scratch_header + std::exchange(arena_.scratch, arena_.scratch + size);
  }
}

void ProgramEmitter::take_scratch(llvm::BasicBlock* at) {
  llvm::Instruction* onward = at->getTerminator();
  llvm::BasicBlock* next = onward->getSuccessor(0);
  ir.SetInsertPoint(onward);
  llvm::Value* taken = runtime("zt_scratch_take", {our_map(scratch_map)});
  ir.CreateStore(taken, slot_);
  auto* none = llvm::BasicBlock::Create(module_.context, "no_scratch", function_, exit_);
  auto* begin = llvm::BasicBlock::Create(module_.context, "scratch", function_, next);
  ir.CreateCondBr(ir.CreateIsNull(taken), none, begin);
  onward->eraseFromParent();
  ir.SetInsertPoint(begin);
  if (words_in_scratch_) ir.CreateAlignedStore(constant(0), in_scratch(*words_in_scratch_), llvm::Align(8));
  ir.CreateBr(next);
  ir.SetInsertPoint(none);
  count(LossSite{.counter = Counter::scratch_busy});
  ir.CreateBr(exit_);
}

void ProgramEmitter::release_scratch() {
  if (!scratch_taken_at_) return;
  llvm::Value* slot = ir.CreateLoad(ir.getPtrTy(), slot_);
  when(ir.CreateIsNotNull(slot), [&] { ir.CreateStore(constant(0), slot, true); });
}

void ProgramEmitter::zero(llvm::Value* memory, uint32_t size) {
  if (memory == unpadded_) return;
  if (size <= largest_inline_copy) {
    ir.CreateMemSet(memory, ir.getInt8(0), size, llvm::MaybeAlign(8));
    return;
  }
  // A read that must fail fills the whole destination with zeroes (kernel/trace/bpf_trace.c,
  // bpf_probe_read_kernel_common, since 5.5): one call in the place of a loop.
  helper(HelperId::probe_read_kernel, {memory, ir.getInt32(size), llvm::ConstantPointerNull::get(ir.getPtrTy())});
}

void ProgramEmitter::store(const Operand& operand, llvm::Value* to, const Type& as) {
  const uint32_t storage = as.storage();
  if (operand.value == to || storage == 0) return;
  if (operand.type.is_scalar()) {
    ir.CreateAlignedStore(operand.value, to, llvm::Align(8));
    return;
  }
  if (operand.type.is_tuple() && !same_layout(operand.type, as)) {
    const auto order = item_order(as, operand.type);
    for (size_t i = 0; i < as.items.size(); i++)
      store(item(operand, order ? (*order)[i] : i), ir.CreateConstGEP1_32(ir.getInt8Ty(), to, as.item_offset(i)), as.items[i]);
    return;
  }
  uint32_t size = std::min(operand.type.storage(), storage);
  if (size <= largest_inline_copy)
    ir.CreateMemCpy(to, llvm::MaybeAlign(8), operand.value, llvm::MaybeAlign(8), size);
  else
    helper(HelperId::probe_read_kernel, {to, ir.getInt32(size), operand.value});
  if (operand.type.storage() < storage)
    zero(ir.CreateConstGEP1_32(ir.getInt8Ty(), to, size), storage - size);
  if (operand.type.is_string() && as.is_string() && operand.type.size > as.size)
    // Cut to the room there is; the last byte stays a NUL.
    ir.CreateMemSet(ir.CreateConstGEP1_32(ir.getInt8Ty(), to, as.size - 1), ir.getInt8(0), storage - as.size + 1, llvm::MaybeAlign(1));
}

llvm::Value* ProgramEmitter::helper(HelperId id, std::initializer_list<llvm::Value*> args) {
  std::vector<llvm::Type*> types;
  for (llvm::Value* arg : args) types.push_back(arg->getType());
  auto* signature = llvm::FunctionType::get(ir.getInt64Ty(), types, false);
  auto* address = llvm::ConstantExpr::getIntToPtr(ir.getInt64(static_cast<uint64_t>(id)), ir.getPtrTy());
  return ir.CreateCall(signature, address, std::vector<llvm::Value*>(args));
}

// Reads of memory and what takes their place in a program that may sleep.
struct WaitingRead {
  std::string_view read, waiting;
};
constexpr WaitingRead waiting_reads[] = {{"zt_read", "zt_read_waiting"},
                                         {"zt_read_string", "zt_read_string_waiting"},
                                         {"zt_join", "zt_join_waiting"},
                                         {"zt_name_matches", "zt_name_matches_waiting"},
                                         {"zt_proves", "zt_proves_waiting"}};

llvm::Value* ProgramEmitter::runtime(std::string_view function, std::initializer_list<llvm::Value*> args) {
  for (const auto& [read, waiting] : waiting_reads) {
    if (function != read || !may_wait()) continue;
    function = waiting;
    waits_ = true;
  }
  return ir.CreateCall(module_.runtime(function), std::vector<llvm::Value*>(args));
}

llvm::Value* ProgramEmitter::our_map(std::string_view name) {
  MapShape shape;
  if (name == ring_map) shape = {MapType::ringbuf, 0, 0, ring_bytes(program_), 0};
  else if (name == stack_map) shape = {MapType::hash, 8, sizeof(StackFrames), max_stacks, 1};
  // libbpf makes it as long as the machine has processors (libbpf 1.4, src/libbpf.c, map_set_def_max_entries).
  else if (name.starts_with(event_counter_maps)) shape = {MapType::perf_event_array, 4, 4, 0, 0};
  else if (name == room_map) shape = {MapType::array, 4, 8, 2 * static_cast<uint32_t>(program_.maps.size()), 0};
  // The kernel lets go of the oldest: objects and calls of processes that have ended.
  else if (name == verdict_map) shape = {MapType::lru_hash, 24, 8, most_verdicts, 0};
  else if (name == call_map) shape = {MapType::lru_hash, 16, 8, most_calls, 0};
  else if (name == body_map) shape = {MapType::lru_hash, 16, 24, most_bodies, 0};
  else if (name == node_map) shape = {MapType::hash, 4, 4, most_nodes, 0};
  else if (name == scratch_map) return module_.scratch();
  else bug(fmt::format("no map {}", name));
  return module_.map(name, shape);
}

void ProgramEmitter::count(Counter counter) {
  const auto number = static_cast<uint32_t>(&probe_ - program_.probes.data());
  count(LossSite{counter, std::nullopt, number, ir.getCurrentDebugLocation().getLine()});
}

void ProgramEmitter::count_full(const MapDef& map) {
  count(LossSite{Counter::map_full, program_.map_index.at(map.name), std::nullopt, 0});
}

void ProgramEmitter::count(const LossSite& site) {
  llvm::Value* key = index_cell(module_.loss_cell(site));
  llvm::Value* cell = ir.CreateIntToPtr(helper(HelperId::map_lookup_elem, {module_.counters(), key}), ir.getPtrTy());
  when(ir.CreateIsNotNull(cell), [&] {
    ir.CreateAtomicRMW(llvm::AtomicRMWInst::Add, cell, constant(1), llvm::MaybeAlign(8),
                       llvm::AtomicOrdering::Monotonic);
  });
}

// ---- messages ----

namespace {

// How much of the ring a record leaves to those that matter more: what a script prints may be lost, but not, behind it, what
// it asks to be done, and last of all its end.
uint32_t left_free(const Record& record, uint32_t ring) {
  if (record.kind == Record::Kind::exit) return 0;
  bool is_data = !record.fields.empty() || !record.format.empty();
  return is_data ? ring / 16 : ring / 64;
}

}  // namespace

void ProgramEmitter::message(const Expr& call, const std::function<void(llvm::Value*)>& fill, bool urgent) {
  const uint32_t index = program_.record_of.at(call.id);
  const Record& record = program_.records[index];
  const uint32_t bytes = ring_bytes(program_);
  auto block = [&](const char* name) { return llvm::BasicBlock::Create(module_.context, name, function_, exit_); };
  auto *reserve = block("reserve"), *lost = block("lost"), *room = block("room"), *after = block("sent");
  llvm::Value* ring = our_map(ring_map);
  constexpr uint64_t available_data = 0;  // BPF_RB_AVAIL_DATA
  llvm::Value* queued = helper(HelperId::ringbuf_query, {ring, constant(available_data)});
  const uint64_t most = bytes - left_free(record, bytes);
  ir.CreateCondBr(ir.CreateICmpULE(queued, constant(most < record.size ? 0 : most - record.size)), reserve, lost);
  ir.SetInsertPoint(reserve);
  llvm::Value* memory = ir.CreateIntToPtr(
      helper(HelperId::ringbuf_reserve, {ring, constant(record.size), constant(0)}), ir.getPtrTy());
  ir.CreateCondBr(ir.CreateIsNull(memory), lost, room);
  ir.SetInsertPoint(lost);
  count(LossSite{.counter = Counter::ring_full});
  ir.CreateBr(after);
  ir.SetInsertPoint(room);
  ir.CreateAlignedStore(constant(index), memory, llvm::Align(8));
  fill(memory);
  // Messages wait for the reader's timer; only when much is queued is the reader woken early.
  llvm::Value* is_much = ir.CreateICmpUGE(queued, constant(bytes / 4));
  llvm::Value* wakeup = ir.CreateSelect(is_much, constant(force_wakeup), constant(no_wakeup));
  helper(HelperId::ringbuf_submit, {memory, urgent ? constant(force_wakeup) : wakeup});
  ir.CreateBr(after);
  ir.SetInsertPoint(after);
}

void ProgramEmitter::send(const Expr& call, const std::vector<const Expr*>& fields, bool urgent) {
  const Record& record = program_.records[program_.record_of.at(call.id)];
  if (fields.size() != record.fields.size()) bug("a message with other fields than its record");
  // Scalars are computed before the message is begun; texts are read straight into it.
  std::vector<Operand> values(fields.size());
  for (size_t i = 0; i < fields.size(); i++)
    if (record.fields[i].type.is_scalar()) values[i] = evaluate(*fields[i], nullptr);
  auto fill = [&](llvm::Value* memory) {
    for (size_t i = 0; i < fields.size(); i++) {
      llvm::Value* part = ir.CreateConstGEP1_32(ir.getInt8Ty(), memory, record.fields[i].offset);
      if (!record.fields[i].type.is_scalar()) {
        // decode stops at a text's NUL
        llvm::Value* outer = std::exchange(unpadded_, record.fields[i].type.is_string() ? part : nullptr);
        llvm::Value* outer_size = std::exchange(unpadded_size_, nullptr);
        values[i] = evaluate(*fields[i], part);
        unpadded_ = outer;
        unpadded_size_ = outer_size;
      }
      store(values[i], part, record.fields[i].type);
    }
  };
  message(call, fill, urgent);
}

}  // namespace zeektrace
