#include "parser/habits.h"

#include <algorithm>
#include <cctype>

namespace zeektrace {
namespace {

struct Habit {
  std::string_view word;
  std::string_view advice;
};
constexpr Habit habits[] = {
    {"and", "&& is 'and', || is 'or', ! is 'not'"},
    {"or", "&& is 'and', || is 'or', ! is 'not'"},
    {"not", "&& is 'and', || is 'or', ! is 'not'"},
    {"elif", "write else if (…) { … }"},
    {"elseif", "write else if (…) { … }"},
    {"elsif", "write else if (…) { … }"},
    {"IF", "it is written if, in small letters"},
    {"ELSE", "it is written else, in small letters"},
    {"WHILE", "it is written while, in small letters"},
    {"then", "what if does stands in braces"},
    {"var", "a variable has no word before it: $name = …;"},
    {"auto", "a variable has no word before it: $name = …;"},
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string habit_in(std::string_view statement) {
  for (size_t at = 0; at < statement.size();) {
    size_t end = at;
    while (end < statement.size() && is_word(statement[end])) ++end;
    // Not what is a name: $or, @or.
    bool named = at > 0 && (statement[at - 1] == '$' || statement[at - 1] == '@' || statement[at - 1] == '"');
    std::string_view word = statement.substr(at, end - at);
    const auto* habit = std::ranges::find(habits, word, &Habit::word);
    if (habit != std::end(habits) && !named) return std::string(habit->advice);
    at = std::max(end, at + 1);
  }
  return "";
}

std::string_view statement_around(std::string_view script, size_t begin, size_t end) {
  size_t start = std::min(begin, script.size());
  while (start > 0 && script[start - 1] != ';' && script[start - 1] != '{' && script[start - 1] != '}') --start;
  return script.substr(start, std::min(end, script.size()) - start);
}

}  // namespace zeektrace
