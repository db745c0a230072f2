// The types of a Zeek's scripts, read from processes that run them: what parameters events and functions have, what fields
// records have, and how a probe gets from an argument to its value. Scripts decide this when Zeek starts, so that no file
// tells it. Where several processes run, they must agree on what a script uses: what they have differently can't be read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "parser/program.h"
#include "parser/records.h"
#include "parser/result.h"
#include "probes/zeek/layout.h"
#include "probes/zeek/memory.h"

namespace zeektrace {

// What of a script has a name: what is called, and the streams of logs.
enum class ZeekCallable : uint8_t { event, function, hook, bif, with_bodies, stream };
std::string_view zeek_callable_word(ZeekCallable what);

class ZeekTypes final : public Records {
 public:
  // A process of the binary, and where its globals stand in its memory.
  struct Process {
    pid_t pid = 0;
    uint64_t event_registry = 0;  // EventRegistry*
    uint64_t scopes = 0;          // std::vector<ScopePtr>, the global one first; 0: not known
  };
  // Both must outlive the types.
  ZeekTypes(const ZeekLayout& layout, const std::vector<Process>& processes);

  // Where a probe has what a parameter is read by.
  struct Place {
    Location arguments;  // the word that points to the zeek::Args
    Location object;     // the address of what is called
    std::vector<int64_t> signature;  // from there to the record of its parameters, as AccessPath::adds without the last step
  };
  // "args.NAME" for each parameter of what goes by this name or glob. What not all that match have alike can't be read.
  Result<std::vector<Field>> parameters(ZeekCallable what, std::string_view pattern, const Place& place);

  // What is declared in one process at least.
  Result<std::set<std::string>> names(ZeekCallable what);

  Result<const RecordShape*> shape(uint64_t id) override;
  std::optional<Type> find(std::string_view) override { return std::nullopt; }

 private:
  // A zeek::Type by its address in each process; 0 in one that has none.
  using Addresses = std::vector<uint64_t>;
  // How a value is reached from the slot that stands for it: of an argument a Val*, of a field a ZVal.
  struct Value {
    Type type;
    std::vector<int64_t> path = {0};  // as AccessPath::adds
    std::string unavailable;
  };
  struct FieldDecl {
    std::string name;
    uint64_t type = 0;
    uint32_t index = 0;
  };
  struct Callable {
    std::string name;
    uint64_t type = 0;  // a FuncType
    std::vector<FieldDecl> parameters = {};  // read when they are asked for
  };
  enum class Slot : uint8_t { val, zval };

  std::optional<int64_t> offset(std::string_view member) const;
  int64_t needed(std::string_view member) const;
  Status check_layout() const;
  std::string process_name(size_t process) const;
  uint8_t tag(size_t process, uint64_t type) const;
  bool has_tag(uint8_t tag, std::string_view name) const;
  Status status() const;

  Result<std::vector<Callable>> callables(size_t process, ZeekCallable what, std::string_view pattern);
  std::vector<Callable> events(size_t process, std::string_view pattern);
  std::vector<Callable> functions(size_t process, ZeekCallable what, std::string_view pattern);
  std::optional<uint64_t> function_type(size_t process, uint64_t id, ZeekCallable what) const;
  std::vector<FieldDecl> fields_of(size_t process, uint64_t record) const;
  std::vector<FieldDecl> parameters_of(size_t process, uint64_t function_type) const;
  Field parameter(const std::vector<std::vector<Callable>>& all, const FieldDecl& wanted, const Place& place, bool of_many);
  Proof proof_of(std::vector<int64_t> record, const FieldDecl& field, uint8_t tag) const;
  Member member(const FieldDecl& field, const std::vector<std::vector<FieldDecl>>& all, const Addresses& record);
  std::optional<AccessPath> default_of(const Addresses& record, const FieldDecl& field, const Value& value) const;

  Value value_of(const Addresses& types, Slot slot);
  Value plain(uint8_t tag, Slot slot) const;
  Value text();
  Value container(uint8_t tag, const Addresses& types);
  Value enumeration(const Addresses& types, Slot slot);
  Type record(const std::string& name, const Addresses& types);
  Type known_record(RecordShape shape);
  std::string name_of(const Addresses& types) const;
  bool alike(size_t process, uint64_t a, size_t other, uint64_t b) const;

  const ZeekLayout& layout_;
  std::vector<Process> processes_;
  mutable std::vector<ProcessMemory> memory_;  // by process
  // A record, by its id: read when it is asked for; of the library's kinds (string, table) made at once.
  struct Known {
    Addresses types;
    std::string name;
    std::optional<RecordShape> shape;
  };
  std::deque<Known> records_;  // their shapes' addresses stay
  std::map<Addresses, uint64_t> ids_;
  std::map<std::string, uint64_t> made_;  // of the library's kinds
};

}  // namespace zeektrace
