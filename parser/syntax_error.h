// A syntax error in the user's words: from what was found and what could have stood there. Private to parser/.
#pragma once

#include <span>

#include "parser/grammar.h"  // made by bison
#include "parser/tree.h"

namespace zeektrace {

void explain_syntax_error(Tree& tree, Grammar::symbol_kind_type found, Span where,
                          std::span<const Grammar::symbol_kind_type> expected);

}  // namespace zeektrace
