#include <fmt/format.h>

#include <array>

#include "src/output/output.h"

namespace zeektrace {

std::span<const Format> all_formats() {
  static constexpr std::array rows = {
      Format{"text", "for people: maps and histograms as a terminal shows them", make_text},
      Format{"json", "one JSON object a line", make_json},
  };
  return rows;
}

void say(std::FILE* err, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), err);
  std::fflush(err);
}

std::string loss_text(const Loss& loss) {
  std::string text = fmt::format("{} {}{} {}{}{}: {}", loss.count, loss.thing, loss.count == 1 ? "" : "s", loss.fate,
                                 loss.where.empty() ? "" : " ", loss.where, loss.why);
  if (!loss.remedy.empty()) text += fmt::format(" ({})", loss.remedy);
  return text;
}

std::string buffer_text(const Buffer& buffer, bool all) {
  std::string text;
  for (unsigned char byte : buffer.bytes) {
    bool is_plain = !all && byte >= 32 && byte <= 126;
    if (is_plain) text += static_cast<char>(byte);
    else text += fmt::format("\\x{:02x}", byte);
  }
  return text;
}

std::string buffer_hex(const Buffer& buffer) {
  std::string text;
  for (unsigned char byte : buffer.bytes) text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
  return text;
}

std::string real_text(const Real& real) {
  return real.is_single ? fmt::format("{}", static_cast<float>(real.value)) : fmt::format("{}", real.value);
}

std::string stack_text(const Stack& stack, int indent) {
  std::string text = "\n";
  for (const auto& frame : stack.frames) text += fmt::format("{:{}}{}\n", "", indent, frame);
  return text;
}

}  // namespace zeektrace
