#include "parser/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace zeektrace {
namespace {

std::string lowercase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// How many letters must be added, removed, changed or swapped with their neighbour to get from one to the other;
// `limit` + 1 as soon as it is clear that it takes more than `limit`.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
  size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > limit) return limit + 1;
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    if (*std::min_element(row.begin(), row.end()) > limit) return limit + 1;
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

constexpr size_t shortest_part = 3;  // a shared part of fewer letters says nothing
constexpr size_t too_far = 1000;

// Smaller is nearer. Upper and lower case count for less than a wrong letter, a name of the same length is likelier, and
// one that merely contains the other comes after every misspelling.
size_t distance(const std::string& wrong, const std::string& wrong_lower, std::string_view name) {
  std::string lower = lowercase(name);
  size_t limit = std::clamp<size_t>((wrong.size() + 1) / 3, 1, 5);
  size_t edits = edit_distance(wrong_lower, lower, limit);
  // A name of two letters is near to every other one.
  if (edits <= limit && edits < std::max<size_t>(lower.size(), wrong.size())) {
    return 4 * edits + 2 * (edit_distance(wrong, name, edits) > edits) + (lower.size() != wrong.size());
  }
  // To so short a name near are those of a letter too, and those that begin with it, the shortest first.
  if (wrong.size() == 1 && lower.size() == 1) return 30;
  if (!wrong.empty() && wrong.size() < shortest_part && lower.starts_with(wrong_lower)) return 30 + lower.size();
  bool contains = wrong.size() >= shortest_part && lower.find(wrong_lower) != std::string::npos;
  bool contained = lower.size() >= shortest_part && wrong_lower.find(lower) != std::string::npos;
  if (!contains && !contained) return too_far;
  return 40 + std::max(lower.size(), wrong.size()) - std::min(lower.size(), wrong.size());
}

}  // namespace

const Builtin* find_builtin(std::span<const Builtin> rows, std::string_view name, Builtin::Form form) {
  for (const Builtin& row : rows) {
    if (row.form == form && row.name == name) return &row;
  }
  return nullptr;
}

// Operators are told by their first letter.
bool is_operator(const Call& call) {
  const auto first = static_cast<unsigned char>(call.function[0]);
  return !std::isalpha(first) && first != '_';
}

const Builtin* find_called(std::span<const Builtin> rows, const Call& call) {
  if (is_operator(call)) return find_builtin(rows, call.function, Builtin::Form::op);
  const Builtin* variable = call.args.empty() ? find_builtin(rows, call.function, Builtin::Form::variable) : nullptr;
  return variable ? variable : find_builtin(rows, call.function, Builtin::Form::function);
}

bool has_alias(const Provider& row, std::string_view name) {
  std::string_view left = row.alias;
  while (!left.empty()) {
    const size_t end = std::min(left.find(' '), left.size());
    if (left.substr(0, end) == name) return true;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return false;
}

const Provider* find_provider(std::span<const Provider> rows, std::string_view name) {
  for (const Provider& row : rows) {
    if (row.name == name || has_alias(row, name)) return &row;
  }
  return nullptr;
}

std::vector<std::string> near_matches(std::string_view wrong, std::span<const std::string_view> names, size_t most) {
  std::string exact(wrong), lower = lowercase(wrong);
  std::vector<std::pair<size_t, std::string_view>> found;
  for (std::string_view name : names) {
    size_t far = distance(exact, lower, name);
    if (far < too_far && name != wrong) found.emplace_back(far, name);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::vector<std::string> best;
  for (size_t i = 0; i < found.size() && i < most; ++i) best.emplace_back(found[i].second);
  return best;
}

std::string did_you_mean(std::span<const std::string> names) {
  if (names.empty()) return "";
  std::string text = "did you mean ";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += fmt::format("'{}'", names[i]);
  }
  return text + "?";
}

}  // namespace zeektrace
