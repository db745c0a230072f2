// Which builtins and arguments the text of a probe names, types aside: what is worth finding out before it is checked.
#pragma once

#include <set>
#include <string>

#include "parser/ast.h"

namespace zeektrace {

// "pid", "arg0", "retval"; "args.count" for a field of such a word.
std::set<std::string> mentioned_names(const ProbeDecl& probe);

}  // namespace zeektrace
