// The arguments of a USDT probe, as its ELF note spells them: "-4@%edi 8@-16(%rbp) -1@$5 8@sym(%rip)
// 8f@%xmm0". A word an argument: its size (negative: signed; with an f: a floating-point number), then the
// assembler's operand. What an operand says is taken exactly or the argument is Unavailable with the reason;
// malformed text never reads as something else.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/program.h"

namespace zeektrace {

// The address of a variable of the binary, as its symbol table has it; nothing when there is none, or
// several.
using VariableAddress = std::function<std::optional<uint64_t>(const std::string& name)>;

// "arg0", "arg1" …, in order. `site` is the address of the probe's instruction: variables are found by their
// distance.
std::vector<Field> parse_usdt_arguments(std::string_view text, uint64_t site,
                                        const VariableAddress& variable);

// Gives an argument that the compiler keeps in different ways one type for all places of the same probe: what
// any of them can hold. `places` are those places' arguments.
void unify_usdt_arguments(std::vector<std::vector<Field>*>& places);

}  // namespace zeektrace
