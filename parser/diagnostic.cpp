#include "parser/diagnostic.h"

#include <algorithm>
#include <iterator>

namespace zeektrace {
namespace {

constexpr DiagnosticRow rows[] = {
#define ZEEKTRACE_ROW(code, wording, hint) {Code::code, #code, wording, hint},
    ZEEKTRACE_DIAGNOSTICS(ZEEKTRACE_ROW)
#undef ZEEKTRACE_ROW
};

// One character as a terminal will show it, and how many columns that takes.
struct Cell {
  std::string text;
  size_t width = 1;
  size_t bytes = 1;  // of the original
};

// Characters that move the cursor, turn the direction of writing or can't be seen.
bool is_treacherous(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0xa0) || (point >= 0x200b && point <= 0x200f) ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

Cell cell_at(std::string_view text) {
  uint32_t point = 0;
  size_t length = utf8_length(text, &point);
  std::string shown;
  if (length == 0) {
    length = 1;
    shown = fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
  } else if (!is_treacherous(point)) {
    return {std::string(text.substr(0, length)), 1, length};
  } else {
    shown = point < 0x100 ? fmt::format("\\x{:02x}", point) : fmt::format("\\u{{{:x}}}", point);
  }
  return {shown, shown.size(), length};
}

// Names, messages and hints hold parts of the script, too.
std::string printable(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    Cell cell = cell_at(text);
    safe += text[0] == '\n' || text[0] == '\t' ? std::string(1, text[0]) : cell.text;
    text.remove_prefix(cell.bytes);
  }
  return safe;
}

constexpr size_t widest_line = 120;
constexpr size_t widest_before = 80;  // of these, at most so many stand before the caret when a line is cut

// Where to begin showing the line so that the caret at byte `caret` is seen; a boundary of characters.
size_t first_shown(std::string_view line, size_t caret) {
  if (line.size() <= widest_line || caret <= widest_before) return 0;
  size_t begin = caret - widest_before;
  while (begin < caret && (static_cast<unsigned char>(line[begin]) & 0xc0) == 0x80) ++begin;
  return begin;
}

// The line and, under it, a caret at byte `caret` and tildes to byte `end`.
std::string underlined(std::string_view line, size_t caret, size_t end) {
  size_t begin = first_shown(line, caret);
  std::string text = begin > 0 ? "…" : "", marks = begin > 0 ? " " : "";
  size_t width = text.empty() ? 0 : 1, at = begin;
  while (at < line.size()) {
    bool tab = line[at] == '\t';
    Cell cell = tab ? Cell{"\t"} : cell_at(line.substr(at));
    if (width + cell.width > widest_line && at > caret) break;
    text += cell.text;
    width += cell.width;
    if (at < caret) marks += tab ? std::string("\t") : std::string(cell.width, ' ');
    if (at == caret) marks += '^' + std::string(cell.width - 1, '~');
    if (at > caret && at < end) marks += std::string(cell.width, '~');
    at += cell.bytes;
  }
  if (at < line.size()) text += "…";
  if (caret >= line.size()) marks += '^';
  return text + "\n" + marks + "\n";
}

}  // namespace

std::span<const DiagnosticRow> diagnostic_rows() { return rows; }

Diagnostic& Diagnostics::add_formatted(Code code, Span span, fmt::format_args args) {
  const DiagnosticRow& row = rows[static_cast<size_t>(code)];
  Diagnostic made{code, span, fmt::vformat(row.wording, args), fmt::vformat(row.hint, args)};
  // A block that is checked for several kinds of places has the same mistake in each. Of thousands only the first are read.
  constexpr size_t most_compared = 64;
  const auto compared = std::span(rows_).first(std::min(rows_.size(), most_compared));
  auto same = [&](const Diagnostic& each) {
    return each.code == code && each.span.begin == span.begin && each.span.end == span.end && each.message == made.message;
  };
  if (const auto known = std::ranges::find_if(compared, same); known != compared.end()) return *known;
  rows_.push_back(std::move(made));
  return rows_.back();
}

std::string render(const Source& source, const Diagnostic& diagnostic) {
  Position position = source.position(diagnostic.span.begin);
  std::string_view line = source.line(position.line);
  size_t caret = std::min<size_t>(position.column - 1, line.size());
  size_t length = std::max(diagnostic.span.end, diagnostic.span.begin + 1) - diagnostic.span.begin;
  std::string text = fmt::format("{}:{}:{}: error: {}\n", printable(source.name()), position.line, position.column,
                                 printable(diagnostic.message));
  text += underlined(line, caret, std::min(caret + length, line.size()));
  if (!diagnostic.hint.empty()) text += fmt::format("hint: {}\n", printable(diagnostic.hint));
  return text;
}

}  // namespace zeektrace
