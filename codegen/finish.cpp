// The last step of a module: link the runtime, optimise, write the ELF file.
#include <fmt/format.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>

#include "codegen/module.h"

extern "C" {
void LLVMInitializeBPFTargetInfo();
void LLVMInitializeBPFTarget();
void LLVMInitializeBPFTargetMC();
void LLVMInitializeBPFAsmPrinter();
}

namespace zeektrace {
namespace {

std::unique_ptr<llvm::TargetMachine> bpf_target(const std::string& triple) {
  LLVMInitializeBPFTargetInfo();
  LLVMInitializeBPFTarget();
  LLVMInitializeBPFTargetMC();
  LLVMInitializeBPFAsmPrinter();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) bug("LLVM has no BPF back end: " + error);
  // Version 3 of the instruction set: 32-bit jumps and atomics, in every kernel since 5.12.
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, "v3", "", llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

void optimise(llvm::Module& module, llvm::TargetMachine& target) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&target);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

}  // namespace

Result<Object> BpfModule::finish() {
  debug_.finalize();
  std::string problem;
  llvm::raw_string_ostream problems(problem);
  if (llvm::verifyModule(*module, &problems)) bug("the module is malformed: " + problem);
  if (llvm::Linker::linkModules(*module, std::move(runtime_), llvm::Linker::LinkOnlyNeeded))
    bug("the runtime does not link");
  // `used` kept the runtime's functions alive in its own bitcode; here all of them are inlined and can go.
  if (auto* used = module->getNamedGlobal("llvm.compiler.used")) used->eraseFromParent();
  if (auto* used = module->getNamedGlobal("llvm.used")) used->eraseFromParent();
  for (llvm::Function& function : *module)
    if (!function.isDeclaration() && !function.getSubprogram()) function.setLinkage(llvm::GlobalValue::InternalLinkage);

  std::unique_ptr<llvm::TargetMachine> target = bpf_target(module->getTargetTriple());
  optimise(*module, *target);

  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager writer;
  if (target->addPassesToEmitFile(writer, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    bug("LLVM's BPF back end writes no object files");
  writer.run(*module);
  Object object;
  object.elf.resize(bytes.size());
  std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), object.elf.begin());
  object.maps = std::move(shapes_);
  return object;
}

}  // namespace zeektrace
