#include "src/listing.h"

#include <fmt/format.h>

namespace zeektrace {

std::string listing_text(std::span<const Listed> probes) {
  std::string text;
  for (const auto& probe : probes) {
    text += probe.name + "\n";
    if (!probe.remark.empty()) text += fmt::format("    {}\n", probe.remark);
    for (const auto& field : probe.fields) {
      text += fmt::format("    {} {}", field.type.spelling(), field.name);
      if (const auto* none = std::get_if<Unavailable>(&field.where))
        text += fmt::format("  (not available: {})", none->reason);
      text += '\n';
    }
    for (const std::string& place : probe.places) text += fmt::format("    {}\n", place);
  }
  return text;
}

}  // namespace zeektrace
