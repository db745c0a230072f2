// The script's text, and places in it. Everything that can be wrong in a script carries a Span; line and column
// (both from 1, columns in bytes) are computed only when an error is shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zeektrace {

// Byte offsets into a Source: [begin, end).
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct Position {
  uint32_t line = 1;
  uint32_t column = 1;
};

class Source {
 public:
  // `name` is what errors call it: a file's path as the user gave it, or "<command line>" for -e.
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  std::string_view slice(Span span) const;
  Position position(uint32_t offset) const;
  // The text of line `line` (from 1), without its newline; empty past the end.
  std::string_view line(uint32_t line) const;

 private:
  std::string name_;
  std::string text_;
};

// Bytes of the UTF-8 character that `text`, which is not empty, begins with; 0 when it is none. `point` gets the character.
size_t utf8_length(std::string_view text, uint32_t* point = nullptr);

}  // namespace zeektrace
