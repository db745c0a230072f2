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
void Checking::declare_map(const Expr& expr, Use use) {
  const std::string& name = std::get<MapRef>(expr.node).name;
  uses_[name].push_back({&expr, static_cast<uint32_t>(probe_ - program_.probes.data()), use});
  if (program_.map_index.contains(name)) return;
  program_.map_index[name] = static_cast<uint32_t>(program_.maps.size());
  MapDef def;
  def.name = name;
  def.first_use = expr.span;
  program_.maps.push_back(std::move(def));
}

// The keys of one use of a map: the same number, and fitting types, everywhere.
void Checking::use_keys(const Expr& expr) {
  const MapRef& node = std::get<MapRef>(expr.node);
  MapFacts& facts = seen_.maps[node.name];
  if (!facts.keys_known) {
    facts.keys_known = true;
    facts.keys.resize(node.keys.size());
  } else if (facts.keys.size() != node.keys.size()) {
    reports_->add(Code::map_keys, expr.span, node.name, key_words(facts.keys.size()), key_words(node.keys.size()));
  }
  for (size_t i = 0; i < node.keys.size(); i++) {
    const Type type = value(*node.keys[i]);
    if (i >= facts.keys.size()) continue;
    if (!facts.keys[i].merge(type, is_literal(*node.keys[i])))
      reports_->add(Code::map_key_type, node.keys[i]->span, i + 1, node.name, facts.keys[i].type.spelling(),
                    type.spelling());
  }
}

Type Checking::read_map(const Expr& expr) {
  declare_map(expr, Use::read);
  use_keys(expr);
  const std::string& name = std::get<MapRef>(expr.node).name;
  const Type& type = known_map(name).value.type;
  if (type.kind == Type::Kind::none) reports_->add(Code::unset_map, expr.span, name);
  if (type.is_aggregate()) reports_->add(Code::aggregate_read, expr.span, name, type.spelling());
  return type.is_aggregate() ? Type::integer(8, true) : type;
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
    def.max_entries = def.keys.empty() ? 1 : options_.max_map_keys;
    if (!def.keys.empty() && def.key_size() > most_key_bytes)
      diagnostics_.add(Code::key_too_large, def.first_use, def.name, def.key_size(), most_key_bytes);
  }
}

}  // namespace zeektrace
