// Members, elements, casts to types of the traced program, and what of these is a text.
#include <algorithm>

#include "parser/checking.h"
#include "parser/members.h"
#include "parser/script_types.h"

namespace zeektrace {
namespace {

bool same_members(const Type& a, const Type& b) {
  if (!a.same_as(b)) return false;
  if (!a.is_record()) return true;
  auto shape_a = a.records->shape(a.record), shape_b = b.records->shape(b.record);
  if (!shape_a || !shape_b) return !shape_a && !shape_b;
  return std::ranges::equal((*shape_a)->members, (*shape_b)->members, [](const Member& x, const Member& y) {
    return x.name == y.name && x.offset == y.offset && x.then == y.then && x.bit_offset == y.bit_offset && x.bit_size == y.bit_size &&
           x.type.same_as(y.type);
  });
}

}  // namespace

void Checking::refuse(Span span, const Refusal& refusal) {
  Diagnostic& report = reports_->add(refusal.code, span, refusal.words[0], refusal.words[1], refusal.words[2]);
  if (!refusal.hint.empty()) report.hint = refusal.hint;
}

Type Checking::field_of(const Expr& expr, const FieldRef& node) {
  auto* object = std::get_if<Name>(&node.object->node);
  if (object && object->name == arguments_word) return named_argument(expr, node.name);
  const Type type = expression(*node.object);
  if (type.kind == Type::Kind::none) return Type();
  if (type.is_tuple()) return item(expr, type, node.name);
  auto found = member_access(type, node.name);
  if (auto* refusal = std::get_if<Refusal>(&found)) {
    refuse(expr.span, *refusal);
    return Type();  // nothing more is said of what hangs on it
  }
  return reached(expr, std::get<Access>(std::move(found)));
}

Type Checking::named_argument(const Expr& expr, const std::string& name) {
  const std::string wanted = std::string(arguments_word) + "." + name;
  if (const Field* found = field(wanted)) {
    if (auto* why = std::get_if<Unavailable>(&found->where))
      reports_->add(Code::unavailable, expr.span, wanted, place(), why->reason);
    return through_references(found->type);
  }
  if (const Field* none = field(all_named_arguments)) {
    reports_->add(Code::unavailable, expr.span, wanted, place(), std::get<Unavailable>(none->where).reason);
    return Type();
  }
  std::vector<std::string_view> names;
  for (const Field& each : probe_->fields)
    if (each.name.starts_with(wanted.substr(0, arguments_word.size() + 1)))
      names.push_back(std::string_view(each.name).substr(arguments_word.size() + 1));
  Diagnostic& report = reports_->add(Code::unknown_field, expr.span, place(), name);
  report.hint = did_you_mean(near_matches(name, names));
  if (report.hint.empty())
    report.hint = names.empty() ? "it has no named arguments" : fmt::format("it has {}", fmt::join(names, ", "));
  return Type();  // nothing more is said of what hangs on it
}

Type Checking::index(const Expr& expr, const Index& node) {
  const Type type = expression(*node.object);
  const Type by = expression(*node.index);
  if (type.kind == Type::Kind::none || by.kind == Type::Kind::none) return Type();
  if (!by.is_integer()) reports_->add(Code::wrong_operand, node.index->span, "[]", by.spelling());
  if (type.is_string()) return Type::integer(1, true);
  if (type.is_tuple()) {
    const auto literal = literal_integer(*node.index);
    if (type.is_list && !literal) return type.items.front();
    if (literal) return item(expr, type, std::to_string(*literal));
    reports_->add(Code::wrong_operand, node.index->span, "[]", "an index of a tuple that is computed while it runs");
    return Type();
  }
  auto found = element_access(type);
  if (auto* refusal = std::get_if<Refusal>(&found)) {
    refuse(expr.span, *refusal);
    return Type();
  }
  Access& access = std::get<Access>(found);
  auto literal = literal_integer(*node.index);
  if (literal && access.bound) {
    bool fixed = access.bound->terms.empty();
    if (*literal < 0 || (fixed && *literal >= access.bound->fixed)) {
      Diagnostic& report = reports_->add(Code::index_range, node.index->span, *literal, type.spelling(),
                                         access.bound->fixed - 1);
      if (!fixed) report.hint = "the first one is 0";
    }
  }
  return reached(expr, std::move(access));
}

// Keeps how the value is reached. In a block with attach points in several binaries it must be the same way in all.
Type Checking::reached(const Expr& expr, Access access) {
  auto [known, is_new] = program_.accesses.try_emplace(expr.id, access);
  if (!is_new && !(known->second == access))
    reports_->add(Code::not_a_probe_value, expr.span, source_.slice(expr.span));
  if (access.count) return Type::integer(8, false);
  return std::move(access.place.type);
}

bool Checking::has_address(const Expr& expr) const {
  const Type& type = type_of(expr);
  if (std::holds_alternative<Variable>(expr.node)) return type.kind != Type::Kind::none;
  if (auto* map = std::get_if<MapRef>(&expr.node)) return !known_map(map->name).value.type.is_aggregate();
  if (type.is_record() || type.is_array()) return true;
  auto found = program_.accesses.find(expr.id);
  return found != program_.accesses.end() && !found->second.count && found->second.place.bit_size == 0 &&
         !found->second.present;
}

bool Checking::is_kernels_own(const Expr& expr) const {
  if (auto* call = std::get_if<Call>(&expr.node))
    return call->function == "&" && call->args.size() == 1 && type_of(*call->args[0]).is_record() && is_kernels_own(*call->args[0]);
  auto* node = std::get_if<FieldRef>(&expr.node);
  if (!node || !probe_->how->typed_context) return false;
  auto access = program_.accesses.find(expr.id);
  if (access != program_.accesses.end()) {
    const AccessPath& place = access->second.place;
    // Of an iterator's context, whose words are such pointers.
    auto* context = std::get_if<Name>(&node->object->node);
    if (context && field(context->name)) return type_of(expr).is_pointer() && place.adds.size() == 1;
    return type_of(expr).is_record() && place.adds.size() == 1 && is_kernels_own(*node->object);
  }
  auto* object = std::get_if<Name>(&node->object->node);
  const Field* found = object && object->name == arguments_word ? field("args." + node->name) : nullptr;
  return found && std::holds_alternative<ContextOffset>(found->where) && found->type.is_pointer();
}

// ---- texts ----

// Where the expression is an array of characters or a string class, its text is read, up to `limit` bytes; its type is
// then a text's.
std::optional<Refusal> Checking::make_text(const Expr& expr, uint32_t limit) {
  const Type& type = type_of(expr);
  auto found = text_source(type);
  if (auto* refusal = std::get_if<Refusal>(&found)) return std::move(*refusal);
  const TextSource& source = std::get<TextSource>(found);
  auto [known, is_new] = program_.texts.try_emplace(expr.id, source);
  if (!is_new && !(known->second == source))
    reports_->add(Code::not_a_probe_value, expr.span, source_.slice(expr.span));
  const Type& data = source.data.type;
  uint32_t size = data.is_array() && data.count > 0 ? std::min(limit, data.count + 1) : limit;
  program_.types[expr.id] = Type::string(size);
  program_.types[expr.id].can_be_cut = size == options_.settings.max_strlen;
  return std::nullopt;
}

Type Checking::value(const Expr& expr) {
  const Type type = expression(expr);
  if (!type.is_record() && !type.is_array()) return type;
  // Bytes without a sign are data rather than characters: str() says otherwise.
  bool data = type.is_array() && type.pointee->is_integer() && !type.pointee->is_signed;
  if (!data && !make_text(expr, options_.settings.max_strlen)) return type_of(expr);
  Diagnostic& report = reports_->add(Code::whole_record, expr.span, type.spelling());
  if (type.is_array()) report.hint = "take an element, such as [0]";
  if (data && type.pointee->size == 1) report.hint += ", or str() of it";
  return Type();
}

// ---- the kernel's records ----

std::optional<Type> Checking::kernel_member(const Expr& expr, std::string_view record,
                                            std::initializer_list<std::string_view> path) {
  Records* records = options_.kernel_types ? options_.kernel_types() : nullptr;
  std::optional<Type> type = records ? records->find(record) : std::nullopt;
  if (!type) {
    reports_->add(Code::not_yet, expr.span, source_.slice(expr.span), "it takes a kernel with BTF (CONFIG_DEBUG_INFO_BTF)");
    return std::nullopt;
  }
  Access whole;
  for (std::string_view member : path) {
    auto found = member_access(*type, std::string(member));
    if (auto* refusal = std::get_if<Refusal>(&found)) {
      refuse(expr.span, *refusal);
      return std::nullopt;
    }
    const AccessPath& step = std::get<Access>(found).place;
    auto begin = step.adds.begin();
    // A pointer's step begins with its value: one more read.
    if (!type->is_pointer()) whole.place.adds.back() += *begin++;
    whole.place.adds.insert(whole.place.adds.end(), begin, step.adds.end());
    type = step.type;
    whole.place.type = step.type;
    whole.place.bit_offset = step.bit_offset;
    whole.place.bit_size = step.bit_size;
  }
  return reached(expr, std::move(whole));
}

// ---- casts ----

// A type of the traced program. Two binaries that share a program must agree on it.
std::optional<Type> Checking::type_named(const Expr& expr, const std::string& name) {
  if (auto own = script_types_ ? script_types_->find(name) : std::nullopt) return own;
  std::vector<const Records*> asked;
  std::optional<Type> found;
  for (const AttachPoint& point : probe_->points) {
    Records* records = point.provider->types ? point.provider->types(machine_, point) : nullptr;
    if (!records || std::ranges::find(asked, records) != asked.end()) continue;
    asked.push_back(records);
    auto type = records->find(name);
    if (found && type && !same_members(*found, *type))
      reports_->add(Code::not_a_probe_value, expr.span, source_.slice(expr.span));
    if (!found) found = std::move(type);
  }
  if (found) return found;
  // Otherwise the kernel's, whatever is probed.
  Records* kernel = options_.kernel_types ? options_.kernel_types() : nullptr;
  return kernel ? kernel->find(name) : std::nullopt;
}

}  // namespace zeektrace
