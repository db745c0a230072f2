#include "codegen/module.h"

#include <fmt/format.h>
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/DebugInfoMetadata.h>
#include <llvm/Support/MemoryBuffer.h>

#include <algorithm>

#include "parser/name_pattern.h"

extern "C" const char zeektrace_runtime_begin[];
extern "C" const char zeektrace_runtime_end[];
extern "C" const char zeektrace_unwind_begin[];
extern "C" const char zeektrace_unwind_end[];
extern "C" const char zeektrace_code_begin[];
extern "C" const char zeektrace_code_end[];
extern "C" const char zeektrace_zeek_begin[];
extern "C" const char zeektrace_zeek_end[];
extern "C" const char zeektrace_names_begin[];
extern "C" const char zeektrace_names_end[];

namespace zeektrace {
namespace {

constexpr uint32_t no_prealloc = 1;  // BPF_F_NO_PREALLOC
// Values above this are allocated as keys come: 4096 histograms for each of 64 CPUs would take 138 MB at once.
constexpr uint32_t largest_preallocated = 64;
constexpr uint32_t most_preallocated = 1 << 16;

// As many calls as a thread's stack of 8 MB has room for, of 16 bytes each.
constexpr uint32_t most_frames = 1 << 19;

std::string_view type_name(MapType type) {
  switch (type) {
    case MapType::hash: return "hash";
    case MapType::array: return "array";
    case MapType::prog_array: return "prog_array";
    case MapType::perf_event_array: return "perf_event_array";
    case MapType::percpu_hash: return "percpu_hash";
    case MapType::percpu_array: return "percpu_array";
    case MapType::lru_hash: return "lru_hash";
    case MapType::lru_percpu_hash: return "lru_percpu_hash";
    case MapType::ringbuf: return "ringbuf";
  }
  bug("a map type without a name");
}

std::unique_ptr<llvm::Module> embedded(llvm::LLVMContext& context, const char* begin, const char* end) {
  llvm::StringRef bitcode(begin, static_cast<size_t>(end - begin));
  auto lazy = llvm::getLazyBitcodeModule(llvm::MemoryBufferRef(bitcode, "runtime"), context);
  if (!lazy) bug("the embedded runtime is not bitcode: " + llvm::toString(lazy.takeError()));
  return std::move(*lazy);
}

}  // namespace

MapShape shape_of(const MapDef& map, const MapPart& part) {
  bool per_cpu = map.value.is_aggregate();
  MapShape shape;
  shape.key_size = part.key_size;
  shape.value_size = map.value.storage();
  shape.max_entries = map.max_entries;
  if (map.keys.empty()) {
    shape.type = per_cpu ? MapType::percpu_array : MapType::array;
  } else if (map.is_by_frame) {
    shape.type = MapType::hash;
    shape.value_size = sizeof(FrameWord);
    shape.max_entries = std::max(map.max_entries, most_frames);
    shape.flags = no_prealloc;
  } else if (map.is_lru) {
    shape.type = per_cpu ? MapType::lru_percpu_hash : MapType::lru_hash;
  } else {
    shape.type = per_cpu ? MapType::percpu_hash : MapType::hash;
    if (shape.key_size + shape.value_size > largest_preallocated || shape.max_entries > most_preallocated)
      shape.flags = no_prealloc;
  }
  return shape;
}

BpfModule::BpfModule(const Program& program)
    : module(std::make_unique<llvm::Module>("script", context)), program_(program), debug_(*module) {
  module->setSourceFileName(program.source->name());
  module->addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
  module->addModuleFlag(llvm::Module::Warning, "Dwarf Version", 4);
  const std::string& text = program.source->text();
  file_ = debug_.createFile(program.source->name(), "", std::nullopt, llvm::StringRef(text));
  unit_ = debug_.createCompileUnit(llvm::dwarf::DW_LANG_C99, file_, "zeektrace", true, "", 0, "",
                                   llvm::DICompileUnit::DebugEmissionKind::FullDebug);
  line_starts_.push_back(0);
  for (size_t i = 0; i < text.size(); i++)
    if (text[i] == '\n') line_starts_.push_back(static_cast<uint32_t>(i + 1));
  // The kernel gives most helpers only to programs under a licence compatible with the GPL.
  global(llvm::ConstantDataArray::getString(context, "GPL"), "LICENSE", "license", 1)
      ->setLinkage(llvm::GlobalValue::ExternalLinkage);

  runtime_ = embedded(context, zeektrace_runtime_begin, zeektrace_runtime_end);
  walks_[0] = {.begin = zeektrace_unwind_begin, .end = zeektrace_unwind_end, .is_large = true};
  walks_[1] = {.begin = zeektrace_zeek_begin, .end = zeektrace_zeek_end, .is_large = true};
  walks_[2] = {zeektrace_names_begin, zeektrace_names_end};
  walks_[3] = {zeektrace_code_begin, zeektrace_code_end};
  module->setTargetTriple(runtime_->getTargetTriple());
  module->setDataLayout(runtime_->getDataLayout());
}

llvm::GlobalVariable* BpfModule::global(llvm::Constant* value, const std::string& name, const char* section,
                                        uint64_t align) {
  auto* variable = new llvm::GlobalVariable(*module, value->getType(), true, llvm::GlobalValue::InternalLinkage, value,
                                            name);
  variable->setSection(section);
  variable->setAlignment(llvm::Align(align));
  return variable;
}

// libbpf reads a map's shape from the BTF of a struct: each attribute is a member of type "pointer to array of int",
// the number being the array's length (libbpf 1.4, src/libbpf.c, parse_btf_map_def).
llvm::DIType* BpfModule::map_type(const MapShape& shape) {
  llvm::DIType* number = debug_.createBasicType("int", 32, llvm::dwarf::DW_ATE_signed);
  std::pair<const char*, uint32_t> attributes[] = {{"type", static_cast<uint32_t>(shape.type)},
                                                   {"key_size", shape.key_size},
                                                   {"value_size", shape.value_size},
                                                   {"max_entries", shape.max_entries},
                                                   {"map_flags", shape.flags}};
  llvm::SmallVector<llvm::Metadata*, 5> members;
  uint64_t offset = 0;
  for (auto [name, value] : attributes) {
    llvm::Metadata* range = debug_.getOrCreateSubrange(0, static_cast<int64_t>(value));
    llvm::DIType* array =
        debug_.createArrayType(uint64_t{value} * 32, 32, number, debug_.getOrCreateArray(range));
    llvm::DIType* pointer = debug_.createPointerType(array, 64);
    members.push_back(debug_.createMemberType(file_, name, file_, 0, 64, 64, offset, llvm::DINode::FlagZero, pointer));
    offset += 64;
  }
  return debug_.createStructType(file_, "", file_, 0, offset, 64, llvm::DINode::FlagZero, nullptr,
                                 debug_.getOrCreateArray(members));
}

llvm::GlobalVariable* BpfModule::declare_map(std::string_view name) {
  auto* type = llvm::ArrayType::get(llvm::Type::getInt64Ty(context), 5);
  auto* variable = global(llvm::ConstantAggregateZero::get(type), std::string(name), ".maps", 8);
  variable->setConstant(false);
  variable->setLinkage(llvm::GlobalValue::ExternalLinkage);
  maps_.emplace(name, variable);
  return variable;
}

void BpfModule::define_map(llvm::GlobalVariable* map, const MapShape& shape) {
  shapes_.push_back({map->getName().str(), type_name(shape.type), shape.key_size, shape.value_size, shape.max_entries});
  map->addDebugInfo(
      debug_.createGlobalVariableExpression(unit_, map->getName(), "", file_, 0, map_type(shape), false));
}

llvm::GlobalVariable* BpfModule::map(std::string_view name, const MapShape& shape) {
  auto found = maps_.find(name);
  if (found != maps_.end()) return found->second;
  auto* variable = declare_map(name);
  define_map(variable, shape);
  return variable;
}

llvm::GlobalVariable* BpfModule::scratch() {
  auto found = maps_.find(scratch_map);
  return found != maps_.end() ? found->second : declare_map(scratch_map);
}

uint32_t BpfModule::loss_cell(const LossSite& site) {
  const auto there = std::ranges::find(loss_sites_, site);
  const auto cell = static_cast<uint32_t>(there - loss_sites_.begin());
  if (there == loss_sites_.end()) loss_sites_.push_back(site);
  return cell;
}

llvm::GlobalVariable* BpfModule::counters() {
  auto found = maps_.find(counter_map);
  return found != maps_.end() ? found->second : declare_map(counter_map);
}

void BpfModule::define_scratch(uint32_t value_size) {
  constexpr uint32_t slots = 8;  // SLOTS in runtime.bpf.c
  define_map(scratch(), {MapType::percpu_array, 4, value_size, slots, 0});
}

// The kernel compares the programs that such a map is for: their types, and what they are attached as.
void BpfModule::keep_off_private_stacks(llvm::Function* program, const Mechanism& how) {
  if (!program_.has_private_stacks || !how.overlaps || waits(*program)) return;
  const std::string name = fmt::format("zt_no_programs.{}.{}", how.section, how.attach_type);
  stay_on_kernel_stack(*program, *map(name, {MapType::prog_array, 4, 4, 1, 0}));
}

llvm::Constant* BpfModule::zeros(uint32_t size) {
  llvm::Constant*& zero = zeros_[size];
  if (!zero) {
    auto* type = llvm::ArrayType::get(llvm::Type::getInt8Ty(context), size);
    zero = global(llvm::ConstantAggregateZero::get(type), fmt::format("zero_{}", size), ".rodata", 8);
  }
  return zero;
}

llvm::Constant* BpfModule::numbers(const std::vector<uint32_t>& values) {
  llvm::Constant*& there = numbers_[&values];
  if (!there) there = global(llvm::ConstantDataArray::get(context, values), "numbers", ".rodata", 8);
  return there;
}

uint32_t BpfModule::pattern(const std::string& glob) {
  const auto known = std::ranges::find(patterns_, glob);
  const auto number = static_cast<uint32_t>(known - patterns_.begin());
  if (known == patterns_.end()) patterns_.push_back(glob);
  return number;
}

uint32_t BpfModule::proof(const Proof& proof) {
  const auto known = std::ranges::find(proofs_, proof);
  const auto index = static_cast<uint32_t>(known - proofs_.begin());
  if (known == proofs_.end()) proofs_.push_back(proof);
  return index;
}

// As names.bpf.c has it: struct proof.
void BpfModule::add_proof(const Proof& proof, std::vector<uint64_t>& words) {
  constexpr size_t most_steps = 12;
  const Proof::Number& number = proof.number;
  if (number.size > 4) bug("a proof by a large number");
  words.push_back(pattern(proof.name));
  for (const auto* path : {&proof.text, &number.adds}) {
    if (path->empty() || path->size() > most_steps) bug("a proof that is too far away");
    words.insert(words.end(), path->begin(), path->end());
    words.insert(words.end(), most_steps - path->size(), 0);
  }
  for (const uint64_t word : {uint64_t{proof.text.size()}, uint64_t{number.adds.size()}, uint64_t{number.size}, number.value})
    words.push_back(word);
}

// In the place of what names.bpf.c only declares.
void BpfModule::define_patterns() {
  std::vector<uint64_t> proofs, words;
  for (const Proof& proof : proofs_) add_proof(proof, proofs);
  for (const std::string& glob : patterns_) {
    const auto pattern = name_pattern(glob);
    if (!pattern) bug("a provider let too long a name pass");
    const auto add = [&](const NamePattern::Bits& bits) { words.insert(words.end(), bits.begin(), bits.end()); };
    std::ranges::for_each(pattern->accepts, add);
    std::ranges::for_each(pattern->stays, add);
    add(pattern->end);
  }
  auto define = [&](const char* name, llvm::Constant* value) {
    llvm::GlobalVariable* declared = module->getNamedGlobal(name);
    if (!declared) return;
    declared->replaceAllUsesWith(global(value, "", ".rodata", 8));
    declared->eraseFromParent();
  };
  define("zt_patterns", llvm::ConstantDataArray::get(context, words));
  define("zt_pattern_count", llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), patterns_.size()));
  define("zt_proofs", llvm::ConstantDataArray::get(context, proofs));
  define("zt_proof_count", llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), proofs_.size()));
}

llvm::Constant* BpfModule::text(const std::string& value) {
  std::string padded = value;
  padded.resize(Type::string(static_cast<uint32_t>(value.size() + 1)).storage(), '\0');
  return global(llvm::ConstantDataArray::getString(context, padded, false), "text", ".rodata", 8);
}

llvm::Function* BpfModule::program(const std::string& name, std::string_view section, uint32_t line) {
  auto* number = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(number, {llvm::PointerType::get(context, 0)}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module.get());
  function->setSection(llvm::StringRef(section));
  describe(function, line);
  return function;
}

llvm::Function* BpfModule::part(const std::string& name, uint32_t line) {
  auto* pointer = llvm::PointerType::get(context, 0);
  auto* type = llvm::FunctionType::get(llvm::Type::getInt64Ty(context), {pointer, pointer}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name + "_part", module.get());
  function->addFnAttr(llvm::Attribute::AlwaysInline);
  describe(function, line);
  return function;
}

llvm::Function* BpfModule::callback(const std::string& name, size_t arguments, uint32_t line) {
  auto* number = llvm::Type::getInt64Ty(context);
  std::vector<llvm::Type*> types(arguments, llvm::PointerType::get(context, 0));
  if (arguments == 2) types[0] = number;  // bpf_loop counts its rounds
  auto* type = llvm::FunctionType::get(number, types, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, module.get());
  function->addFnAttr(llvm::Attribute::NoInline);
  describe(function, line);
  return function;
}

// libbpf finds such a function by its declaration in BTF, in a section of this name (libbpf 1.4, src/libbpf.c,
// bpf_object__collect_externs).
llvm::Function* BpfModule::kernel_function(std::string_view name, llvm::FunctionType* type, bool is_weak) {
  auto* function = llvm::cast<llvm::Function>(module->getOrInsertFunction(llvm::StringRef(name), type).getCallee());
  if (function->getSubprogram()) return function;
  function->setSection(".ksyms");
  if (is_weak) function->setLinkage(llvm::GlobalValue::ExternalWeakLinkage);
  // libbpf compares kinds: number with number, pointer to a number with its like, any other pointer with none (libbpf 1.4,
  // src/libbpf.c, bpf_object__resolve_ksym_func_btf_id).
  llvm::DIType* number = debug_.createBasicType("long", 64, llvm::dwarf::DW_ATE_signed);
  auto described = [&](llvm::Type* given, llvm::DIType* pointee) -> llvm::DIType* {
    return given->isPointerTy() ? debug_.createPointerType(pointee, 64) : number;
  };
  std::vector<llvm::Metadata*> types = {described(type->getReturnType(), number)};
  for (llvm::Type* taken : type->params()) types.push_back(described(taken, nullptr));
  auto* signature = debug_.createSubroutineType(debug_.getOrCreateTypeArray(types));
  function->setSubprogram(debug_.createFunction(file_, llvm::StringRef(name), "", file_, 0, signature, 0,
                                                llvm::DINode::FlagPrototyped, llvm::DISubprogram::SPFlagOptimized));
  return function;
}

void BpfModule::describe(llvm::Function* function, uint32_t line) {
  function->addFnAttr(llvm::Attribute::NoUnwind);
  llvm::StringRef name = function->getName();
  llvm::DIType* number = debug_.createBasicType("long", 64, llvm::dwarf::DW_ATE_signed);
  llvm::DIType* pointer = debug_.createPointerType(nullptr, 64);
  std::vector<llvm::Metadata*> types = {number};
  for (const llvm::Argument& each : function->args()) types.push_back(each.getType()->isPointerTy() ? pointer : number);
  auto* signature = debug_.createSubroutineType(debug_.getOrCreateTypeArray(types));
  auto* subprogram =
      debug_.createFunction(unit_, name, name, file_, line, signature, line, llvm::DINode::FlagPrototyped,
                            llvm::DISubprogram::SPFlagDefinition | llvm::DISubprogram::SPFlagOptimized |
                                (function->hasInternalLinkage() ? llvm::DISubprogram::SPFlagLocalToUnit
                                                                : llvm::DISubprogram::SPFlagZero));
  // BTF's function needs a name for each argument.
  for (llvm::Argument& each : function->args()) {
    const unsigned number_of = each.getArgNo() + 1;
    const std::string called = number_of == 1 ? "ctx" : fmt::format("a{}", number_of);
    each.setName(called);
    debug_.createParameterVariable(subprogram, called, number_of, file_, line,
                                   llvm::cast<llvm::DIType>(types[number_of]), true);
  }
  function->setSubprogram(subprogram);
}

llvm::DebugLoc BpfModule::location(llvm::Function* function, uint32_t offset) {
  auto line = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  uint32_t number = static_cast<uint32_t>(line - line_starts_.begin());
  // Line information has 10 bits for the column (struct bpf_line_info).
  uint32_t column = std::min(offset - *(line - 1) + 1, 1023u);
  return llvm::DILocation::get(context, number, column, function->getSubprogram());
}

llvm::Function* BpfModule::runtime(std::string_view name) {
  llvm::Function* there = runtime_->getFunction(llvm::StringRef(name));
  for (Walk& walk : walks_) {
    if (there) break;
    if (!walk.module) walk.module = embedded(context, walk.begin, walk.end);
    there = walk.module->getFunction(llvm::StringRef(name));
    walk.is_called = walk.is_called || there != nullptr;
  }
  if (!there) bug(fmt::format("the runtime has no {}", name));
  return llvm::cast<llvm::Function>(
      module->getOrInsertFunction(llvm::StringRef(name), there->getFunctionType()).getCallee());
}

}  // namespace zeektrace
