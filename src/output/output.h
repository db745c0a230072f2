// Where answers go: one file per format, each an Output made by its row. Standard output unless -o names a
// file. Every call is one thing to tell; the session flushes after each drain, and looks at the stream for
// errors then. What is no answer (how many probes are armed, what was lost) goes to `err` where the format
// has no place for it.
#pragma once

#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "src/output/value.h"

namespace zeektrace {

// Something that the kernel side could not hand over.
struct Loss {
  uint64_t count = 0;
  std::string_view thing;   // "event", of which there may be several
  std::string_view fate;    // "lost"
  std::string_view why;     // "ring buffer full"
  std::string_view remedy;  // what to do about it
  std::string where;        // "in uprobe:PROGRAM:f (script.bt:4)"; empty where that says nothing
};

class Output {
 public:
  virtual ~Output() = default;
  virtual void attached(size_t probes) = 0;         // everything is armed
  // Text that the script asked for; `what` names the call: "printf", "time", "cat", "join", "syscall" (of system()).
  virtual void said(std::string_view what, std::string_view text) = 0;
  // errorf() and warnf(): "ERROR" or "WARNING", where the script says so, the text.
  virtual void complained(std::string_view what, std::string_view where, std::string_view text) = 0;
  virtual void value(const Value& value) = 0;       // print(expr)
  virtual void table(const Table& table) = 0;       // print(@m), and at exit
  virtual void lost(const Loss& loss) = 0;
};

struct Format {
  std::string_view name;
  std::string_view doc;
  std::unique_ptr<Output> (*make)(std::FILE* out, std::FILE* err, bool quiet);
};
std::span<const Format> all_formats();

std::unique_ptr<Output> make_text(std::FILE* out, std::FILE* err, bool quiet);
std::unique_ptr<Output> make_json(std::FILE* out, std::FILE* err, bool quiet);

// Something for a person to read. A stream that takes nothing (closed, a full disk) is no reason to stop.
void say(std::FILE* err, std::string_view text);
// "17 events lost: ring buffer full (print less often…)"
std::string loss_text(const Loss& loss);
// As few digits as tell it from every other number of its width: "0.1", "1e+100", "nan".
std::string real_text(const Real& real);
// Printable characters as they are, others as \x00; with `all`, all of them so.
std::string buffer_text(const Buffer& buffer, bool all = false);
// "0a fe"
std::string buffer_hex(const Buffer& buffer);
// A line break, then a line a frame, indented (4 columns within a key, 8 elsewhere).
std::string stack_text(const Stack& stack, int indent);
// A value as text has it; frames of a stack on lines of their own, so far from the margin.
std::string value_text(const Value& value, int stack_indent);

}  // namespace zeektrace
