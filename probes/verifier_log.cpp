#include "probes/verifier_log.h"

#include <charconv>

namespace zeektrace {

namespace {

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

// "; TEXT @ FILE:LINE", since Linux 6.10.
uint32_t annotated_line(std::string_view annotation) {
  const size_t at = annotation.rfind(" @ ");
  if (at == std::string_view::npos) return 0;
  const std::string_view place = annotation.substr(at + 3);
  const size_t colon = place.rfind(':');
  uint32_t line = 0;
  if (colon != std::string_view::npos)
    std::from_chars(place.data() + colon + 1, place.data() + place.size(), line);
  return line;
}

// "; TEXT", before: the script's line that has this text.
uint32_t line_with_text(std::string_view annotation, const Source& source) {
  const std::string_view wanted = trim(annotation.substr(1));
  if (wanted.empty()) return 0;
  const uint32_t last = source.position(static_cast<uint32_t>(source.text().size())).line;
  for (uint32_t line = 1; line <= last; line++)
    if (trim(source.line(line)) == wanted) return line;
  return 0;
}

// Figures that follow the last message, not messages.
bool is_statistics(std::string_view line) {
  for (const std::string_view start :
       {"processed ", "verification time", "stack depth", "peak_states", "max_states"})
    if (line.starts_with(start)) return true;
  return false;
}

}  // namespace

Rejection explain_rejection(std::string_view log, const Source& source) {
  Rejection rejection;
  std::string_view annotation;
  for (size_t start = 0; start < log.size();) {
    const size_t end = std::min(log.find('\n', start), log.size());
    const std::string_view line = trim(log.substr(start, end - start));
    start = end + 1;
    if (line.starts_with("; "))
      annotation = line;
    else if (!line.empty() && !is_statistics(line))
      rejection.message = line;
  }
  if (!annotation.empty()) {
    rejection.line = annotated_line(annotation);
    if (rejection.line == 0) rejection.line = line_with_text(annotation, source);
  }
  return rejection;
}

}  // namespace zeektrace
