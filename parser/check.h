// Ast → Program: names are looked up in the rows, attach points are expanded by their providers, every expression gets
// its type, every map and message its layout. What is wrong with the script becomes diagnostics, all of them at once;
// what is wrong with the machine (no privilege, an unreadable file) comes back as an Error.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "parser/ast.h"
#include "parser/diagnostic.h"
#include "parser/members.h"
#include "parser/program.h"
#include "parser/registry.h"
#include "parser/result.h"

namespace zeektrace {

struct CheckOptions {
  std::vector<std::string> params;    // $1, $2 …
  Settings settings;                  // before the script's config
  std::vector<std::pair<std::string, std::string>> environment;  // settings that win over the script's, known to be right
  std::optional<uint32_t> only_pid;   // -p, -c
  bool only_nodes = false;            // --node: only the processes that user space names while the script runs
  std::optional<PidNamespace> pid_namespace, only_pid_namespace;  // as in Program
  bool has_kernel_types = false;      // as in Program
  bool unwinds = false;               // this kernel can run codegen/unwind.bpf.c
  bool has_private_stacks = false;    // as in Program
  bool unsafe = false;                // --unsafe: the script may act on what it traces
  std::optional<uint32_t> child_pid;  // of -c
  // The kernel's: the address of a symbol, and its types (null: it describes none). Each may be empty.
  std::function<std::optional<uint64_t>(std::string_view symbol)> kernel_address;
  std::function<Records*()> kernel_types;
};

// `source` and `ast` must outlive the Program. It is whole only when `diagnostics` stays empty.
Result<Program> check(const Source& source, const Ast& ast, std::span<const Builtin> builtins,
                      std::span<const Provider> providers, Machine& machine, const CheckOptions& options,
                      Diagnostics& diagnostics);

// A number as a command line gives it: spelled as in a script, with a sign perhaps, and no unit.
struct GivenNumber {
  uint64_t bits = 0;
  bool is_signed = true;  // false: it is above what an int64 holds
};
std::optional<GivenNumber> given_number(std::string_view text);

// What a row's `result` may ask and do.
class Checker {
 public:
  virtual const Type& type_of(const Expr& expr) const = 0;
  // The call's arguments (of a Call; empty for a Name).
  const std::vector<ExprPtr>& args(const Expr& expr) const;
  // A number or a string known at compile time, positional parameters and negated numbers included.
  virtual std::optional<int64_t> literal_integer(const Expr& expr) const = 0;
  virtual std::optional<std::string> literal_string(const Expr& expr) const = 0;
  // The text given for a positional parameter ("" when it was not given); nothing for any other expression.
  virtual std::optional<std::string> parameter_text(const Expr& expr) const = 0;
  // The expression is this text, known now.
  virtual void make_constant(const Expr& expr, std::string text) = 0;
  virtual void make_constant(const Expr& expr, uint64_t number) = 0;
  // The current probe's argument of this name ("arg0", "retval"); null when it has none.
  virtual const Field* field(std::string_view name) const = 0;
  // The same of what the provider tells when it is asked (Provider::asked_field); null, and reported, when there is none.
  virtual const Field* asked_field(const Expr& expr, const std::string& name) = 0;
  // Makes `expr` a member of one of the kernel's records, reached from the record's address (Emitter::reached): its type.
  // Nothing, and reported, when this kernel does not describe it.
  virtual std::optional<Type> kernel_member(const Expr& expr, std::string_view record,
                                            std::initializer_list<std::string_view> path) = 0;
  // A word that stands for itself (Want::word); "" for anything else.
  std::string_view word(const Expr& expr) const;
  // True when an expression stands somewhere in memory, and & can say where.
  virtual bool has_address(const Expr& expr) const = 0;
  // True for an argument that the kernel hands over as a pointer to its own record, and for what is within such a record: what
  // helpers take that want to be sure of it (Emitter::kernels_own).
  virtual bool is_kernels_own(const Expr& expr) const = 0;
  // False where a condition that is known beforehand keeps the script from getting.
  virtual bool is_reached() const = 0;
  // Makes an array of characters or a string class a text of at most `limit` bytes, its NUL included; the reason when it
  // can't be one.
  virtual std::optional<Refusal> make_text(const Expr& expr, uint32_t limit) = 0;
  // False where the current probe runs in no process that it could be about: in zeektrace itself, or in whichever a timer hits.
  virtual bool is_in_process() const = 0;
  // How the current probe is called in messages: "interval:s:1".
  virtual std::string_view place() const = 0;
  virtual Diagnostics& diagnostics() = 0;
  // The map that a MapRef names, and its index in Program::maps.
  virtual const MapDef& map(const Expr& expr) const = 0;
  virtual uint32_t map_number(const Expr& expr) const = 0;
  // The variable of a call is given what an element of this map holds.
  virtual void give_element(const Expr& variable, const Expr& map) = 0;
  // For a call of place map_value: the element that it is assigned to.
  virtual const Expr& target(const Expr& call) const = 0;
  // Makes `record` the message of this call and lays its fields out.
  virtual void add_record(const Expr& call, Record record, const std::vector<Type>& fields) = 0;
  // Makes `call` a reading of this event's count. False, and reported, when no provider knows the event.
  virtual bool add_counter(const Expr& call, const std::string& event) = 0;
  virtual const CheckOptions& options() const = 0;

 protected:
  ~Checker() = default;
};

}  // namespace zeektrace
