#include "src/printf_text.h"

#include <fmt/format.h>

#include <cstring>

#include "src/format.h"

namespace zeektrace {

PrintfText::PrintfText(const Record& record) {
  std::vector<Conversion> conversions;
  (void)parse_format(record.format, conversions);  // check has refused what is not known
  size_t at = 0, next = 0;
  std::string before;
  for (const Conversion& conversion : conversions) {
    before += record.format.substr(at, conversion.begin - at);
    at = conversion.end;
    if (conversion.letter == '%') {
      before += '%';
    } else if (next < record.fields.size()) {
      const RecordField& field = record.fields[next++];
      const uint32_t size = field.type.is_integer() ? field.type.size : 8;
      pieces_.push_back({std::exchange(before, ""), conversion, &field, size, way_of(conversion, field.type)});
    }
  }
  after_ = before + record.format.substr(at);
}

PrintfText::Way PrintfText::way_of(const Conversion& c, const Type& type) {
  if (c.left || c.plus || c.space || c.alternate || c.zero || c.width != 0 || c.precision || c.size != 8)
    return Way::value;
  if (c.takes_text()) return type.is_string() ? Way::text : Way::value;
  if (!type.is_integer() && !type.is_pointer() && type.kind != Type::Kind::enumeration) return Way::value;
  switch (c.letter) {
    case 'd':
    case 'i': return Way::decimal;
    case 'u': return Way::natural;
    case 'x': return Way::hexadecimal;
    default: return Way::value;
  }
}

void PrintfText::append(Bytes message, const Names& names, std::string& text) const {
  for (const Piece& piece : pieces_) {
    text += piece.before;
    const Bytes bytes = message.subspan(piece.field->offset);
    uint64_t word = 0;
    if (piece.way != Way::value && piece.way != Way::text) std::memcpy(&word, bytes.data(), sizeof word);
    const uint64_t narrow = piece.size < 8 ? word & ((uint64_t{1} << (8 * piece.size)) - 1) : word;
    auto add = [&](const fmt::format_int& number) { text.append(number.data(), number.size()); };
    switch (piece.way) {
      case Way::decimal: add(fmt::format_int(static_cast<int64_t>(word))); break;
      case Way::natural: add(fmt::format_int(narrow)); break;
      case Way::hexadecimal: fmt::format_to(std::back_inserter(text), "{:x}", narrow); break;
      case Way::text: {
        const auto* begin = reinterpret_cast<const char*>(bytes.data());
        const Type& type = piece.field->type;
        const size_t length = strnlen(begin, std::min<size_t>(bytes.size(), type.size));
        text.append(begin, length);
        if (type.can_be_cut && length + 1 == type.size) text += names.trailer;
        break;
      }
      case Way::value: {
        Type type = piece.field->type;
        if (!piece.conversion.takes_text()) type.names = nullptr;  // the number of an enumeration is asked for
        auto value = decode_value(type, bytes, names);
        text += format_value(piece.conversion, value ? *value : Value(Text{}), piece.size);
        break;
      }
    }
  }
  text += after_;
}

}  // namespace zeektrace
