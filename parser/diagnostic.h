// Everything that can be wrong with a script: one row per error, with its code, its wording and a hint. The code's
// name is also the name of its golden test (tests/golden/errors/CODE.what.bt), so that every row is shown to work.
// In a wording `{}` stands for what add() is given, in order.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/source.h"

namespace zeektrace {

// X(code, wording, hint)
#define ZEEKTRACE_DIAGNOSTICS(X)                                                                                       \
  X(empty_script, "the script has no probe", "write one, such as: BEGIN {{ printf(\"hello\\n\"); }}")                  \
  X(not_text, "the script is not text: byte {} at this place", "give a .bt script, in UTF-8 or ASCII")                 \
  X(script_too_large, "the script is {} bytes long; at most {} are read", "split it, or give a smaller one")           \
  X(syntax, "{}", "")                                                                                                  \
  X(nested_too_deep, "this is nested more than {} levels deep", "use variables for the parts")                         \
  X(unclosed_comment, "this comment is never closed", "close it with */")                                              \
  X(unclosed_string, "this string is not closed on its line", "close it with \", or write \\n for a new line")         \
  X(unclosed_block, "this block is never closed", "close it with }}")                                                  \
  X(bad_escape, "unknown escape '\\{}' in a string", "known are \\n \\t \\r \\\\ \\\" \\0 \\xHH and octal")            \
  X(string_too_long, "this string is {} bytes long; at most {} fit", "shorten it")                                     \
  X(bad_number, "'{}' is not a number", "write 10, 1_000, 0x1f, 017, 1e6 or a duration such as 5ms")                   \
  X(number_too_large, "'{}' does not fit into 64 bits", "")                                                            \
  X(unexpected_character, "unexpected character {}", "")                                                               \
  X(not_yet, "{} is not supported", "{1}")                                                                          \
  X(unknown_probe, "unknown probe type '{}'", "")                                                                      \
  X(cannot_probe, "{}", "")                                                                                            \
  X(unknown_name, "unknown name '{}'", "")                                                                             \
  X(unknown_function, "unknown function '{}'", "")                                                                     \
  X(unknown_counter, "there is no event '{}' that could be counted", "")                                              \
  X(unknown_type, "unknown type '{}'",                                                                                 \
    "known are bool, int8 to int64, uint8 to uint64, and what the debug information of the probed binary has")         \
  X(unknown_field, "{} has no argument '{}'", "")                                                                      \
  X(no_members, "{} has no members", "cast it to a pointer to a type that has: ((struct foo *)$x)->member")            \
  X(unknown_member, "{} has no member '{}'", "")                                                                       \
  X(ambiguous_member, "'{}' is a member of {} and of {}", "name the base first: $x.base.{0}")                          \
  X(incomplete_type, "the members of {} are not known: {}", "")                                                        \
  X(whole_record, "this is a whole {}, which is no single value", "name a member of it")                               \
  X(index_range, "the index {} is outside of {}", "the last one is {2}")                                               \
  X(unavailable, "{} is not available in {}: {}", "")                                                                  \
  X(no_argument_here, "{} is not available in {}", "")                                                                 \
  X(unset_variable, "${} is used before it has a value", "assign to it first: ${} = …;")                               \
  X(variable_again, "${} is declared already", "use another name, or assign to it: ${} = …;")              \
  X(variable_scope, "${} belongs to a block that has ended", "declare it before that block: let ${};")                 \
  X(declared_twice, "'{}' is declared twice", "use another name")                                                      \
  X(macros_too_large, "what macros and functions stand for makes more than {} expressions", "call fewer of them")      \
  X(macro_map, "macro {} uses @{}, which it is not given", "make it a parameter: macro {0}(@{1}) {{ … }}")             \
  X(macro_argument, "argument {} of {}() must be {}", "")                                                              \
  X(calls_itself, "{} calls itself", "use a loop, such as for ($i : 0..10) {{ … }}")                                   \
  X(return_value, "{}", "")                                                                                            \
  X(not_iterable, "for needs a map with keys, or a range such as 0..10; this is {}", "")                               \
  X(endless_loop, "this while never ends: nothing that its condition looks at changes in it",                          \
    "let a $variable count the rounds: while ($i < 100) {{ $i++; … }}")                                                \
  X(loops_too_deep, "loops stand in one another more than {} levels deep",                                             \
    "the kernel has no room for more: let a map or another probe do a part of it")                                     \
  X(script_fails, "{}", "the script says so itself")                                                                   \
  X(unknown_setting, "unknown config '{}'", "")                                                                        \
  X(setting_value, "{} can't be '{}'", "it can be {2}")                                                                \
  X(map_kind, "unknown kind of map '{}'", "known are hash, lruhash, percpuhash and percpulruhash")                     \
  X(map_size, "the size of @{} must be a number from 1 to {}", "such as let @{0} = hash(100);")                        \
  X(map_kind_value, "@{} is declared as {}, but holds {}", "")                                                         \
  X(bad_definition, "{}", "")                                                                                          \
  X(unset_map, "@{} is read but never given a value", "assign to it somewhere: @{} = …;")                              \
  X(too_few_arguments, "{} takes {}, {} given", "")                                                          \
  X(too_many_arguments, "{} takes {}, {} given", "")                                                         \
  X(wrong_argument, "argument {} of {} must be {}, this is {}", "")                                                    \
  X(argument_range, "argument {} of {} is {}; it must be {}", "")                                                      \
  X(not_a_value, "{} gives no value", "")                                                                              \
  X(wrong_operand, "'{}' does not work on {}", "")                                                                     \
  X(mixed_operands, "'{}' can't combine {} and {}", "")                                                                \
  X(not_assignable, "this can't be assigned to", "assign to a $variable or a @map")                                    \
  X(variable_type, "${} holds {}, this is {}", "use another variable")                                                 \
  X(map_type, "@{} holds {}, this is {}", "use another map")                                                           \
  X(map_keys, "@{} has {} elsewhere, here {}", "a map has the same keys everywhere")                                   \
  X(map_key_type, "key {} of @{} is {} elsewhere, here {}", "a map has the same keys everywhere")                      \
  X(aggregate_only_map, "{} must be assigned to a map", "write @name = {}(…);")                                        \
  X(aggregate_read, "@{} holds {}, which can't be read in a script", "use print(@{}), or let it print at the end")     \
  X(compound_aggregate, "'{}=' does not go with {}", "write @{} = {}(…);")                                             \
  X(bad_condition, "a condition must be an integer or a pointer, this is {}", "compare it with something")             \
  X(needs_unsafe, "{} acts on the machine or the traced process", "--unsafe allows it")                                                    \
  X(outside_loop, "{} stands outside of a loop", "return ends the probe")                                              \
  X(format_arguments, "wrong number of values: the format wants {}, given are {}", "")                                                      \
  X(format_conversion, "unknown conversion '{}' in a format", "known are %d %i %u %x %X %o %c %s %p %f %e %g; %% prints a percent sign")           \
  X(format_type, "'{}' in the format wants {}, value {} is {}", "")                                                    \
  X(bad_cast, "{} can't be cast to {}", "")                                                                            \
  X(missing_parameter, "${} is not given", "{1}")                                                                     \
  X(key_too_large, "the keys of @{} take {} bytes; at most {} fit", "use fewer or shorter strings, such as str(p, 64)") \
  X(too_many_probes, "the script has {} programs; at most {} are loaded", "use fewer probes or globs")                 \
  X(not_a_probe_value, "{} differs between the attach points of this probe", "write a probe for each")

enum class Code {
#define ZEEKTRACE_CODE(code, wording, hint) code,
  ZEEKTRACE_DIAGNOSTICS(ZEEKTRACE_CODE)
#undef ZEEKTRACE_CODE
};

struct DiagnosticRow {
  Code code;
  std::string_view tag;
  std::string_view wording;
  std::string_view hint;  // takes the same arguments as the wording, from the first on; {1} is the second
};
std::span<const DiagnosticRow> diagnostic_rows();

struct Diagnostic {
  Code code;
  Span span;
  std::string message;
  std::string hint;
};

class Diagnostics {
 public:
  // The row's wording and hint, filled with `args`. Gives the diagnostic back so that a hint of the moment
  // ("did you mean …?") can replace the row's.
  template <class... Args>
  Diagnostic& add(Code code, Span span, const Args&... args) {
    return add_formatted(code, span, fmt::make_format_args(args...));
  }
  bool empty() const { return rows_.empty(); }
  const std::vector<Diagnostic>& all() const { return rows_; }

 private:
  Diagnostic& add_formatted(Code code, Span span, fmt::format_args args);
  std::vector<Diagnostic> rows_;
};

// "f.bt:3:14: error: …", the line, a caret under the span, and the hint; ends in a newline. Control characters and
// very long lines are shown so that a terminal survives them.
std::string render(const Source& source, const Diagnostic& diagnostic);

}  // namespace zeektrace
