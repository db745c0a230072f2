// The frame of a program, and its statements. Values are in program_values.cpp, maps and messages in
// program_memory.cpp.
#include "codegen/program_emitter.h"

#include <fmt/format.h>

#include "codegen/builtins/operators.h"

namespace zeektrace {

ProgramEmitter::ProgramEmitter(BpfModule& module, const Program& program, std::span<const Builtin> builtins,
                               const Probe& probe, uint64_t start_time, Room room)
    : Emitter(builder_),
      module_(module),
      program_(program),
      builtins_(builtins),
      probe_(probe),
      start_time_(start_time),
      room_(room),
      builder_(module.context) {}

llvm::Function* ProgramEmitter::emit() {
  uint32_t begin = probe_.syntax->span.begin;
  function_ = probe_.pair ? module_.part(probe_.function, 1) : module_.program(probe_.function, probe_.how->section, 1);
  auto new_block = [&](const char* name) { return llvm::BasicBlock::Create(module_.context, name, function_); };
  entry_ = new_block("entry");
  auto* start = new_block("start");
  auto* before_predicate = new_block("before_predicate");
  auto* predicate = new_block("predicate");
  auto* before_body = new_block("before_body");
  auto* body = new_block("body");
  exit_ = new_block("exit");

  ir.SetInsertPoint(entry_);
  ir.SetCurrentDebugLocation(module_.location(function_, begin));
  context_ = function_->getArg(0);
  make_frame();
  ir.CreateStore(llvm::ConstantPointerNull::get(ir.getPtrTy()), slot_);

  ir.SetInsertPoint(start);
  gate();
  names();
  share_with_callbacks();
  ir.CreateBr(before_predicate);
  ir.SetInsertPoint(before_predicate);
  ir.CreateBr(predicate);

  scratch_at_ = before_predicate;
  ir.SetInsertPoint(predicate);
  if (probe_.syntax->predicate && !probe_.is_silent) {
    ir.SetCurrentDebugLocation(module_.location(function_, probe_.syntax->predicate->span.begin));
    continue_if(truth(*probe_.syntax->predicate));
  }
  ir.CreateBr(before_body);
  ir.SetInsertPoint(before_body);
  ir.CreateBr(body);

  scratch_at_ = before_body;
  ir.SetInsertPoint(body);
  if (!probe_.is_silent) block(probe_.syntax->body);
  ir.CreateBr(exit_);

  ir.SetInsertPoint(exit_);
  release_scratch();
  ir.CreateRet(constant(0));
  if (scratch_taken_at_) take_scratch(scratch_taken_at_);
  ir.SetInsertPoint(entry_);
  ir.CreateBr(start);
  settle_stack();
  if (waits_) function_->setSection(std::string(probe_.how->section) + std::string(waiting_section));
  if (!probe_.pair) module_.keep_off_private_stacks(function_, *probe_.how);
  return function_;
}

// Perf event arrays are not for programs that sleep (check_map_prog_compatibility, kernel/bpf/verifier.c, Linux 6.18).
bool ProgramEmitter::may_wait() const { return room_.may_wait && probe_.how->can_sleep && program_.counters.empty(); }

// Goes on in a new block when the condition holds, else to the exit.
void ProgramEmitter::continue_if(llvm::Value* condition) {
  auto* next = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  ir.CreateCondBr(condition, next, exit_);
  ir.SetInsertPoint(next);
}

void ProgramEmitter::gate() {
  if (probe_.only_pid) {
    llvm::Value* tgid = ir.CreateLShr(pid_tgid(program_.only_pid_namespace), constant(32));
    continue_if(ir.CreateICmpEQ(tgid, constant(*probe_.only_pid)));
  }
  if (auto word = probe_.how->seen_word) continue_if(ir.CreateICmpNE(load_context(*word, 8, false), constant(0)));
  if (probe_.only_nodes) {
    llvm::AllocaInst* tgid = local(ir.getInt32Ty());
    llvm::Value* ids = pid_tgid(program_.pid_namespace);
    ir.CreateStore(ir.CreateTrunc(ir.CreateLShr(ids, constant(32)), ir.getInt32Ty()), tgid);
    continue_if(ir.CreateIsNotNull(element_of(node_map, tgid)));
  }
  if (!probe_.gate) return;
  Type word = Type::integer(8, false);
  llvm::Value* value = load_location(probe_.gate->value, word);
  const std::vector<int64_t>& of = probe_.gate->of;
  auto* pass = llvm::BasicBlock::Create(module_.context, "gate", function_, exit_);
  auto* which = llvm::PHINode::Create(ir.getInt64Ty(), static_cast<unsigned>(of.size()), "", pass);
  auto* choice = ir.CreateSwitch(value, exit_, static_cast<unsigned>(of.size()));
  for (size_t i = 0; i < of.size(); i++) {
    auto* match = llvm::BasicBlock::Create(module_.context, "", function_, pass);
    choice->addCase(ir.getInt64(static_cast<uint64_t>(of[i])), match);
    ir.SetInsertPoint(match);
    ir.CreateBr(pass);
    which->addIncoming(constant(probe_.first_point + i), match);
  }
  ir.SetInsertPoint(pass);
  gate_index_ = which;
  for (const auto& [where, size, wanted] : probe_.gate->require)
    continue_if(ir.CreateICmpEQ(load_location(where, Type::integer(size, false)), constant(wanted)));
}

void ProgramEmitter::leave() { jump(exit_); }

void ProgramEmitter::return_from(const Return& node) {
  if (!return_to_) return leave();
  if (node.value) set_variable(*result_, evaluate(*node.value, nullptr));
  jump(return_to_);
}

void ProgramEmitter::jump(llvm::BasicBlock* to) {
  ir.CreateBr(to);
  // What the script says after it is dead; LLVM removes it.
  ir.SetInsertPoint(llvm::BasicBlock::Create(module_.context, "", function_, exit_));
}

llvm::Value* ProgramEmitter::attach_point() {
  if (gate_index_) return gate_index_;
  if (probe_.points.size() == 1) return constant(probe_.first_point);
  if (!probe_.how->has_cookie) bug(fmt::format("{} has several points and no cookie", probe_.how->name));
  llvm::Value* cookie = helper(HelperId::get_attach_cookie, {context()});
  if (!probe_.pair) return cookie;
  // A session has the entry's cookies; its return's points stand in the same order.
  const Probe& entry = program_.probes[program_.pairs[*probe_.pair].entry];
  return ir.CreateAdd(cookie, constant(uint64_t{probe_.first_point} - entry.first_point));
}

void ProgramEmitter::block(const Block& statements) {
  for (const Stmt& each : statements) {
    Arena before = arena_;
    statement(each);
    arena_ = before;
  }
}

void ProgramEmitter::statement(const Stmt& statement) {
  ir.SetCurrentDebugLocation(module_.location(function_, statement.span.begin));
  if (auto* node = std::get_if<Assign>(&statement.node)) return assign(*node);
  if (auto* node = std::get_if<If>(&statement.node)) return branch(*node);
  if (auto* node = std::get_if<While>(&statement.node)) return repeat(*node);
  if (auto* node = std::get_if<Unroll>(&statement.node)) return unroll(*node);
  if (auto* node = std::get_if<For>(&statement.node)) return node->to ? count_rounds(*node) : each_element(*node);
  if (auto* node = std::get_if<Let>(&statement.node)) return let(*node);
  if (auto* node = std::get_if<Scope>(&statement.node)) return block(node->body);
  if (std::holds_alternative<Break>(statement.node)) return jump(loop_.after);
  if (std::holds_alternative<Continue>(statement.node)) return jump(loop_.next);
  if (auto* node = std::get_if<Evaluate>(&statement.node)) return (void)evaluate(*node->expr, nullptr);
  return_from(std::get<Return>(statement.node));
}

void ProgramEmitter::branch(const If& branch) {
  llvm::Value* condition = truth(*branch.condition);
  auto* then = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  auto* otherwise = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  auto* after = llvm::BasicBlock::Create(module_.context, "", function_, exit_);
  ir.CreateCondBr(condition, then, otherwise);
  ir.SetInsertPoint(then);
  block(branch.then);
  ir.CreateBr(after);
  ir.SetInsertPoint(otherwise);
  block(branch.otherwise);
  ir.CreateBr(after);
  ir.SetInsertPoint(after);
}

void ProgramEmitter::unroll(const Unroll& unroll) {
  auto new_block = [&] { return llvm::BasicBlock::Create(module_.context, "", function_, exit_); };
  const Loop outer = std::exchange(loop_, {nullptr, new_block()});
  for (int64_t i = literal_integer(*unroll.count).value_or(0); i > 0; i--) {
    loop_.next = new_block();
    block(unroll.body);
    ir.CreateBr(loop_.next);
    ir.SetInsertPoint(loop_.next);
  }
  ir.CreateBr(loop_.after);
  ir.SetInsertPoint(loop_.after);
  loop_ = outer;
}

// C's usual conversions at 64 bits: unsigned when either side is an unsigned 64-bit number.
bool ProgramEmitter::is_unsigned(const Expr& a, const Expr& b) const {
  return is_unsigned_word(type_of(a)) || is_unsigned_word(type_of(b));
}

llvm::Value* ProgramEmitter::amount(const Assign& assign) {
  return scaled(*this, assign.op, type_of(*assign.target), type_of(*assign.value), integer(*assign.value));
}

void ProgramEmitter::assign(const Assign& assign) {
  const Expr& target = *assign.target;
  if (std::holds_alternative<Variable>(target.node)) {
    if (assign.op.empty()) return set_variable(target, evaluate(*assign.value, nullptr));
    llvm::Value* old = evaluate(target, nullptr).value;
    llvm::Value* value = amount(assign);
    return set_variable(target, {arithmetic(assign.op).emit(*this, old, value, !is_unsigned(target, *assign.value)), type_of(target)});
  }
  const Expr* outer = std::exchange(target_, &target);
  if (type_of(*assign.value).is_aggregate() || type_of(*assign.value).kind == Type::Kind::none)
    (void)evaluate(*assign.value, nullptr);  // a map_value row: it stores by itself
  else if (assign.op.empty())
    store_element(target, evaluate(*assign.value, nullptr));
  else if (const Arithmetic& row = arithmetic(assign.op); row.atomic) {
    // In one atomic instruction: another CPU may be doing the same.
    llvm::Value* value = amount(assign);
    with_element(target, [&](llvm::Value* element) {
      ir.CreateAtomicRMW(*row.atomic, element, value, llvm::MaybeAlign(8), llvm::AtomicOrdering::Monotonic);
    });
  } else {
    llvm::Value* old = load_element(target).value;
    llvm::Value* value = row.emit(*this, old, amount(assign), !is_unsigned(target, *assign.value));
    store_element(target, {value, type_of(target)});
  }
  target_ = outer;
}

}  // namespace zeektrace
