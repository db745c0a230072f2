#include "parser/name_pattern.h"

namespace zeektrace {
namespace {

void set_bit(NamePattern::Bits& bits, size_t bit) { bits[bit / 64] |= uint64_t{1} << (bit % 64); }

}  // namespace

size_t glob_set_length(std::string_view glob, size_t at) {
  size_t i = at + 1;
  if (i < glob.size() && (glob[i] == '!' || glob[i] == '^')) i++;
  if (i < glob.size() && glob[i] == ']') i++;
  while (i < glob.size() && glob[i] != ']') i++;
  return i < glob.size() ? i + 1 - at : 0;
}

bool glob_set_has(std::string_view set, char c) {
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

std::optional<NamePattern> name_pattern(std::string_view glob) {
  NamePattern made;
  made.stays[0].fill(~uint64_t{0});
  size_t atoms = 0;
  for (size_t at = 0; at < glob.size();) {
    if (glob[at] == '*') {
      set_bit(made.stays[1], atoms);
      at++;
      continue;
    }
    if (atoms == most_name_atoms) return std::nullopt;
    const size_t set = glob[at] == '[' ? glob_set_length(glob, at) : 0;
    for (unsigned c = 1; c < 256; c++) {
      const char character = static_cast<char>(c);
      bool accepted = glob[at] == '?' || glob[at] == character;
      if (set > 0) accepted = glob_set_has(glob.substr(at, set), character);
      if (accepted) set_bit(made.accepts[c], atoms);
    }
    atoms++;
    at += set > 0 ? set : 1;
  }
  set_bit(made.end, atoms);
  return made;
}

}  // namespace zeektrace
