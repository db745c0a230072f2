#include "codegen/frames.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/InstIterator.h>

#include <algorithm>
#include <set>

#include "codegen/emitter.h"

namespace zeektrace {

void stay_on_kernel_stack(llvm::Function& program, llvm::GlobalVariable& no_programs) {
  llvm::LLVMContext& context = program.getContext();
  llvm::BasicBlock& entry = program.getEntryBlock();
  llvm::Instruction* end = entry.getTerminator();
  llvm::BasicBlock* rest = entry.splitBasicBlock(end);
  auto* never = llvm::BasicBlock::Create(context, "never", &program, rest);
  llvm::IRBuilder<> ir(entry.getTerminator());
  ir.SetCurrentDebugLocation(end->getDebugLoc());
  // A number that is 0, of which LLVM may not know it: that a program has such a call the kernel sees before it looks at ways.
  auto* unknown = llvm::InlineAsm::get(llvm::FunctionType::get(ir.getInt64Ty(), {ir.getInt64Ty()}, false), "", "=r,0", true);
  ir.CreateCondBr(ir.CreateIsNotNull(ir.CreateCall(unknown, {ir.getInt64(0)})), never, rest);
  entry.getTerminator()->eraseFromParent();
  ir.SetInsertPoint(never);
  auto* type = llvm::FunctionType::get(ir.getInt64Ty(), {ir.getPtrTy(), ir.getPtrTy(), ir.getInt64Ty()}, false);
  auto* call = llvm::ConstantExpr::getIntToPtr(ir.getInt64(static_cast<uint64_t>(HelperId::tail_call)), ir.getPtrTy());
  ir.CreateCall(type, call, {program.getArg(0), &no_programs, ir.getInt64(0)});
  ir.CreateBr(rest);
}

namespace {

// BPF_PRIV_STACK_MIN_SIZE, kernel/bpf/verifier.c; sizes are rounded up to 16 before they are compared with it (6.18).
constexpr uint64_t smallest_private = 64 - 15;
constexpr uint64_t kernel_stack = 512;
// Sizes are rounded up to 32 (to 16 since 6.13) before they are added.
constexpr uint64_t granularity = 32;

std::set<const llvm::Function*> called_from(const llvm::Function& function) {
  std::set<const llvm::Function*> called;
  for (const llvm::Instruction& each : llvm::instructions(function))
    for (const llvm::Use& operand : each.operands())
      if (const auto* other = llvm::dyn_cast<llvm::Function>(operand->stripPointerCasts())) called.insert(other);
  return called;
}

uint64_t frame_of(const llvm::Function& function, const Frames& frames) {
  const auto found = frames.find(&function);
  return found == frames.end() ? 0 : found->second;
}

// BPF has no recursion: the verifier refuses it.
uint64_t depth_of(const llvm::Function& function, const Frames& frames) {
  if (function.isDeclaration()) return 0;
  uint64_t deepest = 0;
  for (const llvm::Function* called : called_from(function)) deepest = std::max(deepest, depth_of(*called, frames));
  return deepest + (std::max<uint64_t>(frame_of(function, frames), 1) + granularity - 1) / granularity * granularity;
}

}  // namespace

bool has_private_stack(const llvm::Function& program, const Frames& frames,
                       const std::function<bool(const llvm::Function&)>& is_of_these) {
  if (frame_of(program, frames) >= smallest_private && is_of_these(program)) return true;
  return std::ranges::any_of(called_from(program),
                             [&](auto* called) { return has_private_stack(*called, frames, is_of_these); });
}

bool is_too_deep(const llvm::Function& program, const Frames& frames) { return depth_of(program, frames) > kernel_stack; }

}  // namespace zeektrace
