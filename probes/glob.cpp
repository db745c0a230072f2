#include "probes/glob.h"

#include <cstddef>

#include "parser/name_pattern.h"

namespace zeektrace {

namespace {

// How many characters of the pattern match this one character of the text; 0: it does not match.
size_t match_one(std::string_view pattern, size_t at, char c) {
  if (pattern[at] == '?') return 1;
  if (pattern[at] == '[') {
    if (const size_t length = glob_set_length(pattern, at))
      return glob_set_has(pattern.substr(at, length), c) ? length : 0;
  }
  return pattern[at] == c ? 1 : 0;
}

}  // namespace

bool is_glob(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

// The last star seen is the only one that ever needs to be retried: a shorter match of an earlier one never
// helps.
bool glob_matches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    const size_t step = p < pattern.size() ? match_one(pattern, p, text[t]) : 0;
    if (step != 0) {
      p += step;
      t++;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

}  // namespace zeektrace
