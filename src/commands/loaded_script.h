// A script that a command of ours runs for its own ends: parsed, checked, compiled and loaded as any other; armed and
// disarmed as often as wanted.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ast.h"
#include "parser/program.h"
#include "parser/source.h"
#include "probes/machine.h"
#include "probes/tracer.h"

namespace zeektrace {

class LoadedScript {
 public:
  // `params` are $1 …; only events of process `pid` count. An Error with the first complaint when it can't run here.
  static Result<std::unique_ptr<LoadedScript>> load(std::string text, std::vector<std::string> params, pid_t pid);
  LoadedScript(const LoadedScript&) = delete;
  LoadedScript& operator=(const LoadedScript&) = delete;

  Status arm();
  void disarm() { tracer_->disarm(); }
  // How its places are attached, each way once: "uprobe_multi link".
  std::string how() const;

 private:
  LoadedScript(std::string text, Machine::Settings settings);
  Source source_;
  Machine machine_;
  std::optional<Ast> ast_;
  std::optional<Program> program_;
  std::optional<Tracer> tracer_;
};

}  // namespace zeektrace
