#include "src/hold.h"

#include <fmt/format.h>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/mentions.h"
#include "parser/parse.h"
#include "probes/machine.h"
#include "probes/tracer.h"
#include "src/pid_namespace.h"

namespace zeektrace {
namespace {

constexpr std::string_view stopping_script = "uprobe:$1:$2 { signal(\"STOP\"); }";

Error cannot_hold(const Child& child, std::string why) {
  return {Error::Kind::machine,
          fmt::format("-c: what this script reads is known only when {} runs, and it can't be stopped in time: {}", child.program(), why),
          "give the traced program itself as the command, or trace a running one by -p", {}};
}

}  // namespace

std::string function_to_hold_at(const Ast& ast, std::span<const Provider> providers) {
  for (const ProbeDecl& decl : ast.probes) {
    const std::set<std::string> mentioned = mentioned_names(decl);
    for (const AttachSpec& spec : decl.points) {
      const Provider* provider = find_provider(providers, spec.provider);
      if (!provider || !provider->known_at) continue;
      if (std::string_view function = provider->known_at(spec.target, mentioned); !function.empty()) return std::string(function);
    }
  }
  return "";
}

Status run_and_hold(Child& child, const std::string& function) {
  const Source source("the stop before the script", std::string(stopping_script));
  Diagnostics diagnostics;
  auto ast = parse(source, diagnostics);
  if (!ast) bug("the stopping script does not parse");
  Machine::Settings settings;
  settings.pid = child.pid();
  settings.program = child.program();
  Machine machine(settings);
  CheckOptions options;
  options.params = {child.program(), function};
  options.unsafe = true;
  auto only = only_process(child.pid());
  if (!only) return only.error();
  options.only_pid = only->pid;
  options.only_pid_namespace = only->in;
  auto program = check(source, *ast, all_builtins(), all_providers(), machine, options, diagnostics);
  if (!program) return program.error();
  if (!diagnostics.empty()) return cannot_hold(child, diagnostics.all().front().message);
  auto object = emit(*program, all_builtins());
  if (!object) return object.error();
  auto tracer = Tracer::load(object->elf, *program, machine, nullptr);
  if (!tracer) return tracer.error();
  if (auto armed = tracer->arm(); !armed) return armed.error();
  if (Status status = child.release(); !status) return status;
  auto stopped = child.hold_stopped();
  if (!stopped) return stopped.error();
  if (*stopped) return Nothing{};
  return Error{Error::Kind::machine,
               fmt::format("-c: {} ended with {} before it had read its scripts, and what this script reads is known only then",
                           child.program(), wait_status_text(*child.ended())),
               "what it says itself stands above", {}};
}

}  // namespace zeektrace
