#include "judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>
#include <string_view>

namespace zeektrace {

namespace {

using Lines = std::vector<std::string>;

// The standard library's regex recurses for every character: longer lines are only looked at so far.
constexpr size_t matched_length = 4096;
constexpr size_t most_shown = 20;
constexpr std::string_view tally_mark = "tally ";

std::string quoted_for_regex(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("^$\\.*+?()[]{}|").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

// The pattern compiled once before, when the file was read, with other places in it.
std::optional<std::regex> compiled(const Pattern& pattern, const Places& places) {
  Places quoted = places;
  for (auto& place : quoted) place.second = quoted_for_regex(place.second);
  try {
    return std::regex(put_places(pattern.text, quoted));
  } catch (const std::regex_error&) {
    return std::nullopt;
  }
}

bool matches(const std::string& line, const std::regex& regex) {
  const auto end = line.begin() + static_cast<std::ptrdiff_t>(std::min(line.size(), matched_length));
  try {
    return std::regex_search(line.begin(), end, regex);
  } catch (const std::regex_error&) {
    return false;
  }
}

// The first line from `from` on that matches, or the number of lines.
size_t find_match(const Lines& lines, size_t from, const Pattern& pattern, const Places& places) {
  const auto regex = compiled(pattern, places);
  if (!regex) return lines.size();
  const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(std::min(from, lines.size()));
  const auto found =
      std::find_if(begin, lines.end(), [&](const auto& line) { return matches(line, *regex); });
  return static_cast<size_t>(found - lines.begin());
}

std::string at(const TestFile& test, const Pattern& pattern) {
  return fmt::format("{}:{}", test.path.substr(test.path.rfind('/') + 1), pattern.line);
}

void judge_ending(const TestFile& test, const Outcome& tracer, std::vector<Complaint>& complaints) {
  if (tracer.timed_out) {
    complaints.push_back({fmt::format("still running after {:.1f} s, killed", tracer.seconds), ""});
  } else if (tracer.status.by_signal != test.status.by_signal || tracer.status.number != test.status.number) {
    complaints.push_back(
        {fmt::format("{} instead of {}", status_text(tracer.status), status_text(test.status)), ""});
  }
  if (test.signal && !tracer.signalled) {
    const std::string awaited = test.signal->text.empty() ? "Attached" : test.signal->text;
    complaints.push_back({fmt::format("ended, or never said '{}', before its signal was due", awaited), ""});
  }
  if (tracer.flooded) {
    complaints.push_back({fmt::format("more than {} MiB of output", captured_limit >> 20), ""});
  }
}

// Each on a line of its own, in this order.
void judge_expect(const TestFile& test, const Lines& out, const Places& places,
                  std::vector<Complaint>& complaints) {
  size_t from = 0;
  for (const auto& pattern : test.expect) {
    const size_t found = find_match(out, from, pattern, places);
    if (found == out.size()) {
      const bool earlier = find_match(out, 0, pattern, places) < from;
      complaints.push_back({fmt::format("{}: no line of stdout matches", at(test, pattern)),
                            fmt::format("- {}\n{}", pattern.text,
                                        earlier ? "  (a line before the ones matched so far does)\n" : "")});
    } else {
      from = found + 1;
    }
  }
}

void judge_errors(const TestFile& test, const Lines& out, const Lines& err, const Places& places,
                  std::vector<Complaint>& complaints) {
  for (const auto& pattern : test.errors) {
    if (find_match(err, 0, pattern, places) == err.size()) {
      complaints.push_back({fmt::format("{}: no line of stderr matches", at(test, pattern)),
                            fmt::format("- {}\n", pattern.text)});
    }
  }
  for (const auto& pattern : test.reject) {
    for (const auto* lines : {&out, &err}) {
      const size_t found = find_match(*lines, 0, pattern, places);
      if (found == lines->size()) continue;
      complaints.push_back({fmt::format("{}: a line of {} matches what is rejected", at(test, pattern),
                                        lines == &out ? "stdout" : "stderr"),
                            fmt::format("- {}\n+ {}\n", pattern.text, (*lines)[found])});
    }
  }
}

// A line's name: what stands before its number, in a histogram's row and elsewhere.
std::string_view row_name(std::string_view line) {
  const std::string_view label = line.substr(0, line.find(" |"));
  return label.substr(0, label.find_last_of(":)]"));
}

// The tracer must have printed the target's lines, letter for letter, in the target's order.
void judge_tally(const Lines& tally, const Lines& out, std::vector<Complaint>& complaints) {
  if (tally.empty()) {
    complaints.push_back({"the target printed no tally", ""});
    return;
  }
  auto from = out.begin();
  size_t missing = 0;
  std::string detail;
  for (const auto& line : tally) {
    const auto found = std::find(from, out.end(), line);
    if (found != out.end()) {
      from = found + 1;
      continue;
    }
    if (++missing > most_shown) continue;
    detail += fmt::format("- {}\n", line);
    const auto same_name = [&](const auto& other) { return row_name(other) == row_name(line); };
    const auto other = std::find_if(out.begin(), out.end(), same_name);
    if (other != out.end())
      detail += fmt::format("+ {}{}\n", *other, *other == line ? "   (out of order)" : "");
  }
  if (missing > most_shown) detail += fmt::format("  and {} more\n", missing - most_shown);
  if (missing > 0) {
    complaints.push_back(
        {fmt::format("{} of {} tally lines are not what the tracer printed", missing, tally.size()), detail});
  }
}

// Takes the lines that begin with the mark out of `lines`, and returns them without it.
Lines take_tally(Lines& lines) {
  Lines tally;
  Lines others;
  for (auto& line : lines) {
    if (line.compare(0, tally_mark.size(), tally_mark) == 0) {
      tally.push_back(line.substr(tally_mark.size()));
    } else {
      others.push_back(std::move(line));
    }
  }
  lines = std::move(others);
  return tally;
}

}  // namespace

std::string status_text(const ExitStatus& status) {
  return fmt::format("{} {}", status.by_signal ? "killed by signal" : "exit status", status.number);
}

std::vector<Complaint> judge(const TestFile& test, const Outcome& tracer, const std::string& target_output,
                             const Places& places) {
  Lines out = split_lines(tracer.out);
  const Lines err = split_lines(tracer.err);
  Lines target = split_lines(target_output);
  Lines tally = take_tally(out);
  const Lines background_tally = take_tally(target);
  tally.insert(tally.end(), background_tally.begin(), background_tally.end());
  std::vector<Complaint> complaints;
  judge_ending(test, tracer, complaints);
  judge_expect(test, out, places, complaints);
  judge_errors(test, out, err, places, complaints);
  if (test.tally) judge_tally(tally, out, complaints);
  return complaints;
}

}  // namespace zeektrace
