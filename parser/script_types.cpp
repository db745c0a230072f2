#include "parser/script_types.h"

#include <algorithm>

#include "parser/literal.h"
#include "parser/parse.h"

namespace zeektrace {
namespace {

constexpr uint32_t most_bytes = 1 << 20;  // of a record

// A pointer to a record says which one, so that it can stand in the record itself; a size is known later.
bool is_complete(const Type& type) {
  if (type.is_array()) return is_complete(*type.pointee);
  return !type.is_record() || type.size > 0 || type.records->shape(type.record);
}

uint32_t rounded(uint64_t value, uint32_t to) { return static_cast<uint32_t>((value + to - 1) / to * to); }

std::optional<int64_t> computed(const std::string& op, int64_t a, int64_t b) {
  const auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
  if (op == "+") return number(ua + ub);
  if (op == "-") return number(ua - ub);
  if (op == "*") return number(ua * ub);
  if (op == "<<") return number(ua << (ub & 63));
  if (op == ">>") return number(ua >> (ub & 63));
  if (op == "|") return number(ua | ub);
  if (op == "&") return number(ua & ub);
  if (op == "/" && b != 0 && b != -1) return a / b;
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> constant_value(const Expr& expr, const std::map<std::string, int64_t>& names) {
  if (auto* node = std::get_if<Number>(&expr.node)) return static_cast<int64_t>(node->value);
  if (auto* node = std::get_if<Name>(&expr.node)) {
    auto found = names.find(node->name);
    return found == names.end() ? std::nullopt : std::optional(found->second);
  }
  auto* call = std::get_if<Call>(&expr.node);
  if (!call || call->args.empty() || call->args.size() > 2) return std::nullopt;
  auto first = constant_value(*call->args[0], names);
  if (!first) return std::nullopt;
  if (call->args.size() == 1) {
    if (call->function == "-") return static_cast<int64_t>(-static_cast<uint64_t>(*first));
    if (call->function == "~") return ~*first;
    return std::nullopt;
  }
  auto second = constant_value(*call->args[1], names);
  return second ? computed(call->function, *first, *second) : std::nullopt;
}

ScriptTypes::ScriptTypes(const std::vector<CDefinition>& definitions, const TypeElsewhere& elsewhere,
                         Diagnostics& diagnostics)
    : elsewhere_(elsewhere), diagnostics_(diagnostics) {
  for (const CDefinition& each : definitions) (void)define(each);
}

Result<const RecordShape*> ScriptTypes::shape(uint64_t id) {
  if (shapes_.at(id)->size == 0 && shapes_[id]->members.empty())
    return Error{Error::Kind::script, fmt::format("{} is only named in the script, and not defined", shapes_[id]->name), "",
                 nullptr};
  return shapes_[id].get();
}

std::optional<Type> ScriptTypes::find(std::string_view name) {
  auto found = types_.find(name);
  return found == types_.end() ? std::nullopt : std::optional(found->second);
}

const ScriptTypes::Enumerator* ScriptTypes::enumerator(const std::string& name) const {
  auto found = enumerators_.find(name);
  return found == enumerators_.end() ? nullptr : &found->second;
}

Type ScriptTypes::define(const CDefinition& definition) {
  if (!definition.name.empty() && types_.contains(definition.name))
    diagnostics_.add(Code::declared_twice, definition.span, definition.name);
  return definition.keyword == "enum" ? define_enum(definition) : define_record(definition);
}

// An int, as GCC makes it, unless a value needs more.
Type ScriptTypes::define_enum(const CDefinition& definition) {
  auto names = std::make_shared<EnumNames>();
  int64_t next = 0;
  bool is_signed = false, is_wide = false;
  for (const CDefinition::Enumerator& each : definition.enumerators) {
    if (each.value) {
      auto value = constant_value(*each.value, values_);
      if (!value) diagnostics_.add(Code::bad_definition, each.span, fmt::format("the value of {} is not a number that is known now", each.name));
      next = value.value_or(0);
    }
    if (!values_.try_emplace(each.name, next).second) diagnostics_.add(Code::declared_twice, each.span, each.name);
    names->try_emplace(next, each.name);
    is_signed |= next < 0;
    is_wide |= next > UINT32_MAX || next < INT32_MIN;
    next++;
  }
  Type type = Type::integer(is_wide ? 8 : 4, is_signed);
  if (!definition.name.empty()) type.name = "enum " + definition.name;
  type.names = names;
  for (const CDefinition::Enumerator& each : definition.enumerators)
    enumerators_[each.name] = {values_[each.name], type};
  if (!definition.name.empty()) types_[definition.name] = type;
  return type;
}

uint32_t ScriptTypes::alignment(const Type& type) const {
  if (type.is_array()) return alignment(*type.pointee);
  if (!type.is_record()) return std::clamp(type.size, 1u, 8u);
  auto shape = type.records->shape(type.record);
  uint32_t widest = 1;
  if (!shape) return widest;
  for (const Member& each : (*shape)->members) widest = std::max(widest, alignment(each.type));
  return widest;
}

std::optional<Type> ScriptTypes::base_type(const CDefinition::Member& member, const std::vector<Type>& nested) {
  if (member.nested) return nested.at(*member.nested);
  std::string name = canonical_type(member.type);
  if (name.empty()) name = member.type;
  if (auto plain = integer_named(name)) return plain;
  if (auto own = find(name)) return own;
  if (auto other = elsewhere_(name)) return other;
  if (auto known = declared_.find(name); known != declared_.end()) return Type::of_record(this, known->second, name, 0);
  if (member.stars == 0) return std::nullopt;
  // Behind a pointer a struct need not be known.
  declared_[name] = shapes_.size();
  shapes_.push_back(std::make_unique<RecordShape>(RecordShape{.name = name}));
  return Type::of_record(this, declared_[name], name, 0);
}

std::optional<Type> ScriptTypes::member_type(const CDefinition::Member& member, const std::vector<Type>& nested) {
  auto type = base_type(member, nested);
  if (!type) {
    diagnostics_.add(Code::unknown_type, member.span, member.type);
    return std::nullopt;
  }
  for (uint32_t i = 0; i < member.stars; i++) type = Type::pointer(*std::move(type));
  for (auto length = member.lengths.rbegin(); length != member.lengths.rend(); ++length) {
    auto count = *length ? constant_value(**length, values_) : 0;
    if (!count || *count < 0 || *count > max_array_length) {
      diagnostics_.add(Code::bad_definition, member.span,
                       fmt::format("the length of {} is not a number from 0 to {} that is known now", member.name, max_array_length));
      return std::nullopt;
    }
    type = Type::array(*std::move(type), static_cast<uint32_t>(*count));
  }
  if (is_complete(*type)) return type;
  diagnostics_.add(Code::bad_definition, member.span, fmt::format("{} is not defined before it is used here", type->spelling()));
  return std::nullopt;
}

// As the System V ABI for x86-64 has it (3.1.2): each member at its own alignment, bit fields within one unit of their type.
Type ScriptTypes::define_record(const CDefinition& definition) {
  auto known = declared_.find(definition.name);
  const bool is_known = !definition.name.empty() && known != declared_.end();
  const uint64_t id = is_known ? known->second : shapes_.size();
  if (!is_known) shapes_.push_back(std::make_unique<RecordShape>());
  const std::string name = definition.name.empty() ? "(unnamed)" : definition.name;
  shapes_[id]->name = name;
  if (!definition.name.empty()) declared_[name] = id;
  std::vector<Type> nested;
  for (const CDefinition& each : definition.nested) nested.push_back(define(each));

  RecordShape shape{.name = name};
  const bool is_union = definition.keyword == "union";
  if (is_union) shape.keyword = RecordShape::Keyword::union_;
  uint64_t bits = 0, end = 0;
  uint32_t widest = 1;
  for (const CDefinition::Member& each : definition.members) {
    auto type = member_type(each, nested);
    if (!type) continue;
    if (is_union) bits = 0;
    const uint32_t align = alignment(*type);
    Member member{.name = each.name, .type = *type};
    if (each.bits) {
      const auto width = constant_value(*each.bits, values_);
      if (!width || *width < 0 || *width > type->size * 8 || !type->is_integer()) {
        diagnostics_.add(Code::bad_definition, each.span, fmt::format("{} can't have so many bits", each.name));
        continue;
      }
      const uint64_t unit = uint64_t{type->size} * 8;
      if (*width == 0 || bits / unit != (bits + static_cast<uint64_t>(*width) - 1) / unit) bits = (bits + unit - 1) / unit * unit;
      member.offset = static_cast<uint32_t>(bits / unit * type->size);
      member.bit_offset = static_cast<uint8_t>(bits % unit);
      member.bit_size = static_cast<uint8_t>(*width);
      bits += static_cast<uint64_t>(*width);
    } else {
      member.offset = rounded((bits + 7) / 8, align);
      bits = (uint64_t{member.offset} + type->size) * 8;
    }
    widest = std::max(widest, align);
    end = std::max(end, bits);
    if (!(each.bits && each.name.empty())) shape.members.push_back(std::move(member));
  }
  if (end / 8 > most_bytes) diagnostics_.add(Code::bad_definition, definition.span, fmt::format("{} has more than {} bytes", name, most_bytes));
  shape.size = rounded(std::min<uint64_t>((end + 7) / 8, most_bytes), widest);
  *shapes_[id] = std::move(shape);
  Type type = Type::of_record(this, id, name, shapes_[id]->size);
  if (!definition.name.empty()) types_[definition.name] = type;
  return type;
}

}  // namespace zeektrace
