// The LLVM module that becomes a BPF object: its maps with their BTF definitions, its constants, its debug information
// (which carries the script's lines to the verifier). Made fresh for each object.
#pragma once

#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codegen/frames.h"
#include "codegen/object.h"
#include "parser/program.h"

namespace zeektrace {

// enum bpf_map_type of include/uapi/linux/bpf.h.
enum class MapType : uint32_t {
  hash = 1, array = 2, prog_array = 3, perf_event_array = 4, percpu_hash = 5, percpu_array = 6, lru_hash = 9, lru_percpu_hash = 10, ringbuf = 27
};

struct MapShape {
  MapType type = MapType::array;
  uint32_t key_size = 4;
  uint32_t value_size = 8;
  uint32_t max_entries = 1;
  uint32_t flags = 0;
};

// How a part of a map of the script is kept in the kernel.
MapShape shape_of(const MapDef& map, const MapPart& part);

// How the section of a program ends that may wait for a page (libbpf 1.4, src/libbpf.c, section_defs).
constexpr std::string_view waiting_section = ".s";
inline bool waits(const llvm::Function& program) { return program.getSection().ends_with(waiting_section); }

class BpfModule {
 public:
  explicit BpfModule(const Program& program);

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;

  // The map of this name; its shape is given with it and must be the same at each call.
  llvm::GlobalVariable* map(std::string_view name, const MapShape& shape);
  // Our scratch map, whose shape is known only when all programs are written: define_scratch() gives it.
  llvm::GlobalVariable* scratch();
  void define_scratch(uint32_t value_size);
  // The cell in which a loss is counted. That map's size is known at the end, too: finish() gives it.
  uint32_t loss_cell(const LossSite& site);
  llvm::GlobalVariable* counters();
  // `size` zero bytes in .rodata.
  llvm::Constant* zeros(uint32_t size);
  // The number of a pattern among those that names.bpf.c reads, which finish() puts into .rodata.
  uint32_t pattern(const std::string& glob);
  // Its number among those of names.bpf.c.
  uint32_t proof(const Proof& proof);
  // The numbers, in .rodata; the same vector is there once.
  llvm::Constant* numbers(const std::vector<uint32_t>& values);
  // A constant text, NUL-terminated and zero-padded to a multiple of 8.
  llvm::Constant* text(const std::string& value);
  // A new BPF program in libbpf's section, and its debug information.
  llvm::Function* program(const std::string& name, std::string_view section, uint32_t line);
  // A half of a session's program, inlined there: (context, the call's word).
  llvm::Function* part(const std::string& name, uint32_t line);
  // What a helper calls: a function of the object that takes so many words and pointers.
  llvm::Function* callback(const std::string& name, size_t arguments, uint32_t line);
  // A function of the kernel (a kfunc) that takes and gives numbers and pointers; libbpf finds it in the kernel's BTF. A weak
  // one may be missing there: its address is then null.
  llvm::Function* kernel_function(std::string_view name, llvm::FunctionType* type, bool is_weak = false);
  llvm::DebugLoc location(llvm::Function* function, uint32_t offset_in_source);
  // A function of runtime.bpf.c or of the files of functions that are not inlined, linked in at the end.
  llvm::Function* runtime(std::string_view name);

  // Of a program that is whole but for its section, which has to be final: see codegen/frames.h.
  void keep_off_private_stacks(llvm::Function* program, const Mechanism& how);

  // Links the runtime, optimises, and writes the ELF file. The module can't be used after it, but for crowded().
  Result<Object> finish();
  // A program with too much on the stack: which the kernel would refuse, or that would wait on a private one. In vain, when a
  // function that it calls, and that is always the same, has too much.
  struct Crowded {
    std::string program;
    bool waits_in_vain = false;
  };
  // When that is seen before anything is written, finish() gives an Error.
  const std::vector<Crowded>& crowded() const { return crowded_; }

 private:
  llvm::GlobalVariable* global(llvm::Constant* value, const std::string& name, const char* section, uint64_t align);
  void describe(llvm::Function* function, uint32_t line);
  void add_proof(const Proof& proof, std::vector<uint64_t>& words);
  void define_patterns();
  Error too_long(const llvm::Function& function, size_t most) const;
  void look_for_waiting_walks();
  void look_at_stack_of(const llvm::Function& program, const Frames& frames);
  llvm::GlobalVariable* declare_map(std::string_view name);
  void define_map(llvm::GlobalVariable* map, const MapShape& shape);
  llvm::DIType* map_type(const MapShape& shape);
  void link(std::unique_ptr<llvm::Module> other);

  const Program& program_;
  llvm::DIBuilder debug_;
  llvm::DIFile* file_ = nullptr;
  llvm::DICompileUnit* unit_ = nullptr;
  std::vector<uint32_t> line_starts_;
  std::map<std::string, llvm::GlobalVariable*, std::less<>> maps_;
  std::vector<ObjectMap> shapes_;
  std::vector<LossSite> loss_sites_;
  std::map<uint32_t, llvm::Constant*> zeros_;
  std::map<const std::vector<uint32_t>*, llvm::Constant*> numbers_;
  std::unique_ptr<llvm::Module> runtime_;
  // What is linked in as functions of their own, once one of them is called.
  struct Walk {
    const char* begin = nullptr;
    const char* end = nullptr;
    std::unique_ptr<llvm::Module> module = nullptr;
    bool is_called = false;
    bool is_large = false;  // on the stack: too large for programs that wait where there are private stacks
  };
  std::array<Walk, 4> walks_;
  std::vector<std::string> patterns_;
  std::vector<Proof> proofs_;
  std::vector<Crowded> crowded_;
};

}  // namespace zeektrace
