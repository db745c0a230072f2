// zeektrace help [NAME]: the reference, or what it says of one name.
#include <fmt/format.h>

#include <vector>

#include "codegen/object.h"
#include "parser/registry.h"
#include "probes/machine.h"
#include "src/commands/commands.h"
#include "src/options.h"
#include "src/reference.h"

namespace zeektrace {
namespace {

constexpr std::string_view man_page = "man";  // no row has this name

}  // namespace

Result<std::string> help_command(const Options& options) {
  if (options.params.empty()) return reference_markdown();
  const std::string& name = options.params[0];
  if (name == man_page) return reference_man();
  if (auto text = help_on(name)) return *std::move(text);
  std::vector<std::string_view> names;
  for (const Builtin& row : all_builtins()) names.push_back(row.name);
  for (const Provider& row : all_providers()) names.push_back(row.name);
  std::string hint = did_you_mean(near_matches(name, names));
  if (hint.empty()) hint = "zeektrace help prints all there is; zeektrace -h lists the options";
  return Error{Error::Kind::script, fmt::format("help: there is no '{}'", name), hint, nullptr};
}

}  // namespace zeektrace
