// The structs, unions and enums that a script defines, laid out as C does on x86-64. Owned by the Program.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "parser/ast.h"
#include "parser/diagnostic.h"
#include "parser/records.h"

namespace zeektrace {

// A type that the script names and does not define.
using TypeElsewhere = std::function<std::optional<Type>(const std::string& name)>;

// An integer that is known when the script is read, from numbers, C's operators on them, and names that have a value.
std::optional<int64_t> constant_value(const Expr& expr, const std::map<std::string, int64_t>& names);

class ScriptTypes final : public Records {
 public:
  // What is wrong with a definition is reported.
  ScriptTypes(const std::vector<CDefinition>& definitions, const TypeElsewhere& elsewhere, Diagnostics& diagnostics);
  Result<const RecordShape*> shape(uint64_t id) override;
  std::optional<Type> find(std::string_view name) override;
  // The value of an enumerator, with its enumeration's type.
  struct Enumerator {
    int64_t value = 0;
    Type type;
  };
  const Enumerator* enumerator(const std::string& name) const;

 private:
  Type define(const CDefinition& definition);
  Type define_enum(const CDefinition& definition);
  Type define_record(const CDefinition& definition);
  std::optional<Type> base_type(const CDefinition::Member& member, const std::vector<Type>& nested);
  std::optional<Type> member_type(const CDefinition::Member& member, const std::vector<Type>& nested);
  uint32_t alignment(const Type& type) const;

  const TypeElsewhere& elsewhere_;  // used by the constructor only
  Diagnostics& diagnostics_;
  std::vector<std::unique_ptr<RecordShape>> shapes_;  // by id
  std::map<std::string, Type, std::less<>> types_;
  std::map<std::string, uint64_t, std::less<>> declared_;  // ids of structs whose members are not known yet
  std::map<std::string, Enumerator, std::less<>> enumerators_;
  std::map<std::string, int64_t> values_;  // of enumerators
};

}  // namespace zeektrace
