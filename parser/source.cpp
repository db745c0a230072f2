#include "parser/source.h"

#include <algorithm>

namespace zeektrace {

Source::Source(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {}

std::string_view Source::slice(Span span) const {
  size_t end = std::min<size_t>(span.end, text_.size());
  size_t begin = std::min<size_t>(span.begin, end);
  return std::string_view(text_).substr(begin, end - begin);
}

Position Source::position(uint32_t offset) const {
  std::string_view before = slice({0, offset});
  size_t newline = before.rfind('\n');
  size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
  auto newlines = std::count(before.begin(), before.end(), '\n');
  return {static_cast<uint32_t>(1 + newlines), static_cast<uint32_t>(1 + before.size() - line_begin)};
}

std::string_view Source::line(uint32_t line) const {
  std::string_view rest = text_;
  for (uint32_t i = 1; i < line; ++i) {
    size_t newline = rest.find('\n');
    if (newline == std::string_view::npos) return {};
    rest.remove_prefix(newline + 1);
  }
  std::string_view text = rest.substr(0, rest.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

size_t utf8_length(std::string_view text, uint32_t* point) {
  unsigned char first = static_cast<unsigned char>(text[0]);
  size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first > 0xf4 || length > text.size()) return 0;
  uint32_t value = length == 1 ? first : first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if ((c & 0xc0) != 0x80) return 0;
    value = value << 6 | (c & 0x3fu);
  }
  bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  bool surrogate = value >= 0xd800 && value < 0xe000;
  if (overlong || surrogate || value > 0x10ffff) return 0;
  if (point) *point = value;
  return length;
}

}  // namespace zeektrace
