// What people write who come from other languages, and how it is said here: words that make no sense where they stand, told
// from the text of the statement that does not parse.
#pragma once

#include <string>
#include <string_view>

namespace zeektrace {

// The advice for the first such word in `statement`, which is the script from the statement's begin up to and with the token
// at which parsing stopped; "" when there is none.
std::string habit_in(std::string_view statement);

// The statement or attach point that the byte at `end` closes: what follows the last ; { or } before `begin`.
std::string_view statement_around(std::string_view script, size_t begin, size_t end);

}  // namespace zeektrace
