// Globs as attach points use them: `*` any run of characters, `?` one, `[a-c]` or `[!a-c]` one of a set.
// Everything else stands for itself. Matching takes time in proportion to pattern × text at worst and never
// recurses.
#pragma once

#include <string_view>

namespace zeektrace {

// Whether the text has a character that makes it a pattern.
bool is_glob(std::string_view text);

bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace zeektrace
