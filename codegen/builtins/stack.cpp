// Stacks: the frames are kept once for each distinct stack; what a script handles is their hash.
#include <fmt/format.h>

#include <algorithm>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"
#include "parser/unwind.h"

namespace zeektrace {
namespace {

constexpr uint64_t user_stack = 256;  // BPF_F_USER_STACK

// How frames are shown: Type::name. "bpftrace", which is what others call ours, is "".
constexpr std::string_view styles[] = {"bpftrace", "perf", "raw"};
constexpr std::string_view style_words = "bpftrace, perf or raw";

// A style, a depth, or both, in either order.
Type stack_type(Checker& checker, const Expr& expr, Type::Kind kind) {
  Type type = Type::of(kind);
  type.name = checker.options().settings.stack_style;
  const std::string_view of = kind == Type::Kind::kstack ? "kstack()" : "ustack()";
  const auto& args = checker.args(expr);
  bool has_style = false, has_depth = false;
  for (size_t i = 0; i < args.size(); i++) {
    const std::string_view word = checker.word(*args[i]);
    const auto depth = checker.literal_integer(*args[i]);
    auto wrong = [&](std::string_view wanted) {
      checker.diagnostics().add(Code::wrong_argument, args[i]->span, i + 1, of, wanted,
                                depth ? "a number" : fmt::format("'{}'", word));
    };
    if (depth) {
      if (has_depth) wrong(style_words);
      else if (*depth < 1 || *depth > max_stack_frames)
        checker.diagnostics().add(Code::argument_range, args[i]->span, i + 1, of, *depth, "from 1 to 127");
      has_depth = true;
    } else if (!word.empty()) {
      if (has_style) wrong("a depth");
      else if (std::ranges::find(styles, word) == std::end(styles)) wrong(style_words);
      else type.name = word == styles[0] ? "" : word;
      has_style = true;
    }
  }
  return type;
}

std::optional<int64_t> given_depth(Emitter& e, const Expr& expr) {
  for (const auto& arg : e.args(expr))
    if (const auto depth = e.literal_integer(*arg)) return *depth;
  return std::nullopt;
}

// Walks the process's stack by unwind tables. The walk's memory begins with the StackFrames.
llvm::Value* emit_unwound(Emitter& e, uint64_t depth) {
  llvm::Value* frames = e.buffer(unwind_walk_size);
  const auto interrupted = e.probe().how->interrupted_segment;
  llvm::Value* segment = e.constant(0);
  if (interrupted) {
    llvm::Value* at = e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), e.context(), *interrupted);
    segment = e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), at, llvm::Align(8));
  }
  llvm::Value* hash = e.runtime("zt_unwind", {frames, e.ir.getInt32(depth), segment});
  llvm::Value* count = e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), frames, llvm::Align(8));
  auto has = [&](uint64_t bit) { return e.ir.CreateICmpNE(e.ir.CreateAnd(count, bit), e.constant(0)); };
  e.when(has(stack_guessed), [&] { e.count(Counter::stack_guessed); });
  e.when(has(stack_cut), [&] { e.count(Counter::stack_cut); });
  return e.runtime("zt_keep_walk", {e.our_map(stack_map), frames, hash});
}

llvm::Value* emit_walked_by_kernel(Emitter& e, bool user, uint64_t depth) {
  llvm::Value* frames = e.buffer(sizeof(StackFrames));
  return e.runtime("zt_stack", {e.context(), e.our_map(stack_map), frames, e.constant(user ? user_stack : 0),
                                e.ir.getInt32(depth)});
}

llvm::Value* take_stack(Emitter& e, bool user, uint64_t depth) {
  llvm::Value* hash =
      user && e.program().unwinds ? emit_unwound(e, depth) : emit_walked_by_kernel(e, user, depth);
  e.when(e.ir.CreateICmpEQ(hash, e.constant(1)), [&] { e.count(Counter::stack_lost); });
  return hash;
}

Operand emit_stack(Emitter& e, const Expr& expr, bool user) {
  const auto given = given_depth(e, expr);
  const uint64_t depth = given ? static_cast<uint64_t>(*given) : max_stack_frames;
  llvm::Value* key = e.buffer(sizeof(StackKey));
  llvm::Value* hash = take_stack(e, user, depth);
  e.ir.CreateAlignedStore(hash, key, llvm::Align(8));
  llvm::Value* owner = user ? e.ir.CreateLShr(e.pid_tgid(e.program().pid_namespace), e.constant(32))
                            : static_cast<llvm::Value*>(e.constant(0));
  e.ir.CreateAlignedStore(owner, e.ir.CreateConstGEP1_32(e.ir.getInt8Ty(), key, 8), llvm::Align(8));
  return {key, e.type_of(expr)};
}

Type kstack_type(Checker& c, const Expr& expr) { return stack_type(c, expr, Type::Kind::kstack); }
Type ustack_type(Checker& c, const Expr& expr) { return stack_type(c, expr, Type::Kind::ustack); }
Operand emit_kstack(Emitter& e, const Expr& expr) { return emit_stack(e, expr, false); }
Operand emit_ustack(Emitter& e, const Expr& expr) { return emit_stack(e, expr, true); }

}  // namespace

llvm::Value* take_user_stack(Emitter& e, uint64_t depth) { return take_stack(e, true, depth); }

std::vector<Builtin> stack_rows() {
  using Form = Builtin::Form;
  using Place = Builtin::Place;
  const std::vector<Param> depth = {{"style or depth", Want::word, true}, {"depth or style", Want::word, true}};
  return {
      {"kstack", Form::variable, Place::expression, {}, "the kernel's stack", kstack_type, emit_kstack,
       false, "profile:hz:99 { @[kstack] = count(); } interval:ms:300 { exit(); }"},
      {"kstack", Form::function, Place::expression, depth,
       "the kernel's stack, its innermost `depth` frames; style: perf shows addresses, too, raw nothing else",
       kstack_type, emit_kstack, false, "profile:hz:99 { @[kstack(perf, 3)] = count(); } interval:ms:300 { exit(); }"},
      {"ustack", Form::variable, Place::expression, {},
       "the process's stack, by unwind tables, its innermost 127 frames; in BEGIN and END the process is zeektrace itself",
       ustack_type,
       emit_ustack, false, "profile:hz:99 { @[ustack] = count(); } interval:ms:300 { exit(); }"},
      {"ustack", Form::function, Place::expression, depth,
       "the process's stack, its innermost `depth` frames; style: as of kstack()",
       ustack_type, emit_ustack, false, "profile:hz:99 { @[ustack(raw, 3)] = count(); } interval:ms:300 { exit(); }"},
      {"dw_ustack", Form::variable, Place::expression, {}, "the same as ustack, which goes by unwind tables", ustack_type,
       emit_ustack, false, "profile:hz:99 { @[dw_ustack] = count(); } interval:ms:300 { exit(); }"},
      {"dw_ustack", Form::function, Place::expression, depth, "the same as ustack()", ustack_type, emit_ustack, false,
       "profile:hz:99 { @[dw_ustack(3)] = count(); } interval:ms:300 { exit(); }"},
      // The 2017 language had one stack, the kernel's.
      {"stack", Form::variable, Place::expression, {}, "the kernel's stack (the 2017 name of kstack)", kstack_type,
       emit_kstack, false, "profile:hz:99 { @[stack] = count(); } interval:ms:300 { exit(); }"},
  };
}

}  // namespace zeektrace
