// What Go adds to a binary: which release built it (so how it passes arguments), and the check at the beginning of its
// functions that the stack is large enough, which calls runtime.morestack and then begins again.
#pragma once

#include <optional>
#include <string>

#include "parser/result.h"

namespace zeektrace {

class Code;
class ElfFile;
struct FunctionBody;

struct GoBuild {
  std::string version;  // "go1.19.8"; "" where the binary does not say
  // Arguments and results in registers: from Go 1.17 on x86-64.
  bool registers = false;
};

// From .go.buildinfo; nothing for what is no Go program.
std::optional<GoBuild> go_build(const ElfFile& file);

// The first instruction behind the check, the entry of a function that has none. At the entry itself a probe would fire
// twice for each call that has the stack grow.
Result<uint64_t> after_stack_check(const Code& code, const FunctionBody& body);

}  // namespace zeektrace
