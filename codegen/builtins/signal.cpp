// signal(NAME): a signal to the process that hit the probe, at once (bpf_send_signal, since 5.3). The one builtin that acts on
// what is traced, so it wants --unsafe.
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

Type signal_type(Checker& checker, const Expr& expr) {
  const Expr& which = *checker.args(expr)[0];
  const std::string name = checker.literal_string(which).value_or("");
  if (signal_number(name) == 0)
    checker.diagnostics().add(Code::wrong_argument, which.span, 1, "signal()", "a signal's name, such as \"USR1\"",
                              fmt::format("\"{}\"", name));
  if (!checker.options().unsafe) checker.diagnostics().add(Code::needs_unsafe, expr.span, "signal()");
  return Type();
}

Operand emit_signal(Emitter& e, const Expr& expr) {
  const int number = signal_number(e.literal_string(*e.args(expr)[0]).value_or(""));
  llvm::Value* status = e.helper(HelperId::send_signal, {e.ir.getInt32(static_cast<uint32_t>(number))});
  e.when(e.ir.CreateICmpNE(status, e.constant(0)), [&] { e.count(Counter::signal_lost); });
  return {};
}

}  // namespace

std::vector<Builtin> signal_rows() {
  return {
      {"signal",
       Builtin::Form::function,
       Builtin::Place::statement,
       {{"name", Want::literal_string}},
       "sends the process that hit the probe a signal, such as signal(\"USR1\"); needs --unsafe",
       signal_type,
       emit_signal},
  };
}

}  // namespace zeektrace
