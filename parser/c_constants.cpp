#include "parser/c_constants.h"

#include <cstring>

namespace zeektrace {

std::optional<int64_t> c_constant(std::string_view name) {
  constexpr int last_error = 133, last_signal = 31;
  const bool is_signal = name.starts_with("SIG");
  if (is_signal) name.remove_prefix(3);
  for (int number = 1; number <= (is_signal ? last_signal : last_error); number++)
    if (const char* known = is_signal ? sigabbrev_np(number) : strerrorname_np(number); known != nullptr && name == known) return number;
  return std::nullopt;
}

}  // namespace zeektrace
