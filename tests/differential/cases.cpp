#include "cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <sstream>

namespace zeektrace {

namespace {

constexpr std::string_view header = "=== ";

struct Key {
  std::string_view name;
  std::string Case::* value;
};
constexpr Key keys[] = {{"target", &Case::target}, {"flags", &Case::flags},     {"params", &Case::params},
                        {"differs", &Case::differs}, {"instead", &Case::instead}};

std::string without_blanks(std::string text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  size_t begin = 0;
  while (begin < text.size() && is_blank(text[begin])) ++begin;
  return text.substr(begin);
}

// `line` as a key of the case; false when it is the script's.
bool read_key(Case& which, const std::string& line) {
  const size_t colon = line.find(": ");
  const std::string name = line.substr(0, colon), value = colon == std::string::npos ? "" : line.substr(colon + 2);
  for (const Key& key : keys) {
    if (name != key.name) continue;
    which.*key.value = without_blanks(value);
    return true;
  }
  if (name != "ignore") return false;
  for (const std::string& word : split_words(value)) {
    which.sorted |= word == "order";
    which.numbers |= word == "numbers";
  }
  return true;
}

bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// JSON without the blanks between its parts.
std::string packed(const std::string& line) {
  std::string result;
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '\\') {
      result += line.substr(i++, 2);
      continue;
    }
    quoted ^= line[i] == '"';
    if (quoted || line[i] != ' ') result += line[i];
  }
  return result;
}

// Addresses, and numbers where they say nothing, as a word.
std::string without_accidents(const std::string& line, bool numbers) {
  constexpr size_t shortest_address = 8;  // digits
  std::string result;
  for (size_t at = 0; at < line.size();) {
    size_t end = at;
    if (line.compare(at, 2, "0x") == 0) {
      for (end = at + 2; end < line.size() && is_hex(line[end]);) ++end;
      if (end - at - 2 >= shortest_address) {
        result += "ADDRESS";
        at = end;
        continue;
      }
    }
    for (end = at; numbers && end < line.size() && is_digit(line[end]);) ++end;
    if (end > at) {
      result += "N";
      at = end;
    } else {
      result += line[at++];
    }
  }
  return result;
}

bool is_of_no_interest(const std::string& line) {
  const bool is_tally = line.rfind("tally ", 0) == 0 && line.find('@') != std::string::npos;  // the target's own account
  return is_tally || line.rfind("Attaching ", 0) == 0 || line.rfind("nanoseconds per call: ", 0) == 0 ||
         line.rfind("{\"type\":\"attached_probes\"", 0) == 0;
}

}  // namespace

std::variant<std::vector<Case>, Malformed> read_cases(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) return Malformed{0, "cannot be read"};
  std::vector<Case> cases;
  std::set<std::string> names;
  bool in_keys = false;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.rfind(header, 0) == 0) {
      Case next;
      next.name = without_blanks(line.substr(header.size()));
      next.line = number;
      cases.push_back(std::move(next));
      if (!names.insert(cases.back().name).second) return Malformed{number, "this name comes twice"};
      in_keys = true;
      continue;
    }
    const bool is_note = line.empty() || line.rfind("# ", 0) == 0;  // #define is the script's
    if (cases.empty() && !is_note) return Malformed{number, "before the first case only lines with # can stand"};
    if (cases.empty() || (in_keys && read_key(cases.back(), line))) continue;
    in_keys = false;
    if (!is_note) cases.back().script += line + '\n';
  }
  for (const Case& each : cases) {
    if (each.script.empty()) return Malformed{each.line, "this case has no script"};
  }
  if (cases.empty()) return Malformed{number, "no case"};
  return cases;
}

std::string comparable(const std::string& output, const Case& which) {
  std::vector<std::string> lines;
  const bool is_json = which.flags.find("json") != std::string::npos;
  for (const std::string& raw : split_lines(output)) {
    const std::string line = is_json ? packed(raw) : raw;
    std::string kept = without_accidents(line, which.numbers);
    while (!kept.empty() && (kept.back() == ' ' || kept.back() == '\r')) kept.pop_back();
    if (!kept.empty() && !is_of_no_interest(line)) lines.push_back(std::move(kept));
  }
  if (which.sorted) std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

}  // namespace zeektrace
