// The last step of a module: link the runtime, optimise, write the ELF file.
#include <fmt/format.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/IR/DiagnosticHandler.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
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
  // There is no C library over there: nothing may be turned into a call of memset or memcpy.
  llvm::TargetLibraryInfoImpl no_library(llvm::Triple(module.getTargetTriple()));
  no_library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(no_library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

// A jump of BPF's third version reaches 32,767 instructions far, which LLVM finds out too late to say it kindly; an
// instruction of LLVM's becomes between one and one and a half of BPF's. Before it is optimised a program may be longer,
// but not so long that optimising takes many seconds.
constexpr size_t longest_raw = 100'000;
constexpr size_t longest_optimised = 21'000;

// What the back end can't do is said to this handler, and LLVM goes on: the last word is ours. And which functions have much on the
// stack, if they are asked for that.
class Complaints final : public llvm::DiagnosticHandler {
 public:
  Complaints(std::string& first, Frames& frames) : first_(first), frames_(frames) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getKind() == llvm::DK_StackSize) {
      const auto& size = llvm::cast<llvm::DiagnosticInfoStackSize>(info);
      frames_[&size.getFunction()] = size.getResourceSize();
      return true;
    }
    if (info.getSeverity() != llvm::DS_Error || !first_.empty()) return true;
    llvm::raw_string_ostream stream(first_);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    return true;
  }

 private:
  std::string& first_;
  Frames& frames_;
};

// Has the back end say how much each function has on its stack, if any.
void ask_for_frames(llvm::Module& module) {
  for (llvm::Function& function : module)
    if (!function.isDeclaration()) function.addFnAttr("warn-stack-size", "0");
}

// A complaint of the back end as an error of the script; "…: in function p0_BEGIN i64 (ptr): Looks like the BPF stack
// limit is exceeded. …"
Error too_complex(const std::string& complaint, const Program& program) {
  std::string where = "the script";
  for (const Probe& probe : program.probes)
    if (complaint.find(probe.function + " ") != std::string::npos) where = probe.points.front().name;
  bool stack = complaint.find("stack limit") != std::string::npos;
  return {Error::Kind::script,
          stack ? fmt::format("the program for {} needs more than the 512 bytes of stack that BPF has", where)
                : fmt::format("the program for {} can't be made into BPF: {}", where, complaint),
          "spread long expressions over several statements or probes, use fewer variables", nullptr};
}

const llvm::Function* longer_than(const llvm::Module& module, size_t most) {
  for (const llvm::Function& function : module)
    if (function.getInstructionCount() > most) return &function;
  return nullptr;
}

}  // namespace

void BpfModule::look_at_stack_of(const llvm::Function& program, const Frames& frames) {
  if (program.isDeclaration() || program.getSection().empty()) return;
  const auto is_scripts = [&](const llvm::Function& function) {
    return function.getSubprogram() && function.getSubprogram()->getFile() == file_;
  };
  const bool waits_on_private = program_.has_private_stacks && waits(program);
  const bool is_private = waits_on_private && has_private_stack(program, frames, [](const llvm::Function&) { return true; });
  const bool waits_in_vain =
      waits_on_private && has_private_stack(program, frames, [&](const llvm::Function& each) { return !is_scripts(each); });
  if (is_private || is_too_deep(program, frames)) crowded_.push_back({program.getName().str(), waits_in_vain});
}

// Before all is linked, optimised and written, which takes most of the time.
void BpfModule::look_for_waiting_walks() {
  constexpr uint64_t large = 64;
  if (!program_.has_private_stacks) return;
  Frames frames;
  for (const llvm::Function& function : *module)
    for (const Walk& walk : walks_)
      if (walk.is_large && walk.module && walk.module->getFunction(function.getName())) frames[&function] = large;
  if (frames.empty()) return;
  for (const llvm::Function& function : *module)
    if (waits(function) && has_private_stack(function, frames, [](const llvm::Function&) { return true; }))
      crowded_.push_back({function.getName().str(), true});
}

Error BpfModule::too_long(const llvm::Function& function, size_t most) const {
  std::string where = function.getName().str();
  for (const Probe& probe : program_.probes)
    if (probe.function == where) where = probe.points.front().name;
  return {Error::Kind::script,
          fmt::format("the program for {} is too long: about {} instructions, at most {} can be made into BPF", where,
                      function.getInstructionCount(), most),
          "spread its statements over several probes on the same place", nullptr};
}

void BpfModule::link(std::unique_ptr<llvm::Module> other) {
  if (llvm::Linker::linkModules(*module, std::move(other), llvm::Linker::LinkOnlyNeeded))
    bug("the runtime does not link");
  // `used` kept the functions alive in their own bitcode; here what is not called or is inlined can go.
  if (auto* used = module->getNamedGlobal("llvm.compiler.used")) used->eraseFromParent();
  if (auto* used = module->getNamedGlobal("llvm.used")) used->eraseFromParent();
}

Result<Object> BpfModule::finish() {
  look_for_waiting_walks();
  if (!crowded_.empty()) return Error{Error::Kind::script, "a program has too much on the stack", "", nullptr};
  if (!loss_sites_.empty())
    define_map(counters(), {MapType::percpu_array, 4, 8, static_cast<uint32_t>(loss_sites_.size()), 0});
  debug_.finalize();
  std::string problem;
  llvm::raw_string_ostream problems(problem);
  if (llvm::verifyModule(*module, &problems)) bug("the module is malformed: " + problem);
  link(std::move(runtime_));
  for (Walk& walk : walks_)
    if (walk.is_called) link(std::move(walk.module));
  define_patterns();
  for (llvm::Function& function : *module)
    if (!function.isDeclaration() && !function.getSubprogram()) function.setLinkage(llvm::GlobalValue::InternalLinkage);

  if (auto* function = longer_than(*module, longest_raw)) return too_long(*function, longest_raw);
  std::unique_ptr<llvm::TargetMachine> target = bpf_target(module->getTargetTriple());
  optimise(*module, *target);
  if (auto* function = longer_than(*module, longest_optimised)) return too_long(*function, longest_optimised);

  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager writer;
  if (target->addPassesToEmitFile(writer, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    bug("LLVM's BPF back end writes no object files");
  std::string complaint;
  Frames frames;
  context.setDiagnosticHandler(std::make_unique<Complaints>(complaint, frames));
  ask_for_frames(*module);
  writer.run(*module);
  for (const llvm::Function& function : *module) look_at_stack_of(function, frames);
  if (!complaint.empty()) return too_complex(complaint, program_);
  Object object;
  object.elf.resize(bytes.size());
  std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), object.elf.begin());
  object.maps = std::move(shapes_);
  object.loss_sites = std::move(loss_sites_);
  return object;
}

}  // namespace zeektrace
