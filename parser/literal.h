// The text of one token → what it stands for. Pure functions; private to parser/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "parser/tree.h"

namespace zeektrace {

// 10, 1_000, 0x1f, 0b11, 017, 2e3, 5ms, with C's suffixes u l ul ll ull. An error is reported at `span` and gives 0.
uint64_t read_number(Tree& tree, Span span, std::string_view text);

// The text between the quotes, with its escapes read; `span` is that of the text between the quotes.
std::string read_string(Tree& tree, Span span, std::string_view text);

// "(unsigned int *)" → uint32 and a star; "(struct foo[4])" → foo and a length. `known` is true for what can only be a type: the
// language's own, a name with struct, class, union, enum or "::", one in quotes. Of another the words stand in `name` as
// they were written.
struct CastText {
  TypeSpelling type;
  bool known = false;
};
CastText read_cast(std::string_view text);
// "unsigned long int" → uint64, as C spells the language's own types; "" for anything else.
std::string canonical_type(std::string_view words);

// "uprobe:/bin/x:"f(int)"" → provider and target, the quotes taken off.
AttachSpec read_attach_point(Span span, std::string_view text);

// Words and signs of today's language that this one does not have: what to call it, and what to write instead.
struct Unsupported {
  std::string_view word;
  std::string_view what;
  std::string_view instead;
};
// In a block; null when the word means nothing special.
const Unsupported* unsupported_in_block(std::string_view word);
// Where a probe begins.
const Unsupported* unsupported_outside(std::string_view word);

}  // namespace zeektrace
