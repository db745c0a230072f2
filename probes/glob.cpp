#include "probes/glob.h"

#include <cstddef>

namespace zeektrace {

namespace {

// Length of the set that begins at pattern[at] ('['), brackets included; 0 when it is never closed, and the
// bracket then stands for itself. A `]` right after the opening belongs to the set.
size_t set_length(std::string_view pattern, size_t at) {
  size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) i++;
  if (i < pattern.size() && pattern[i] == ']') i++;
  while (i < pattern.size() && pattern[i] != ']') i++;
  return i < pattern.size() ? i + 1 - at : 0;
}

bool set_has(std::string_view set, char c) {
  set = set.substr(1, set.size() - 2);
  const bool negated = !set.empty() && (set.front() == '!' || set.front() == '^');
  if (negated) set.remove_prefix(1);
  const auto wanted = static_cast<unsigned char>(c);
  bool found = false;
  for (size_t i = 0; i < set.size(); i++) {
    const auto low = static_cast<unsigned char>(set[i]);
    auto high = low;
    if (i + 2 < set.size() && set[i + 1] == '-') {
      high = static_cast<unsigned char>(set[i + 2]);
      i += 2;
    }
    found = found || (low <= wanted && wanted <= high);
  }
  return found != negated;
}

// How many characters of the pattern match this one character of the text; 0: it does not match.
size_t match_one(std::string_view pattern, size_t at, char c) {
  if (pattern[at] == '?') return 1;
  if (pattern[at] == '[') {
    if (const size_t length = set_length(pattern, at))
      return set_has(pattern.substr(at, length), c) ? length : 0;
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
