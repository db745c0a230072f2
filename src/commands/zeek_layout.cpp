#include "probes/zeek/layout.h"
#include "probes/zeek/layout_text.h"
#include "src/commands/commands.h"
#include "src/options.h"

namespace zeektrace {

Result<std::string> zeek_layout_command(const Options& options) {
  if (options.params.empty())
    return Error{Error::Kind::script, "zeek layout wants a BIN", "a Zeek with debug information, its own or a separate file's", nullptr};
  auto layout = described_zeek_layout(options.params[0], options.params[0]);
  if (!layout) return layout.error();
  return zeek_layout_text(*layout);
}

}  // namespace zeektrace
