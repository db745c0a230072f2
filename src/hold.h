// A command of -c that has to run a little before the script can be compiled, since only the running process knows what the
// script asks: it runs up to a function's entry, and is stopped there by a script of one line.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "parser/ast.h"
#include "parser/registry.h"
#include "parser/result.h"
#include "src/child.h"

namespace zeektrace {

// The function at whose entry the process can tell what this script asks of it (Provider::known_at); "" when it asks nothing.
std::string function_to_hold_at(const Ast& ast, std::span<const Provider> providers);

// Starts the command and gives it back stopped at the entry of that function of its program. An Error when it has no such
// function, or ends before it comes there.
Status run_and_hold(Child& child, const std::string& function);

}  // namespace zeektrace
