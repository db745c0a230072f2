// A printf of the script, taken apart once: its messages come by the million a second, and most are plain numbers and
// texts, which are written without a Value in between. What is printed is what decode_fields() and format_values() give.
#pragma once

#include <string>
#include <vector>

#include "parser/format.h"
#include "src/decode.h"

namespace zeektrace {

class PrintfText {
 public:
  // The record must outlive it.
  explicit PrintfText(const Record& record);
  // Appends the text of a message that find_record() knows as this record's.
  void append(Bytes message, const Names& names, std::string& text) const;

 private:
  enum class Way { value, decimal, natural, hexadecimal, text };
  struct Piece {
    std::string before;
    Conversion conversion;
    const RecordField* field = nullptr;
    uint32_t size = 8;  // bytes that the value had in the script
    Way way = Way::value;
  };
  static Way way_of(const Conversion& conversion, const Type& type);
  std::vector<Piece> pieces_;
  std::string after_;
};

}  // namespace zeektrace
