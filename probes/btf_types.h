// The kernel's types, as its BTF describes them (Documentation/bpf/btf.rst), in the words of parser/type.h: records, the names
// of enumerators, functions' parameters. A record's number is its type's in the BTF; members are read when they are asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/program.h"
#include "parser/records.h"

struct btf;

namespace zeektrace {

class BtfTypes final : public Records {
 public:
  // Of the kernel that runs; an Error when it describes none.
  static Result<std::unique_ptr<BtfTypes>> of_kernel();

  // Those of a module that is loaded, which build on the kernel's own; null when it describes none.
  BtfTypes* module(const std::string& name);

  Result<const RecordShape*> shape(uint64_t id) override;
  std::optional<Type> find(std::string_view name) override;
  std::optional<Constant> constant(std::string_view name) override;

  // A function's parameters, less the first `skipped` ones, and its result; nothing when the kernel does not describe it.
  struct Parameter {
    std::string name;
    Type type;
    std::string unavailable;  // why the language has no such value; "" when it has
  };
  struct Function {
    std::vector<Parameter> parameters;
    std::optional<Parameter> result;  // nothing for void
  };
  std::optional<Function> function(std::string_view name, uint32_t skipped = 0);
  // What a raw tracepoint is given (the parameters of btf_trace_NAME, less the first, which is the tracer's own).
  std::optional<Function> raw_tracepoint(std::string_view name);
  std::vector<std::string> raw_tracepoints();
  // Every function that it describes.
  std::vector<std::string> functions();

 private:
  struct Free {
    void operator()(btf* types) const;
  };
  explicit BtfTypes(btf* types, BtfTypes* base = nullptr) : btf_(types), base_(base) {}
  uint32_t first_own() const;
  Parameter describe(uint32_t id, unsigned depth = 0);
  Type describe_enumeration(uint32_t id);
  Function describe_prototype(uint32_t id, uint32_t skipped);
  uint32_t without_qualifiers(uint32_t id) const;
  std::string name_of(uint32_t id) const;
  unsigned rank_of(uint32_t id) const;
  void read_names();

  std::unique_ptr<btf, Free> btf_;
  BtfTypes* base_ = nullptr;  // of a module: the kernel's, which has what the module does not define
  std::map<std::string, std::unique_ptr<BtfTypes>> modules_;
  std::map<uint64_t, std::unique_ptr<RecordShape>> shapes_;
  std::map<uint32_t, std::shared_ptr<const EnumNames>> names_;
  std::unordered_map<std::string_view, uint32_t> type_ids_, function_ids_;
  std::map<std::string, std::pair<uint32_t, int64_t>, std::less<>> constants_;  // enumerators: of which type, which number
};

}  // namespace zeektrace
