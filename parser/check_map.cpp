#include <algorithm>

#include "parser/checking.h"

namespace zeektrace {
namespace {

constexpr uint32_t most_key_bytes = 32 << 10;  // of scratch memory, in which a long key is built

std::string key_words(size_t count) { return count == 0 ? "no key" : count == 1 ? "1 key" : fmt::format("{} keys", count); }

}  // namespace

uint32_t Checking::map_number(const Expr& expr) const {
  return program_.map_index.at(std::get<MapRef>(expr.node).name);
}

// The map's place in the program, made at its first use.
void Checking::declare_map(const Expr& expr, Use use, std::span<const ExprPtr> keys) {
  const std::string& name = std::get<MapRef>(expr.node).name;
  uses_[name].push_back({keys, static_cast<uint32_t>(probe_ - program_.probes.data()), use});
  if (program_.map_index.contains(name)) return;
  program_.map_index[name] = static_cast<uint32_t>(program_.maps.size());
  MapDef def;
  def.name = name;
  def.first_use = expr.span;
  program_.maps.push_back(std::move(def));
}

// The keys of one use of a map: the same number, and fitting types, everywhere. A tuple is as many keys as it has items;
// a record is one, or its names would be lost.
void Checking::use_keys(const Expr& expr, std::span<const ExprPtr> given) {
  const MapRef& node = std::get<MapRef>(expr.node);
  MapFacts& facts = seen_.maps[node.name];
  struct Key {
    Type type;
    bool is_literal;
    Span span;
  };
  std::vector<Key> keys;
  for (const ExprPtr& each : given) {
    const Type type = value(*each);
    if (given.size() == 1 && type.kind == Type::Kind::none) return;  // perhaps a tuple
    if (given.size() == 1 && type.is_tuple() && !type.is_list && type.item_names.empty())
      for (const Type& item : type.items) keys.push_back({item, false, each->span});
    else
      keys.push_back({type, is_literal(*each), each->span});
  }
  if (!facts.keys_known) {
    facts.keys_known = true;
    facts.keys.resize(keys.size());
  } else if (facts.keys.size() != keys.size()) {
    reports_->add(Code::map_keys, expr.span, node.name, key_words(facts.keys.size()), key_words(keys.size()));
  }
  for (size_t i = 0; i < std::min(keys.size(), facts.keys.size()); i++) {
    if (!facts.keys[i].merge(keys[i].type, keys[i].is_literal))
      reports_->add(Code::map_key_type, keys[i].span, i + 1, node.name, facts.keys[i].type.spelling(),
                    keys[i].type.spelling());
  }
}

Type Checking::read_map(const Expr& expr) {
  declare_map(expr, Use::read);
  use_keys(expr);
  const std::string& name = std::get<MapRef>(expr.node).name;
  const Type type = value_of(known_map(name).value.type);
  if (type.kind == Type::Kind::none) reports_->add(Code::unset_map, expr.span, name);
  if (type.is_aggregate()) reports_->add(Code::aggregate_read, expr.span, name, type.spelling());
  return type.is_aggregate() ? Type::integer(8, true) : type;
}

void Checking::give_element(const Expr& variable, const Expr& map) {
  declare_map(map, Use::other, {});
  const Type type = value_of(known_map(std::get<MapRef>(map.node).name).value.type);
  const auto known = find_variable(std::get<Variable>(variable.node));
  const uint32_t number = known ? *known : declare(variable);
  program_.variable_of[variable.id] = number;
  if (type.is_aggregate()) reports_->add(Code::aggregate_read, map.span, std::get<MapRef>(map.node).name, type.spelling());
  else merge_variable(variable, number, type, false, variable.span);
  program_.types[variable.id] = known_variable(number);
}

void Checking::assign_to_map(const Expr& target, const Type& type, bool is_literal, Span span) {
  const std::string& name = std::get<MapRef>(target.node).name;
  Merged& value = seen_.maps[name].value;
  if (!value.merge(type, is_literal))
    reports_->add(Code::map_type, span, name, value.type.spelling(), type.spelling());
}

void Checking::lay_out_maps() {
  for (MapDef& def : program_.maps) {
    const MapFacts& facts = known_map(def.name);
    def.value = facts.value.type;
    def.keys.clear();
    for (const Merged& key : facts.keys) def.keys.push_back(key.type);
    def.max_entries = def.keys.empty() ? 1 : options_.settings.max_map_keys;
    if (auto declared = declared_maps_.find(def.name); declared != declared_maps_.end() && !def.keys.empty()) {
      def.max_entries = declared->second.size;
      def.is_lru = declared->second.is_lru;
      if (def.value.kind != Type::Kind::none && def.value.is_aggregate() != declared->second.is_per_cpu)
        diagnostics_.add(Code::map_kind_value, def.first_use, def.name, declared->second.kind, def.value.spelling()).hint =
            declared->second.is_per_cpu ? "such a map holds count(), sum() and their like; declare it as hash or lruhash"
                                        : "declare it as percpuhash or percpulruhash";
    }
    if (!def.keys.empty() && def.key_size() > most_key_bytes)
      diagnostics_.add(Code::key_too_large, def.first_use, def.name, def.key_size(), most_key_bytes);
  }
}

}  // namespace zeektrace
