// The script stacks that the kernel side has kept (parser/zeek_stack.h), with their names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct bpf_object;

namespace zeektrace {

struct ScriptFrameText {
  std::string function;  // "" for statements that are in no function
  std::string file;      // "" where the place is not known: built-in functions have none
  uint32_t line = 0;
};
struct ScriptStack {
  std::vector<ScriptFrameText> frames;  // innermost first
  bool cut = false;                     // there were more frames
};

// What is kept under this hash; no frames when nothing is.
ScriptStack script_stack(const bpf_object* object, uint64_t hash);

// Whether a demangled C++ function is one that runs a script function or a built-in one: each stands for a frame of the
// script stack.
bool runs_script_function(std::string_view function);
// Whether it belongs to the interpreter: what walks over statements and expressions on behalf of a script.
bool is_script_interpreter(std::string_view function);

}  // namespace zeektrace
