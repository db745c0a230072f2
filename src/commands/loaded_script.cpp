#include "src/commands/loaded_script.h"

#include <fmt/format.h>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "probes/attach.h"

namespace zeektrace {
namespace {

Error complaint(const Diagnostics& diagnostics) {
  const Diagnostic& first = diagnostics.all().front();
  return {Error::Kind::machine, first.message, first.hint, {}};
}

}  // namespace

LoadedScript::LoadedScript(std::string text, Machine::Settings settings)
    : source_("<our own script>", std::move(text)), machine_(std::move(settings)) {}

Result<std::unique_ptr<LoadedScript>> LoadedScript::load(std::string text, std::vector<std::string> params, pid_t pid) {
  Machine::Settings settings;
  settings.pid = pid;
  settings.unsafe = true;  // offsets are known to be right, and nothing throws
  std::unique_ptr<LoadedScript> script(new LoadedScript(std::move(text), std::move(settings)));
  Diagnostics diagnostics;
  script->ast_ = parse(script->source_, diagnostics);
  if (!script->ast_) return complaint(diagnostics);
  CheckOptions options;
  options.params = std::move(params);
  options.only_pid = static_cast<uint32_t>(pid);
  auto program = check(script->source_, *script->ast_, all_builtins(), all_providers(), script->machine_, options,
                       diagnostics);
  if (!program) return program.error();
  if (!diagnostics.empty()) return complaint(diagnostics);
  script->program_ = std::move(*program);
  auto object = emit(*script->program_, all_builtins());
  if (!object) return object.error();
  auto tracer = Tracer::load(object->elf, *script->program_, script->machine_, nullptr);
  if (!tracer) return tracer.error();
  script->tracer_.emplace(std::move(*tracer));
  return script;
}

Status LoadedScript::arm() {
  auto armed = tracer_->arm();
  if (!armed) return armed.error();
  if (!tracer_->skipped().empty())
    return Error{Error::Kind::machine, fmt::format("can't probe {}: {}", tracer_->skipped().front().place, tracer_->skipped().front().why), {}};
  return Nothing{};
}

std::string LoadedScript::how() const {
  std::string ways;
  for (const Probe& probe : program_->probes) {
    if (ways.find(probe.how->name) != std::string::npos) continue;
    ways += fmt::format("{}{}", ways.empty() ? "" : ", ", probe.how->name);
  }
  return ways;
}

}  // namespace zeektrace
