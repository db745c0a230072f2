// signal(NAME): a signal to the process that hit the probe, at once (bpf_send_signal, since 5.3). It acts on what is
// traced, so it wants --unsafe.
#include <csignal>
#include <cstring>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

constexpr int last_signal = 31;  // behind them are the real-time ones, which have no names

// 0: there is no such signal.
int signal_number(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int number = 1; number <= last_signal; number++)
    if (const char* known = sigabbrev_np(number); known != nullptr && name == known) return number;
  return 0;
}

// By its name, or its number.
Type signal_type(Checker& checker, const Expr& expr) {
  const Expr& which = *checker.args(expr)[0];
  const std::string of = std::get<Call>(expr.node).function + "()";
  if (auto name = checker.literal_string(which)) {
    if (signal_number(*name) == 0)
      checker.diagnostics().add(Code::wrong_argument, which.span, 1, of, "a signal's name, such as \"USR1\"",
                                fmt::format("\"{}\"", *name));
  } else if (!checker.type_of(which).is_integer()) {
    checker.diagnostics().add(Code::wrong_argument, which.span, 1, of, "a signal's name, such as \"USR1\", or its number",
                              checker.type_of(which).spelling());
  }
  if (!checker.options().unsafe) checker.diagnostics().add(Code::needs_unsafe, expr.span, of);
  return Type();
}

template <HelperId helper>
Operand emit_signal(Emitter& e, const Expr& expr) {
  const Expr& which = *e.args(expr)[0];
  const auto name = e.literal_string(which);
  llvm::Value* number = name ? e.ir.getInt32(static_cast<uint32_t>(signal_number(*name)))
                             : e.ir.CreateTrunc(e.integer(which), e.ir.getInt32Ty());
  llvm::Value* status = e.helper(helper, {number});
  e.when(e.ir.CreateICmpNE(status, e.constant(0)), [&] { e.count(Counter::signal_lost); });
  return {};
}

}  // namespace

std::vector<Builtin> signal_rows() {
  const std::vector<Param> which = {{"signal", Want::value}};
  auto row = [&](std::string_view name, std::string_view doc, auto emit, std::string_view example) {
    return Builtin{name, Builtin::Form::function, Builtin::Place::statement, which, doc, signal_type, emit, false, example};
  };
  return {
      row("signal", "sends the process that hit the probe a signal, by its name or number; needs --unsafe",
          emit_signal<HelperId::send_signal>,
          "uprobe:libc:write /comm == \"nobody\"/ { signal(\"USR1\"); } interval:ms:100 { exit(); }"),
      row("signal_thread", "the same for the thread that hit the probe; needs --unsafe",
          emit_signal<HelperId::send_signal_thread>,
          "uprobe:libc:write /comm == \"nobody\"/ { signal_thread(10); } interval:ms:100 { exit(); }"),
  };
}

}  // namespace zeektrace
