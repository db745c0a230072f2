// What the kernel's verifier says when it rejects a program, brought back to the script.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "parser/source.h"

namespace zeektrace {

struct Rejection {
  uint32_t line = 0;    // of the script; 0 when the log does not say
  std::string message;  // the verifier's last word
};
Rejection explain_rejection(std::string_view log, const Source& source);

}  // namespace zeektrace
