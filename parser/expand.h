// Macros and the script's own functions: each call becomes a BlockExpr that holds a copy of the routine's body, so that the
// rooms above know blocks only. A macro's parameters are replaced by what is given for them, a function's are variables of its
// own. Names within are clean: a routine's variables are never its caller's, and a macro touches only the maps that it is given.
#pragma once

#include "parser/ast.h"
#include "parser/diagnostic.h"

namespace zeektrace {

// False, and at least one diagnostic, when a call can't be replaced.
bool expand_routines(Ast& ast, Diagnostics& diagnostics);

}  // namespace zeektrace
