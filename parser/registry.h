// The rows that the rest is made of. A builtin (variable, function, operator) is one row, a provider is one row, a way
// to attach is one row. Rows are written where their work is done (codegen/builtins, probes) and handed in by main as
// explicit lists; nothing else compares their names. --list, the help and "did you mean" read the rows.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ast.h"
#include "parser/program.h"
#include "parser/result.h"
#include "parser/type.h"

struct bpf_program;

namespace zeektrace {

class Checker;   // parser/check.h
class Emitter;   // codegen/emitter.h
struct Operand;  // codegen/emitter.h
class Machine;   // probes/machine.h
struct AttachRequest;  // probes/attach.h
class Links;           // probes/attach.h

// What may stand for a parameter.
enum class Want : uint8_t {
  value,           // anything that can be stored in a map
  address,         // anything at all: a record or an array stays what it is
  integer,         // an integer or a pointer
  literal_integer, // a number known at compile time (a positional parameter will do)
  literal_string,
  string,
  word,            // a bare word of the row's own, such as `monotonic`, or a number: which ones, the row says
  map,             // a whole map: @m
  map_or_value,    // a whole map, an element, or any value
  map_element,     // @m[k], or @m when it has no key
  keyed_map,       // @m, of which the next argument is a key
  map_key,         // the key of the argument before, or a tuple of several
  variable,        // a $variable that is given a value; a new one is made
  branch,          // a value; where the whole stands alone, what may stand alone
};

struct Param {
  std::string_view name;
  Want want = Want::value;
  bool optional = false;
  bool repeated = false;  // any number of further arguments
};

struct Builtin {
  enum class Form : uint8_t { variable, function, op };
  enum class Place : uint8_t {
    expression,  // wherever a value may stand
    statement,   // alone
    map_value,   // only as @m = here
    map_value_or_expression,  // as @m = here without arguments, with them wherever a value may stand
  };
  std::string_view name;
  Form form = Form::function;
  Place place = Place::expression;
  std::vector<Param> params;
  std::string_view doc;
  // The type it gives. May report a diagnostic, and may add a Record to the program. Called once for every use, with
  // the arguments' types already known.
  Type (*result)(Checker&, const Expr&) = nullptr;
  // Writes its instructions. For a map_value row Emitter::target() is the map element that is assigned to.
  Operand (*emit)(Emitter&, const Expr&) = nullptr;
  // A variable that tells the threads apart: the same all through a call of a function.
  bool is_thread = false;
  // A script that uses it, and that ends by itself; what the reference shows and a test runs.
  std::string_view example = "";
  // It ends this run of the program: nothing behind it is reached.
  bool leaves = false;
};

// How one kind of attach point is armed, and what kind of BPF program it needs.
struct Mechanism {
  // Which instructions of a function a uprobe stands at (probes/placement.h).
  enum class Where : uint8_t {
    as_named,          // the place that the attach point names
    entry,             // the entry, or the cheapest instruction that will do in its place
    entry_with_stack,  // the same, where the stack pointer still is as at the entry
    exits,             // wherever the function is left
  };
  std::string_view name;     // as -v says it: "uprobe_multi link"
  std::string_view section;  // libbpf's section name: it decides the program's type
  bool has_cookie = false;   // bpf_get_attach_cookie tells attach points apart
  bool filters_pid = false;  // the kernel filters by process
  bool is_of_no_process = false;  // whichever process it interrupts is not what it is about
  bool can_sleep = false;    // the program may wait for a page of the process; its section then ends in ".s"
  // Before a run of the program ends another one may begin on the same CPU: while it waits, or where the kernel preempts it.
  bool overlaps = false;
  bool runs_in_tracer = false;  // BEGIN and END: run by us, once
  bool at_return = false;       // of a function
  // Of several programs at one place the kernel runs the one first that was attached last (uprobes: consumer_add,
  // kernel/events/uprobes.c). They are armed in reverse, so that they run as the script has them.
  bool latest_first = false;
  Result<Links> (*attach)(const AttachRequest&) = nullptr;
  // Before the program is loaded: says what it is for, where the kernel's verifier has to know.
  Status (*prepare)(bpf_program*, const Probe&, Machine&) = nullptr;
  // The verifier knows what each word of the context is, and would not let an address be computed with as a number.
  bool typed_context = false;
  bool is_over_when_armed = false;  // arming it runs it, and it does not run again
  // A word of the context that is 0 when there is nothing to see: the program does not run then.
  std::optional<uint32_t> seen_word = std::nullopt;
  // Of one that an interrupt runs: the word of the context with the code segment of what was interrupted.
  std::optional<uint32_t> interrupted_segment = std::nullopt;
  // Where the kernel can run one program at a function's entry and at its return, with a word of memory that goes with the
  // call: how that is attached. The same for the mechanisms of entries and of returns that can be joined so.
  const Mechanism* session = nullptr;
  // Where there is a number that is the same at a call's entry and at its return, and another one in every other call that
  // is under way in the process: the stack pointer. A word of the context, and what to add to it; nothing when the probe may
  // stand where it has changed.
  struct Frame {
    uint32_t context_offset = 0;
    int64_t add = 0;
  };
  std::optional<Frame> frame;
  // Of an entry's mechanism: the one to use when its frame is asked for (itself, perhaps).
  const Mechanism* with_frame = nullptr;
  uint32_t attach_type = 0;  // enum bpf_attach_type, where the section's name does not say it
  Where where = Where::as_named;
  // For -v: a line for each place, many of them summed up; null when the attach points say it all.
  std::vector<std::string> (*describe)(const Probe&, Machine&) = nullptr;
};

struct Provider {
  std::string_view name;
  std::string_view alias;  // other names for it, with a space between two
  std::string_view syntax;
  std::string_view doc;
  // The target's text (what follows the first colon) → the places that it names, globs expanded, each with its
  // mechanism. An Error of kind script when there is no such place, with near matches in the hint.
  Result<std::vector<AttachPoint>> (*expand)(Machine&, std::string_view target) = nullptr;
  // The arguments at such a place.
  Result<std::vector<Field>> (*fields)(Machine&, const AttachPoint&) = nullptr;
  // The gate for a group of points that share a mechanism; null when their mechanism has none.
  std::optional<Gate> (*gate)(const std::vector<AttachPoint>&) = nullptr;
  // The event that pmc() reads by this name; null when the provider has no events that can be counted.
  Result<EventCounter> (*counter)(std::string_view name) = nullptr;
  // Where the types that a script names in such a probe are looked up; null when there is no such place.
  Records* (*types)(Machine&, const AttachPoint&) = nullptr;
  // Arguments that take time to find, since only debug information tells them. Asked for when the script names one of
  // the form "args.NAME", or a Field that has_description, which is then replaced by the one of that name here.
  Result<std::vector<Field>> (*described_fields)(Machine&, const AttachPoint&) = nullptr;
  // Where described_fields asks the running process about such a target, for a script that names these: the function at
  // whose entry a process that has just been started can tell. "": it asks none.
  std::string_view (*known_at)(std::string_view target, const std::set<std::string>& mentioned) = nullptr;
  // What is there at such a place, but is seldom asked for: "reg.NAME", a register; "sargN", an argument on the stack.
  // Null when it has none.
  Result<Field> (*asked_field)(Machine&, const AttachPoint&, std::string_view name) = nullptr;
  std::string_view example = "";
};

// A row by its name or alias; null when there is none.
const Builtin* find_builtin(std::span<const Builtin> rows, std::string_view name, Builtin::Form form);
// The row that a call means: an operator's, a function's, or, without arguments, that of a variable: pid() is pid. Null when
// there is none.
const Builtin* find_called(std::span<const Builtin> rows, const Call& call);
bool is_operator(const Call& call);
bool has_alias(const Provider& row, std::string_view name);
const Provider* find_provider(std::span<const Provider> rows, std::string_view name);

// The names nearest to `wrong` by edit distance, best first, at most `most`; none that are too far away to help.
std::vector<std::string> near_matches(std::string_view wrong, std::span<const std::string_view> names, size_t most = 3);
// "did you mean 'a' or 'b'?", or "" without names.
std::string did_you_mean(std::span<const std::string> names);

}  // namespace zeektrace
