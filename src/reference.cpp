#include "src/reference.h"

#include <fmt/format.h>

#include <span>
#include <vector>

#include "codegen/object.h"
#include "probes/machine.h"
#include "src/options.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;

// "lhist(n, min, max, step)", "a + b"
std::string syntax_of(const Builtin& row) {
  if (row.form == Form::variable) return std::string(row.name);
  if (row.form == Form::op) {
    const std::string_view op = row.name;
    if (row.params.size() == 3) return fmt::format("a {} b {} c", op.substr(0, 1), op.substr(1));
    if (row.params.size() == 1) return fmt::format("{}a", op);
    std::string syntax = fmt::format("a {} b", op);
    return row.params.back().optional ? fmt::format("{}, {}a", syntax, op) : syntax;
  }
  std::string params;
  for (const Param& param : row.params) {
    std::string text(param.name);
    if (!params.empty()) text = ", " + text;
    if (param.repeated) text += ", …";
    params += param.optional ? fmt::format("[{}]", text) : text;
  }
  return fmt::format("{}({})", row.name, params);
}

std::string_view place_of(const Builtin& row) {
  switch (row.place) {
    case Place::map_value: return "assigned to a map: @name = …";
    case Place::statement: return "a statement of its own";
    default: return "";
  }
}

// An operator's is made of its name; all others have one.
std::string example_of(const Builtin& row) {
  if (row.form != Form::op) return std::string(row.example);
  const std::string_view op = row.name;
  std::string use = row.params.size() == 3   ? fmt::format("$a {} $b {} 0", op.substr(0, 1), op.substr(1))
                    : row.params.size() == 1 ? fmt::format("{}$a", op)
                                             : fmt::format("$a {} $b", op);
  return fmt::format("BEGIN {{ $a = 7; $b = 2; print({}); exit(); }}", use);
}

struct Entry {
  std::string syntax;
  std::string text;
  std::string more;
  std::string example;
};

Entry entry_of(const Builtin& row) {
  return {syntax_of(row), std::string(row.doc), std::string(place_of(row)), example_of(row)};
}
Entry entry_of(const Provider& row) {
  std::string more = row.alias.empty() ? "" : fmt::format("short: {}", row.alias);
  return {std::string(row.syntax), std::string(row.doc), std::move(more), std::string(row.example)};
}

struct Section {
  std::string_view title;
  std::vector<Entry> entries;
};

std::vector<Section> sections() {
  auto builtins = [](auto&& wanted) {
    std::vector<Entry> entries;
    for (const Builtin& row : all_builtins())
      if (wanted(row)) entries.push_back(entry_of(row));
    return entries;
  };
  std::vector<Section> all;
  all.push_back({"Probes", {}});
  for (const Provider& row : all_providers()) all.back().entries.push_back(entry_of(row));
  all.push_back({"Variables", builtins([](const Builtin& row) { return row.form == Form::variable; })});
  all.push_back({"What is assigned to a map", builtins([](const Builtin& row) { return row.place == Place::map_value; })});
  all.push_back({"Functions", builtins([](const Builtin& row) {
                   return row.form == Form::function && row.place != Place::map_value;
                 })});
  all.push_back({"Operators", builtins([](const Builtin& row) { return row.form == Form::op; })});
  return all;
}

std::string plain(const Entry& entry) {
  std::string text = fmt::format("{}\n    {}\n", entry.syntax, entry.text);
  if (!entry.more.empty()) text += fmt::format("    ({})\n", entry.more);
  return text + fmt::format("    example: {}\n", entry.example);
}

std::string markdown(const Entry& entry) {
  std::string text = fmt::format("### `{}`\n\n{}", entry.syntax, entry.text);
  if (!entry.more.empty()) text += fmt::format(" ({})", entry.more);
  return text + fmt::format("\n\n```bt\n{}\n```\n\n", entry.example);
}

// Backslashes, and dots and quotes that begin a line, mean something to roff; a dash is a minus only with a backslash.
std::string roff(std::string_view text) {
  std::string safe;
  for (const char each : text) {
    if (each == '\\') safe += "\\e";
    else if (each == '-') safe += "\\-";
    else safe += each;
  }
  if (!safe.empty() && (safe[0] == '.' || safe[0] == '\'')) safe.insert(0, "\\&");
  return safe;
}

std::string roff_entry(const Entry& entry) {
  std::string text = fmt::format(".TP\n.B {}\n{}\n", roff(entry.syntax), roff(entry.text));
  if (!entry.more.empty()) text += fmt::format("({})\n", roff(entry.more));
  return text + fmt::format(".IP\n.nf\n{}\n.fi\n", roff(entry.example));
}

}  // namespace

std::string reference_markdown() {
  std::string text =
      "# The language: probes, variables, functions, operators\n\n"
      "Made by `zeektrace help`, which prints this page; `zeektrace help NAME` prints what is said of one name. Every example is\n"
      "run by a test. What scripts are made of besides (blocks, loops, maps) is in README.md.\n\n";
  for (const Section& section : sections()) {
    text += fmt::format("## {}\n\n", section.title);
    for (const Entry& entry : section.entries) text += markdown(entry);
  }
  text.pop_back();
  return text;
}

std::string reference_man() {
  std::string text =
      ".TH ZEEKTRACE 8\n.SH NAME\nzeektrace \\- trace live daemons, Zeek first, with scripts in the language of bpftrace\n"
      ".SH SYNOPSIS\n.B zeektrace\n[FLAGS] FILE [ARG...]\n.br\n.B zeektrace\n[FLAGS] \\-e SCRIPT [ARG...]\n.SH OPTIONS\n";
  for (const OptionRow& row : option_rows()) {
    const std::string letter = row.letter != 0 ? fmt::format("\\-{}, ", row.letter) : "";
    text += fmt::format(".TP\n.B {}\\-\\-{} {}\n{}\n", letter, roff(row.word), row.argument, roff(row.doc));
  }
  for (const Section& section : sections()) {
    std::string title(section.title);
    for (char& each : title) each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
    text += fmt::format(".SH {}\n", title);
    for (const Entry& entry : section.entries) text += roff_entry(entry);
  }
  return text;
}

std::optional<std::string> help_on(std::string_view name) {
  std::string text;
  for (const Builtin& row : all_builtins())
    if (row.name == name) text += plain(entry_of(row));
  for (const Provider& row : all_providers())
    if (row.name == name || has_alias(row, name)) text += plain(entry_of(row));
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace zeektrace
