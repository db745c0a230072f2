#include "test_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <csignal>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "machine.h"

namespace zeektrace {

namespace {

struct Value {
  int line = 0;
  std::string text;            // behind the colon
  std::vector<Pattern> block;  // the indented lines below
};

using Problem = std::optional<std::string>;

struct Key {
  std::string_view name;
  bool takes_block;
  Problem (*read)(TestFile& test, const Value& value);
};

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> parse_seconds(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > 3600)
    return std::nullopt;
  return value;
}

std::optional<int> parse_signal(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, int>, 9> names = {{{"INT", SIGINT},
                                                                             {"TERM", SIGTERM},
                                                                             {"KILL", SIGKILL},
                                                                             {"HUP", SIGHUP},
                                                                             {"QUIT", SIGQUIT},
                                                                             {"ABRT", SIGABRT},
                                                                             {"SEGV", SIGSEGV},
                                                                             {"USR1", SIGUSR1},
                                                                             {"PIPE", SIGPIPE}}};
  for (const auto& [name, number] : names) {
    if (text == name) return number;
  }
  const auto number = parse_seconds(text);
  if (!number || *number < 1 || *number > 64) return std::nullopt;
  return static_cast<int>(*number);
}

Problem read_signal(TestFile& test, const Value& value) {
  const auto words = split_words(value.text);
  const auto number = words.size() >= 3 ? parse_signal(words[0]) : std::nullopt;
  const auto seconds = number && words[1] == "after" && words.size() == 3 ? parse_seconds(words[2]) : std::nullopt;
  if (seconds) {
    test.signal = DelayedSignal{*number, *seconds};
  } else if (number && words[1] == "at") {
    test.signal = DelayedSignal{*number, 0, value.text.substr(value.text.find(" at ") + 4)};
  } else {
    return fmt::format("'{}' is neither of the form 'INT after 1.0' nor 'INT at TEXT'", value.text);
  }
  return std::nullopt;
}

Problem read_status(TestFile& test, const Value& value) {
  const auto words = split_words(value.text);
  if (words.size() == 2 && words[0] == "signal") {
    if (const auto number = parse_signal(words[1])) {
      test.status = ExitStatus{true, *number};
      return std::nullopt;
    }
  }
  const auto number = words.size() == 1 ? parse_seconds(words[0]) : std::nullopt;
  if (!number || *number > 255) return fmt::format("'{}' is neither 0 to 255 nor 'signal 9'", value.text);
  test.status = ExitStatus{false, static_cast<int>(*number)};
  return std::nullopt;
}

Problem read_within(TestFile& test, const Value& value) {
  const auto seconds = parse_seconds(value.text);
  if (!seconds || *seconds <= 0) return fmt::format("'{}' is not a number of seconds", value.text);
  test.within = *seconds;
  return std::nullopt;
}

Problem read_tally(TestFile& test, const Value& value) {
  if (value.text != "yes") return fmt::format("'{}' is not 'yes'", value.text);
  test.tally = true;
  return std::nullopt;
}

Problem read_needs(TestFile& test, const Value& value) {
  test.needs = split_words(value.text);
  for (const auto& need : test.needs) {
    if (!is_need(need)) return fmt::format("unknown need '{}'; known are: {}", need, known_needs());
  }
  if (test.needs.size() > 1 && std::count(test.needs.begin(), test.needs.end(), "nothing") > 0) {
    return std::string("'nothing' goes with no other need");
  }
  return std::nullopt;
}

std::string block_text(const Value& value) {
  std::string text;
  for (const auto& line : value.block) text += line.text + '\n';
  return text;
}

std::vector<Pattern> patterns(const Value& value) {
  std::vector<Pattern> result;
  for (const auto& pattern : value.block) {
    if (!pattern.text.empty()) result.push_back(pattern);
  }
  return result;
}

constexpr std::array keys = {
    Key{"covers", false,
        [](TestFile& t, const Value& v) { return t.covers = split_words(v.text), Problem{}; }},
    Key{"needs", false, read_needs},
    Key{"target", false, [](TestFile& t, const Value& v) { return t.target = v.text, Problem{}; }},
    Key{"background", false, [](TestFile& t, const Value& v) { return t.background = v.text, Problem{}; }},
    Key{"args", false, [](TestFile& t, const Value& v) { return t.args = v.text, Problem{}; }},
    Key{"params", false, [](TestFile& t, const Value& v) { return t.params = v.text, Problem{}; }},
    Key{"file", false, [](TestFile& t, const Value& v) { return t.file = v.text, Problem{}; }},
    Key{"signal", false, read_signal},
    Key{"status", false, read_status},
    Key{"tally", false, read_tally},
    Key{"within", false, read_within},
    Key{"script", true, [](TestFile& t, const Value& v) { return t.script = block_text(v), Problem{}; }},
    Key{"stdin", true,
        [](TestFile& t, const Value& v) { return t.standard_input = block_text(v), Problem{}; }},
    Key{"expect", true, [](TestFile& t, const Value& v) { return t.expect = patterns(v), Problem{}; }},
    Key{"reject", true, [](TestFile& t, const Value& v) { return t.reject = patterns(v), Problem{}; }},
    Key{"stderr", true, [](TestFile& t, const Value& v) { return t.errors = patterns(v), Problem{}; }},
};

bool is_indented(const std::string& line) { return !line.empty() && (line[0] == ' ' || line[0] == '\t'); }

// The indented lines from `at` on, less the first one's indentation; blank lines within belong to them.
std::vector<Pattern> take_block(const std::vector<std::string>& lines, size_t& at) {
  size_t end = at;
  for (size_t i = at; i < lines.size() && (is_indented(lines[i]) || lines[i].empty()); ++i) {
    if (!trimmed(lines[i]).empty()) end = i + 1;
  }
  std::vector<Pattern> block;
  const size_t indent = at < end ? lines[at].find_first_not_of(" \t") : 0;
  for (; at < end; ++at) {
    const size_t own = std::min(lines[at].find_first_not_of(" \t"), lines[at].size());
    block.push_back(Pattern{static_cast<int>(at) + 1, lines[at].substr(std::min(own, indent))});
  }
  return block;
}

std::optional<Malformed> check_patterns(const std::vector<Pattern>& patterns) {
  for (const auto& pattern : patterns) {
    try {
      std::regex(put_places(pattern.text, {{"PID", "1"}, {"DIR", "/"}, {"TARGETS", "/"}, {"TMP", "/"}}));
    } catch (const std::regex_error& error) {
      return Malformed{pattern.line,
                       fmt::format("'{}' is no ECMAScript regex: {}", pattern.text, error.what())};
    }
  }
  return std::nullopt;
}

// What no single line shows.
std::optional<Malformed> check_whole(const TestFile& test, const std::set<std::string, std::less<>>& seen) {
  const int last = 1;
  if (!test.target.empty() && !test.background.empty())
    return Malformed{last, "both 'target' and 'background'"};
  if (test.script && !test.file.empty()) return Malformed{last, "both 'script' and 'file'"};
  if (!test.script && test.file.empty() && test.args.empty()) {
    return Malformed{last, "nothing to run: none of 'script', 'file' and 'args'"};
  }
  if (test.expect.empty() && test.reject.empty() && test.errors.empty() && !test.tally &&
      !seen.contains("status")) {
    return Malformed{last, "asserts nothing: none of 'expect', 'reject', 'stderr', 'tally' and 'status'"};
  }
  if (test.tally && test.target.empty() && test.background.empty()) {
    return Malformed{last, "'tally' without a 'target' or 'background' that prints one"};
  }
  for (const auto* patterns : {&test.expect, &test.reject, &test.errors}) {
    if (auto malformed = check_patterns(*patterns)) return malformed;
  }
  return std::nullopt;
}

std::optional<Malformed> read_key(TestFile& test, const std::vector<std::string>& lines, size_t& at,
                                  std::set<std::string, std::less<>>& seen) {
  const int number = static_cast<int>(at) + 1;
  const std::string& line = lines[at++];
  if (is_indented(line)) return Malformed{number, "an indented line that belongs to no block"};
  const size_t colon = line.find(':');
  if (colon == std::string::npos)
    return Malformed{number, fmt::format("'{}' is not of the form 'key: value'", line)};
  const std::string name = line.substr(0, colon);
  const auto* key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
  if (key == keys.end()) {
    std::string known;
    for (const auto& k : keys) known += fmt::format("{}{}", known.empty() ? "" : " ", k.name);
    return Malformed{number, fmt::format("unknown key '{}'; known are: {}", name, known)};
  }
  if (!seen.insert(name).second) return Malformed{number, fmt::format("'{}' comes twice", name)};
  Value value{number, std::string(trimmed(std::string_view(line).substr(colon + 1))), {}};
  if (key->takes_block) {
    if (!value.text.empty()) {
      return Malformed{number, fmt::format("'{}' takes an indented block on the lines below", name)};
    }
    value.block = take_block(lines, at);
  }
  if (value.text.empty() && value.block.empty()) return Malformed{number, fmt::format("'{}' is empty", name)};
  if (auto problem = key->read(test, value)) return Malformed{number, *problem};
  return std::nullopt;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
      if (!in_word) words.emplace_back();
      in_word = true;
    } else if (!quoted && (c == ' ' || c == '\t')) {
      in_word = false;
    } else {
      if (!in_word) words.emplace_back();
      in_word = true;
      words.back() += c;
    }
  }
  return words;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string put_places(std::string_view text, const Places& places) {
  std::string result;
  while (!text.empty()) {
    const auto stands_here = [&](const auto& place) {
      const std::string_view name = place.first;
      const char next = text.size() > name.size() + 1 ? text[name.size() + 1] : ' ';
      const bool longer = std::isalnum(static_cast<unsigned char>(next)) != 0 || next == '_';
      return text.substr(1, name.size()) == name && !longer;
    };
    const auto place =
        text[0] == '$' ? std::find_if(places.begin(), places.end(), stands_here) : places.end();
    if (place == places.end()) {
      result += text[0];
      text.remove_prefix(1);
    } else {
      result += place->second;
      text.remove_prefix(place->first.size() + 1);
    }
  }
  return result;
}

std::variant<TestFile, Malformed> read_test_file(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) return Malformed{0, "cannot be read"};
  std::ostringstream content;
  content << stream.rdbuf();
  const auto lines = split_lines(content.str());
  TestFile test;
  test.path = path;
  const std::string file_name = path.substr(path.rfind('/') + 1);
  test.name = file_name.substr(0, file_name.rfind(".rt"));
  if (lines.empty() || lines[0].size() < 3 || lines[0].substr(0, 2) != "# ") {
    return Malformed{1, "the first line must say, behind '# ', what the test shows"};
  }
  test.summary = lines[0].substr(2);
  std::set<std::string, std::less<>> seen;
  for (size_t at = 1; at < lines.size();) {
    if (trimmed(lines[at]).empty() || lines[at][0] == '#') {
      ++at;
    } else if (auto malformed = read_key(test, lines, at, seen)) {
      return *malformed;
    }
  }
  if (auto malformed = check_whole(test, seen)) return *malformed;
  return test;
}

}  // namespace zeektrace
