// Loops whose body is a function of its own, which the kernel calls for each round (bpf_loop) or for each element of a map
// (bpf_for_each_map_elem): the verifier looks at it once, however many rounds there are. What the function shares with the
// program stands in a frame on the program's stack, to which it is given a pointer:
//   context · scratch slot · leaving · attach point · object of the call · word of the call
// Pointers that are kept there stay pointers to the verifier. `leaving` says why the rounds ended early. Variables stand in
// scratch memory, behind the number of rounds that all loops have made: of what is in there the verifier knows nothing, and so
// follows no loop round by round to see what comes of it; and the stack is left to those that stand in one another.
#include <fmt/format.h>

#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

constexpr uint32_t frame_context = 0;
constexpr uint32_t frame_slot = 8;
constexpr uint32_t frame_leaving = 16;
constexpr uint32_t frame_point = 24;
constexpr uint32_t frame_object = 32;
constexpr uint32_t frame_word_of_call = 40;
constexpr uint32_t frame_size = 48;

constexpr uint64_t leaves_function = 1;
constexpr uint64_t leaves_program = 2;
constexpr uint64_t leaves_loop = 3;

}  // namespace

void ProgramEmitter::make_frame() {
  if (probe_.has_callbacks && !probe_.is_silent) {
    frame_ = local(llvm::ArrayType::get(ir.getInt64Ty(), frame_size / 8));
    llvm::cast<llvm::AllocaInst>(frame_)->setAlignment(llvm::Align(8));
    slot_ = frame_word(frame_slot);
  } else {
    slot_ = local(ir.getPtrTy());
  }
  reserve_variables();
}

// What is known only after the program has begun.
void ProgramEmitter::share_with_callbacks() {
  if (!frame_) return;
  ir.CreateAlignedStore(context(), frame_word(frame_context), llvm::Align(8));
  ir.CreateAlignedStore(constant(0), frame_word(frame_leaving), llvm::Align(8));
  if (gate_index_) ir.CreateAlignedStore(gate_index_, frame_word(frame_point), llvm::Align(8));
  if (recalled_) ir.CreateAlignedStore(recalled_, frame_word(frame_object), llvm::Align(8));
  if (probe_.pair) ir.CreateAlignedStore(function_->getArg(1), frame_word(frame_word_of_call), llvm::Align(8));
}

// The word of a session's call, which is what such a map's one element is.
llvm::Value* ProgramEmitter::word_of_call() {
  if (!probe_.pair) bug("a word of a call outside of a session");
  if (!in_callback_) return function_->getArg(1);
  return ir.CreateAlignedLoad(ir.getPtrTy(), frame_word(frame_word_of_call), llvm::Align(8));
}

// What belongs to the function that is being written.
struct ProgramEmitter::Outer {
  explicit Outer(ProgramEmitter& e) : e_(e), point_(e.ir.saveIP()), where_(e.ir.getCurrentDebugLocation()) {}
  ~Outer() {
    std::tie(e_.function_, e_.entry_, e_.exit_, e_.context_, e_.frame_, e_.slot_) = functions_;
    std::tie(e_.index_cell_, e_.word_cell_, e_.short_key_, e_.steps_cell_, e_.gate_index_, e_.recalled_) = cells_;
    std::tie(e_.return_to_, e_.in_callback_, e_.target_) = way_;
    e_.context_loads_ = std::move(loads_);
    e_.pieces_ = std::move(pieces_);
    e_.loop_ = loop_;
    e_.arena_ = arena_;
    e_.ir.restoreIP(point_);
    e_.ir.SetCurrentDebugLocation(where_);
  }

 private:
  ProgramEmitter& e_;
  llvm::IRBuilderBase::InsertPoint point_;
  llvm::DebugLoc where_;
  std::tuple<llvm::Function*, llvm::BasicBlock*, llvm::BasicBlock*, llvm::Value*, llvm::Value*, llvm::Value*> functions_{
      e_.function_, e_.entry_, e_.exit_, e_.context_, e_.frame_, e_.slot_};
  std::tuple<llvm::AllocaInst*, llvm::AllocaInst*, llvm::AllocaInst*, llvm::AllocaInst*, llvm::Value*, llvm::Value*> cells_{
      e_.index_cell_, e_.word_cell_, e_.short_key_, e_.steps_cell_, e_.gate_index_, e_.recalled_};
  std::tuple<llvm::BasicBlock*, bool, const Expr*> way_{e_.return_to_, e_.in_callback_, e_.target_};
  decltype(e_.context_loads_) loads_ = std::exchange(e_.context_loads_, {});
  decltype(e_.pieces_) pieces_ = std::exchange(e_.pieces_, {});
  Loop loop_ = e_.loop_;
  Arena arena_ = e_.arena_;
};

// A function of so many arguments, of which the last is the frame.
llvm::Function* ProgramEmitter::callback(size_t arguments, const std::function<void(llvm::Function*)>& body) {
  Outer outer(*this);
  const unsigned line = ir.getCurrentDebugLocation().getLine();
  const unsigned column = ir.getCurrentDebugLocation().getCol();
  llvm::Function* round = module_.callback(fmt::format("{}_round{}", probe_.function, callbacks_++), arguments, line);
  const bool in_function = return_to_ != nullptr;
  function_ = round;
  auto new_block = [&](const char* name) { return llvm::BasicBlock::Create(module_.context, name, round); };
  entry_ = new_block("entry");
  auto* start = new_block("start");
  loop_ = {new_block("next"), new_block("stop")};
  return_to_ = in_function ? new_block("return") : nullptr;
  exit_ = new_block("exit");
  in_callback_ = true;
  index_cell_ = word_cell_ = short_key_ = steps_cell_ = nullptr;

  ir.SetInsertPoint(entry_);
  ir.SetCurrentDebugLocation(llvm::DILocation::get(module_.context, line, column, round->getSubprogram()));
  frame_ = round->getArg(static_cast<unsigned>(arguments - 1));
  slot_ = frame_word(frame_slot);
  context_ = ir.CreateAlignedLoad(ir.getPtrTy(), frame_word(frame_context), llvm::Align(8), true);
  auto shared = [&](uint32_t offset) { return ir.CreateAlignedLoad(ir.getInt64Ty(), frame_word(offset), llvm::Align(8)); };
  if (gate_index_) gate_index_ = shared(frame_point);
  if (recalled_) recalled_ = shared(frame_object);

  ir.SetInsertPoint(start);
  count_round();
  body(round);
  ir.CreateBr(loop_.next);
  ir.SetInsertPoint(loop_.next);
  ir.CreateRet(constant(0));
  auto ends = [&](llvm::BasicBlock* at, uint64_t leaving) {
    if (!at) return;
    ir.SetInsertPoint(at);
    ir.CreateAlignedStore(constant(leaving), frame_word(frame_leaving), llvm::Align(8));
    ir.CreateRet(constant(1));
  };
  ends(loop_.after, leaves_loop);
  ends(return_to_, leaves_function);
  ends(exit_, leaves_program);
  ir.SetInsertPoint(entry_);
  ir.CreateBr(start);
  return round;
}

// Ends the loop when all loops of this run have made the rounds that there are: each of those around it ends at its next one.
void ProgramEmitter::count_round() {
  llvm::Value* made = in_scratch(*words_in_scratch_);
  llvm::Value* before = ir.CreateAlignedLoad(ir.getInt64Ty(), made, llvm::Align(8));
  ir.CreateAlignedStore(ir.CreateAdd(before, constant(1)), made, llvm::Align(8));
  when(ir.CreateICmpUGE(before, constant(most_rounds)), [&] {
    count(Counter::loop_cut);
    jump(loop_.after);
  });
}

// Goes where the rounds that ended early wanted to; `done` is behind the loop.
void ProgramEmitter::after_rounds(llvm::BasicBlock* done) {
  llvm::Value* leaving = ir.CreateAlignedLoad(ir.getInt64Ty(), frame_word(frame_leaving), llvm::Align(8));
  auto* go_on = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  auto* ways = ir.CreateSwitch(leaving, go_on);
  ways->addCase(ir.getInt64(leaves_program), exit_);
  auto lead = [&](uint64_t reason, llvm::BasicBlock* to) {
    auto* here = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
    ways->addCase(ir.getInt64(reason), here);
    ir.SetInsertPoint(here);
    ir.CreateAlignedStore(constant(0), frame_word(frame_leaving), llvm::Align(8));
    ir.CreateBr(to);
  };
  lead(leaves_loop, done);
  if (return_to_) lead(leaves_function, return_to_);
  ir.SetInsertPoint(go_on);
}

// for ($i : from..to). Both ends are looked at once.
void ProgramEmitter::count_rounds(const For& loop) {
  const uint32_t number = program_.variable_of.at(loop.variable->id);
  const uint32_t first = number + 1;
  llvm::Value* from = integer(*loop.from);
  llvm::Value* to = integer(*loop.to);
  ir.CreateStore(from, cell(first));
  const bool is_signed = probe_.variables[number].type.is_signed;
  llvm::Value* is_some = is_signed ? ir.CreateICmpSLT(from, to) : ir.CreateICmpULT(from, to);
  llvm::Value* rounds = ir.CreateSelect(is_some, ir.CreateSub(to, from), constant(0));
  llvm::Value* made = ir.CreateBinaryIntrinsic(llvm::Intrinsic::umin, rounds, constant(most_rounds));
  // The verifier takes the round's number for any number, and so has seen all rounds soon.
  llvm::Function* round = callback(2, [&](llvm::Function* function) {
    llvm::Value* before = ir.CreateLoad(ir.getInt64Ty(), cell(first));
    ir.CreateStore(ir.CreateAdd(before, function->getArg(0)), cell(number));
    block(loop.body);
  });
  // Without a round the verifier would not look at the function, and then not find it (kernel/bpf/verifier.c, 6.18).
  auto* some = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  auto* done = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  ir.CreateCondBr(ir.CreateICmpNE(made, constant(0)), some, done);
  ir.SetInsertPoint(some);
  helper(HelperId::loop, {ir.CreateTrunc(made, ir.getInt32Ty()), round, frame_, constant(0)});
  after_rounds(done);
  when(ir.CreateICmpUGT(rounds, constant(most_rounds)), [&] { count(Counter::loop_cut); });
  ir.CreateBr(done);
  ir.SetInsertPoint(done);
}

// The condition is looked at first in each round.
void ProgramEmitter::repeat(const While& loop) {
  llvm::Function* round = callback(2, [&](llvm::Function*) {
    auto* go_on = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
    ir.CreateCondBr(truth(*loop.condition), go_on, loop_.after);
    ir.SetInsertPoint(go_on);
    block(loop.body);
  });
  auto* done = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  helper(HelperId::loop, {ir.getInt32(most_rounds), round, frame_, constant(0)});
  after_rounds(done);
  count(Counter::loop_cut);
  ir.CreateBr(done);
  ir.SetInsertPoint(done);
}

// for ($kv : @map). The parts of a map differ in the room that they have for a text, which ends with its NUL.
void ProgramEmitter::each_element(const For& loop) {
  const MapDef& def = map(*loop.from);
  const uint32_t number = program_.variable_of.at(loop.variable->id);
  llvm::Function* round = callback(4, [&](llvm::Function* function) {
    load_entry(def, function, number);
    block(loop.body);
  });
  auto* done = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  for (const MapPart& part : parts_of(def)) {
    helper(HelperId::for_each_map_elem, {module_.map(part.name, shape_of(def, part)), round, frame_, constant(0)});
    after_rounds(done);
  }
  ir.CreateBr(done);
  ir.SetInsertPoint(done);
}

void ProgramEmitter::load_entry(const MapDef& def, llvm::Function* round, uint32_t number) {
  llvm::Value* to = cell(number);
  llvm::Value *map = round->getArg(0), *key = round->getArg(1), *value = round->getArg(2);
  auto behind = [&](llvm::Value* memory, uint32_t offset) { return ir.CreateConstGEP1_32(ir.getInt8Ty(), memory, offset); };
  auto copy = [&](llvm::Value* from, llvm::Value* there, const Type& type) {
    Operand operand{from, type};
    if (type.is_scalar()) operand.value = ir.CreateAlignedLoad(ir.getInt64Ty(), from, llvm::Align(8));
    store(operand, there, type);
  };
  const auto long_one = def.long_text();
  for (size_t i = 0; i < def.keys.size(); i++) {
    llvm::Value* there = behind(to, def.key_offset(i));
    llvm::Value* from = behind(key, part_key_offset(def, i));
    if (i != long_one) {
      copy(from, there, def.keys[i]);
      continue;
    }
    zero(there, def.keys[i].storage());
    helper(HelperId::probe_read_kernel_str, {there, ir.getInt32(def.keys[i].storage()), from});
  }
  llvm::Value* there = behind(to, def.key_size());
  if (def.value.is_aggregate()) ir.CreateAlignedStore(reduced(def, map, key), there, llvm::Align(8));
  else copy(value, there, def.value);
}

llvm::Value* ProgramEmitter::steps(std::string_view step, uint32_t most, std::initializer_list<llvm::Value*> words) {
  constexpr size_t most_words = 6;
  if (words.size() > most_words) bug("a step with too many words");
  const std::string name = fmt::format("{}s", step);
  llvm::Function* one = module_.module->getFunction(name);
  if (!one) {
    const llvm::DebugLoc where = ir.getCurrentDebugLocation();
    one = module_.callback(name, 2, where.getLine());
    llvm::IRBuilder<> in(llvm::BasicBlock::Create(module_.context, "entry", one));
    in.SetCurrentDebugLocation(llvm::DILocation::get(module_.context, where.getLine(), where.getCol(), one->getSubprogram()));
    in.CreateRet(in.CreateCall(module_.runtime(step), {one->getArg(0), one->getArg(1)}));
  }
  if (!steps_cell_) steps_cell_ = local(llvm::ArrayType::get(ir.getInt64Ty(), most_words));
  uint32_t offset = 0;
  auto place = [&] { return ir.CreateConstGEP1_32(ir.getInt8Ty(), steps_cell_, offset); };
  for (llvm::Value* word : words) {
    ir.CreateAlignedStore(word, place(), llvm::Align(8));
    offset += 8;
  }
  helper(HelperId::loop, {ir.getInt32(most), one, steps_cell_, constant(0)});
  offset -= 8;
  return ir.CreateAlignedLoad(ir.getInt64Ty(), place(), llvm::Align(8));
}

namespace {

// Makes a word of the stack one of which the verifier knows nothing. Else it would follow the count element by element
// (kernel/bpf/verifier.c: an atomic operation leaves no spilled register behind).
void forget(llvm::IRBuilder<>& ir, llvm::Value* word) {
  ir.CreateAtomicRMW(llvm::AtomicRMWInst::Or, word, ir.getInt64(0), llvm::MaybeAlign(8), llvm::AtomicOrdering::Monotonic);
}

}  // namespace

// The kernel calls a function that counts for each element.
llvm::Value* ProgramEmitter::element_count(const Expr& map_ref) {
  const unsigned line = ir.getCurrentDebugLocation().getLine();
  llvm::Function* one = module_.callback(fmt::format("{}_count{}", probe_.function, callbacks_++), 4, line);
  llvm::IRBuilder<> in(llvm::BasicBlock::Create(module_.context, "entry", one));
  llvm::Value* counted = in.CreateAlignedLoad(in.getInt64Ty(), one->getArg(3), llvm::Align(8));
  in.CreateAlignedStore(in.CreateAdd(counted, in.getInt64(1)), one->getArg(3), llvm::Align(8));
  in.CreateRet(in.getInt64(0));
  llvm::AllocaInst* count = local(ir.getInt64Ty());
  ir.CreateStore(constant(0), count);
  const MapDef& def = map(map_ref);
  for (const MapPart& part : parts_of(def))
    helper(HelperId::for_each_map_elem, {module_.map(part.name, shape_of(def, part)), one, count, constant(0)});
  forget(ir, count);
  return ir.CreateLoad(ir.getInt64Ty(), count);
}

}  // namespace zeektrace
