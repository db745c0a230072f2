#include "parser/format.h"

namespace zeektrace {
namespace {

constexpr std::string_view integer_letters = "diuxXocp";
constexpr size_t max_width_digits = 3;

}  // namespace

std::optional<std::string> parse_format(std::string_view format, std::vector<Conversion>& conversions) {
  size_t at = 0;
  auto run = [&](std::string_view of) {
    size_t begin = at;
    while (at < format.size() && of.find(format[at]) != std::string_view::npos) at++;
    return format.substr(begin, at - begin);
  };
  while ((at = format.find('%', at)) != std::string_view::npos) {
    Conversion conversion;
    conversion.begin = at++;
    if (at < format.size() && format[at] == '%') {
      at++;
      continue;
    }
    conversion.text = "%" + std::string(run("-+ #0"));
    std::string_view width = run("0123456789");
    conversion.text += width;
    std::string_view precision;
    if (at < format.size() && format[at] == '.') {
      at++;
      precision = run("0123456789");
      conversion.text += "." + std::string(precision);
    }
    run("lhzj");
    conversion.letter = at < format.size() ? format[at++] : '\0';
    conversion.end = at;
    bool is_text = conversion.letter == 's';
    bool known = is_text || (conversion.letter && integer_letters.find(conversion.letter) != std::string_view::npos);
    if (!known || width.size() > max_width_digits || precision.size() > max_width_digits)
      return std::string(format.substr(conversion.begin, conversion.end - conversion.begin));
    conversion.text += conversion.letter;
    conversion.takes = is_text ? Conversion::Takes::text : Conversion::Takes::integer;
    conversions.push_back(std::move(conversion));
  }
  return std::nullopt;
}

}  // namespace zeektrace
