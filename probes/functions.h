// Which functions of a binary a script means: exact names, globs, C++ names without their mangling, addresses. A name
// means every function of that name, its overloads and its clones included; a text that is some function's name is that
// name even where it looks like a glob ("operator*", "f(char*)").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/result.h"
#include "probes/elf.h"

namespace zeektrace {

struct FoundFunction {
  std::string name;  // "" for an address that belongs to no function
  uint64_t file_offset = 0;
  uint64_t from_start = 0;   // bytes from the function's entry
  bool specialised = false;  // a clone whose parameters the compiler has changed
};

// What a name matched besides, and why it is not probed.
struct LeftOut {
  std::vector<std::string> load_time;  // chosen when a program is loaded: their symbol is that of the chooser
  size_t parts = 0;                    // pieces of functions that are no functions: .cold, .part
  size_t variants = 0;                 // constructors and destructors that call another variant, thunks
};

// "malloc", "malloc+4", "*Handler*Call*", "zeek::EventMgr::Drain", "f(int, char const*)", "0x4005d0"; "cpp:" before
// a name takes C++ names alone. At least one, each address once, or an Error of kind script that says what there is
// instead. `shown` is what errors call the binary.
Result<std::vector<FoundFunction>> find_functions(const Binary& binary, std::string_view wanted,
                                                  std::string_view shown, LeftOut* left_out = nullptr);

// What the user should know of the answer, a sentence each: clones, and what was left out.
std::vector<std::string> notes_on(const std::vector<FoundFunction>& found, const LeftOut& left_out,
                                  std::string_view wanted, std::string_view shown);

// Why there is no such function, with what there is instead in the hint.
Error no_such_function(const Binary& binary, std::string_view wanted, std::string_view shown);

}  // namespace zeektrace
