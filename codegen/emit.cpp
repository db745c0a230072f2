#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "codegen/object.h"
#include "codegen/program_emitter.h"

namespace zeektrace {
namespace {

constexpr uint32_t busy_word = 8;
// A per-CPU value is at most PCPU_MIN_UNIT_SIZE long, include/linux/percpu.h.
constexpr uint32_t most_scratch = (32 << 10) - busy_word;

// A session's program: the kernel runs it at the entry of a function and, unless it then gives 1, at the return, with a
// word of memory that goes with the call and is 0 at first (kernel/trace/bpf_trace.c, uprobe_multi_link_handler, and
// kernel/events/uprobes.c, handler_chain, 6.13).
void write_session(BpfModule& module, const Probe& entry, bool returns_need_word, llvm::Function* at_entry,
                   llvm::Function* at_return) {
  std::string section = std::string(entry.how->section);
  if (waits(*at_entry) || waits(*at_return)) section += waiting_section;
  llvm::Function* function = module.program(entry.function, section, 1);
  auto block = [&](const char* name) { return llvm::BasicBlock::Create(module.context, name, function); };
  auto function_giving = [](llvm::Type* result) { return llvm::FunctionType::get(result, false); };
  auto *start = block("start"), *first = block("entry"), *last = block("return");
  llvm::IRBuilder<> ir(start);
  ir.SetCurrentDebugLocation(module.location(function, entry.syntax->span.begin));
  llvm::Value* word = ir.CreateCall(module.kernel_function("bpf_session_cookie", function_giving(ir.getPtrTy())));
  llvm::Value* is_return =
      ir.CreateCall(module.kernel_function("bpf_session_is_return", function_giving(ir.getInt64Ty())));
  ir.CreateCondBr(ir.CreateTrunc(is_return, ir.getInt1Ty()), last, first);

  ir.SetInsertPoint(first);
  ir.CreateCall(at_entry, {function->getArg(0), word});
  llvm::Value* result = ir.getInt64(0);
  if (returns_need_word)
    result = ir.CreateZExt(ir.CreateICmpEQ(ir.CreateLoad(ir.getInt64Ty(), word), ir.getInt64(0)), ir.getInt64Ty());
  ir.CreateRet(result);

  ir.SetInsertPoint(last);
  ir.CreateCall(at_return, {function->getArg(0), word});
  ir.CreateRet(ir.getInt64(0));
  module.keep_off_private_stacks(function, *entry.how);
}

struct Written {
  Result<Object> object;
  std::vector<BpfModule::Crowded> crowded = {};
};

// `rooms` has the programs that are to be written otherwise than at first.
Written write(const Program& program, std::span<const Builtin> builtins, uint64_t start_time,
              const std::map<std::string, Room>& rooms) {
  BpfModule module(program);
  // Every map of the script exists, even one that no program reaches any more: it is read at the end.
  for (const MapDef& map : program.maps)
    if (map.is_in_kernel())
      for (const MapPart& part : parts_of(map)) module.map(part.name, shape_of(map, part));
  uint32_t scratch = 0;
  std::vector<llvm::Function*> functions;
  for (const Probe& probe : program.probes) {
    const Probe& whole = probe.pair ? program.probes[program.pairs[*probe.pair].entry] : probe;
    const auto room = rooms.find(whole.function);
    ProgramEmitter emitter(module, program, builtins, probe, start_time, room == rooms.end() ? Room{} : room->second);
    functions.push_back(emitter.emit());
    scratch = std::max(scratch, emitter.scratch_size());
  }
  for (const CallPair& pair : program.pairs)
    write_session(module, program.probes[pair.entry], pair.returns_need_it, functions[pair.entry],
                  functions[pair.at_return]);
  if (scratch > most_scratch)
    return {Error{Error::Kind::script,
                 fmt::format("the texts of one statement take {} bytes; at most {} fit", scratch, most_scratch),
                 "read less of each, such as str(p, 64), set ZEEKTRACE_MAX_STRLEN, or use several statements", nullptr}};
  if (scratch) module.define_scratch(busy_word + scratch);
  Result<Object> object = module.finish();
  return {std::move(object), module.crowded()};
}

}  // namespace

Result<Object> emit(const Program& program, std::span<const Builtin> builtins) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  uint64_t start_time = uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
  // How much a program has on its stack is known when it is written.
  std::map<std::string, Room> rooms;
  for (;;) {
    Written written = write(program, builtins, start_time, rooms);
    bool is_better = false;
    for (const auto& [name, waits_in_vain] : written.crowded) is_better |= rooms[name].make(waits_in_vain);
    if (!is_better) return std::move(written.object);
  }
}

}  // namespace zeektrace
