#include "codegen/emitter.h"

#include <llvm/IR/InlineAsm.h>

namespace zeektrace {

const std::vector<ExprPtr>& Emitter::args(const Expr& expr) const {
  static const std::vector<ExprPtr> none;
  auto* call = std::get_if<Call>(&expr.node);
  return call ? call->args : none;
}

llvm::Value* Emitter::truth(const Expr& expr) { return ir.CreateICmpNE(integer(expr), constant(0)); }

void Emitter::when(llvm::Value* condition, const std::function<void()>& body) {
  llvm::Function* function = ir.GetInsertBlock()->getParent();
  auto* then = llvm::BasicBlock::Create(ir.getContext(), "", function);
  auto* after = llvm::BasicBlock::Create(ir.getContext(), "", function);
  ir.CreateCondBr(condition, then, after);
  ir.SetInsertPoint(then);
  body();
  ir.CreateBr(after);
  ir.SetInsertPoint(after);
}

llvm::Value* Emitter::bounded(llvm::Value* value, uint64_t most) {
  auto* type = llvm::FunctionType::get(ir.getInt64Ty(), {ir.getInt64Ty()}, false);
  llvm::Value* opaque = ir.CreateCall(llvm::InlineAsm::get(type, "", "=r,0", true), {value});
  return ir.CreateBinaryIntrinsic(llvm::Intrinsic::umin, opaque, constant(most));
}

llvm::Value* Emitter::pid_tgid(const std::optional<PidNamespace>& in) {
  if (!in) return helper(HelperId::get_current_pid_tgid, {});
  return runtime("zt_pid_tgid", {constant(in->device), constant(in->inode)});
}

}  // namespace zeektrace
