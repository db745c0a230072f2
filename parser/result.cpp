#include "parser/result.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace zeektrace {

void bug(std::string_view what, std::source_location where) {
  std::fflush(stdout);
  fmt::print(stderr, "zeektrace: bug at {}:{}: {}\nPlease report it, with the script and the command line.\n",
             where.file_name(), where.line(), what);
  std::abort();
}

std::string Error::text() const {
  std::string text = message;
  for (const Error* error = cause.get(); error; error = error->cause.get()) text += ": " + error->message;
  for (const Error* error = this; error; error = error->cause.get()) {
    if (!error->hint.empty()) text += "\nhint: " + error->hint;
  }
  return text;
}

Error errno_error(int error_number, std::string message, std::string hint) {
  std::string reason = std::error_code(error_number, std::generic_category()).message();
  return {.kind = Error::Kind::machine,
          .message = fmt::format("{}: {}", message, reason),
          .hint = std::move(hint),
          .cause = nullptr};
}

}  // namespace zeektrace
