// A glob or a literal name as a table by which the kernel side compares a name character by character, in as many equal
// steps as the name is long, whatever the pattern (shift-and: Baeza-Yates and Gonnet, "A New Approach to Text Searching",
// 1992, with loops for stars). Bit n of the state says that the first n atoms of the pattern match what was read so far; a
// character c leads from state S to ((S & accepts[c]) << 1) | (S & stays[1]), and the name's end to S & stays[0].
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zeektrace {

// The kernel side has the same words (struct name_pattern, codegen/names.bpf.c).
struct NamePattern {
  using Bits = std::array<uint64_t, 2>;
  std::array<Bits, 256> accepts = {};  // by character: which atoms it is one of
  std::array<Bits, 2> stays = {};      // all; where a star stands
  Bits end = {};                       // the whole pattern
};
constexpr size_t most_name_atoms = 127;
// Of a name that is longer, the kernel side looks at so many characters.
constexpr size_t most_name_characters = 127;

// Sets in brackets, "[a-z]" or "[!0-9]". The length of the one that begins at glob[at], brackets included; 0 when it is never
// closed, and the bracket then stands for itself. A `]` right after the opening belongs to the set.
size_t glob_set_length(std::string_view glob, size_t at);
bool glob_set_has(std::string_view set, char c);

// `*`, `?` and sets in brackets as in all globs of ours; nothing when it has more atoms (single characters) than that.
std::optional<NamePattern> name_pattern(std::string_view glob);

}  // namespace zeektrace
