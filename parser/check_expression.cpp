#include <algorithm>
#include <charconv>

#include "parser/c_constants.h"
#include "parser/checking.h"
#include "parser/literal.h"
#include "parser/script_types.h"

namespace zeektrace {
namespace {

// An item of a tuple: .0
std::optional<uint64_t> number_in(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view wording(Want want) {
  switch (want) {
    case Want::value:
    case Want::address: return "a value";
    case Want::integer: return "an integer";
    case Want::literal_integer: return "a number that is known before the script runs";
    case Want::literal_string: return "a text in quotes";
    case Want::string: return "a text";
    case Want::word: return "a word without quotes, or a number";
    case Want::map: return "a map, such as @name";
    case Want::map_or_value: return "a map or a value";
    case Want::map_element: return "an element of a map, such as @name[key]";
    case Want::keyed_map: return "a map, such as @name";
    case Want::map_key: return "a key of the map";
    case Want::variable: return "a variable, such as $x";
    case Want::branch: return "a value";
  }
  bug("a Want without words");
}

}  // namespace

const Type& Checking::expression(const Expr& expr) {
  Type type = type_for(expr);
  // A block with several kinds of attach points is looked at once for each: a value must be the same in all.
  if (met_[expr.id] && !met_[expr.id]->same_as(type))
    reports_->add(Code::not_a_probe_value, expr.span, source_.slice(expr.span));
  met_[expr.id] = type;
  return program_.types[expr.id] = std::move(type);
}

Type Checking::type_for(const Expr& expr) {
  if (auto* node = std::get_if<Number>(&expr.node))
    return node->is_bool ? Type::boolean() : Type::integer(8, node->value <= INT64_MAX);
  if (auto* node = std::get_if<String>(&expr.node)) return Type::string(static_cast<uint32_t>(node->value.size() + 1));
  if (auto* node = std::get_if<Name>(&expr.node)) return name(expr, *node);
  if (std::holds_alternative<Positional>(expr.node)) return positional(expr);
  if (auto* node = std::get_if<Variable>(&expr.node)) return variable(expr, *node);
  if (std::holds_alternative<MapRef>(expr.node)) return read_map(expr);
  if (auto* node = std::get_if<FieldRef>(&expr.node)) return field_of(expr, *node);
  if (auto* node = std::get_if<Index>(&expr.node)) return index(expr, *node);
  if (auto* node = std::get_if<Call>(&expr.node)) return call(expr, *node);
  if (auto* node = std::get_if<Cast>(&expr.node)) return cast(expr, *node);
  if (auto* node = std::get_if<Tuple>(&expr.node)) {
    if (!node->items.empty()) return tuple(*node);
    reports_->add(Code::wrong_argument, expr.span, 1, "a tuple", "a value", "none");
    return Type();
  }
  if (auto* node = std::get_if<BlockExpr>(&expr.node)) return block_value(expr, *node);
  if (auto* node = std::get_if<TypeValue>(&expr.node)) {
    reports_->add(Code::not_a_value, expr.span, fmt::format("the type {}", node->type.text()));
    return Type();
  }
  return step(std::get<Step>(expr.node));
}

// What a script that includes headers should know when a name is not found.
std::string Checking::of_headers() const {
  return fmt::format("headers (<{}>) are not read: what they define comes from the kernel's own types (BTF), which have no macros; #define "
                     "it, or declare the struct, in the script", fmt::join(ast_.includes, ">, <"));
}

Type Checking::name(const Expr& expr, const Name& node) {
  if (const Builtin* row = find_builtin(builtins_, node.name, Builtin::Form::variable)) return row->result(*this, expr);
  if (auto* own = script_types_ ? script_types_->enumerator(node.name) : nullptr) {
    make_constant(expr, static_cast<uint64_t>(own->value));
    return own->type;
  }
  Records* kernel = options_.kernel_types ? options_.kernel_types() : nullptr;
  if (auto constant = kernel ? kernel->constant(node.name) : std::nullopt) {
    make_constant(expr, static_cast<uint64_t>(constant->value));
    return constant->type;
  }
  if (auto constant = c_constant(node.name)) {
    make_constant(expr, static_cast<uint64_t>(*constant));
    return Type::integer(8, true);
  }
  Diagnostic& report = reports_->add(Code::unknown_name, expr.span, node.name);
  if (node.name == arguments_word) {
    report.hint = "name one of them: args.name (zeektrace -lv lists them)";
  } else if (find_builtin(builtins_, node.name, Builtin::Form::function)) {
    report.hint = fmt::format("a function is called with parentheses: {}()", node.name);
  } else {
    std::vector<std::string_view> names;
    for (const Builtin& each : builtins_)
      if (each.form == Builtin::Form::variable) names.push_back(each.name);
    report.hint = did_you_mean(near_matches(node.name, names));
    if (report.hint.empty()) report.hint = ast_.includes.empty() ? "variables begin with $, maps with @" : of_headers();
  }
  return Type::integer(8, true);
}

// ---- positional parameters ----

std::optional<std::string> Checking::parameter_text(const Expr& expr) const {
  auto* node = std::get_if<Positional>(&expr.node);
  if (!node || node->index == 0) return std::nullopt;
  return node->index <= options_.params.size() ? options_.params[node->index - 1] : "";
}

// A parameter is a number when it looks like one, and a text otherwise; one that was not given is 0.
Type Checking::positional(const Expr& expr) {
  std::optional<std::string> text = parameter_text(expr);
  const std::optional<GivenNumber> number = !text           ? GivenNumber{options_.params.size(), true}
                                            : text->empty() ? GivenNumber{}
                                                            : given_number(*text);
  if (number) {
    program_.constants[expr.id] = number->bits;
    return Type::integer(8, number->is_signed);
  }
  program_.constants[expr.id] = *text;
  return Type::string(static_cast<uint32_t>(text->size() + 1));
}

std::optional<int64_t> Checking::literal_integer(const Expr& expr) const {
  if (auto* node = std::get_if<Number>(&expr.node)) return static_cast<int64_t>(node->value);
  if (auto* node = std::get_if<Positional>(&expr.node)) {
    if (node->index == 0) return static_cast<int64_t>(options_.params.size());
    const std::string text = *parameter_text(expr);
    if (text.empty()) return 0;
    const auto number = given_number(text);
    return number ? std::optional(static_cast<int64_t>(number->bits)) : std::nullopt;
  }
  if (auto* node = std::get_if<Name>(&expr.node)) {
    auto* own = script_types_ ? script_types_->enumerator(node->name) : nullptr;
    return own ? std::optional(own->value) : c_constant(node->name);
  }
  auto* call = std::get_if<Call>(&expr.node);
  if (!call) return std::nullopt;
  if (call->args.size() == 1 && call->function == "-")
    if (auto inner = literal_integer(*call->args[0])) return static_cast<int64_t>(-static_cast<uint64_t>(*inner));
  auto known = program_.constants.find(expr.id);
  auto* number = known == program_.constants.end() ? nullptr : std::get_if<uint64_t>(&known->second);
  return number ? std::optional(static_cast<int64_t>(*number)) : std::nullopt;
}

// What an operator makes of numbers that are known beforehand, all signed: so much as conditions and lengths need.
std::optional<uint64_t> Checking::folded(const Call& node) const {
  if (!is_operator(node)) return std::nullopt;
  int64_t numbers[2] = {};
  for (size_t i = 0; i < node.args.size(); i++) {
    const auto number = i < std::size(numbers) ? literal_integer(*node.args[i]) : std::nullopt;
    if (!number || (!type_of(*node.args[i]).is_signed && *number < 0)) return std::nullopt;
    numbers[i] = *number;
  }
  const auto [a, b] = numbers;
  const auto word = [](int64_t number) { return static_cast<uint64_t>(number); };
  const std::string_view op = node.function;
  if (op == "!" && node.args.size() == 1) return a == 0;
  if (node.args.size() != 2) return std::nullopt;
  if (op == "+") return word(a) + word(b);
  if (op == "-") return word(a) - word(b);
  if (op == "*") return word(a) * word(b);
  if (op == "==") return a == b;
  if (op == "!=") return a != b;
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  if (op == ">=") return a >= b;
  if (op == "&&") return a != 0 && b != 0;
  if (op == "||") return a != 0 || b != 0;
  return std::nullopt;
}

std::optional<std::string> Checking::literal_string(const Expr& expr) const {
  if (auto* node = std::get_if<String>(&expr.node)) return node->value;
  return parameter_text(expr);
}

// ---- tuples and blocks ----

Type Checking::tuple(const Tuple& node) {
  std::vector<Type> items;
  bool is_known = true;
  for (const ExprPtr& each : node.items) {
    items.push_back(value(*each));
    is_known &= items.back().kind != Type::Kind::none;
  }
  for (size_t i = 0; i < node.names.size(); i++)
    if (std::ranges::count(node.names, node.names[i]) > 1 && std::ranges::find(node.names, node.names[i]) == node.names.begin() + static_cast<std::ptrdiff_t>(i))
      reports_->add(Code::declared_twice, node.items[i]->span, node.names[i]);
  return is_known ? Type::tuple(std::move(items), node.names) : Type();
}

// $tuple.0, $record.name
Type Checking::item(const Expr& expr, const Type& type, std::string_view name) {
  std::optional<size_t> index;
  if (auto named = std::ranges::find(type.item_names, name); named != type.item_names.end())
    index = static_cast<size_t>(named - type.item_names.begin());
  else if (auto number = number_in(name); number && type.item_names.empty())
    index = static_cast<size_t>(*number);
  if (index && *index < type.items.size()) return type.items[*index];
  if (index && !type.items.empty()) {
    reports_->add(Code::index_range, expr.span, *index, type.spelling(), type.items.size() - 1);
    return Type();
  }
  std::vector<std::string_view> names(type.item_names.begin(), type.item_names.end());
  Diagnostic& report = reports_->add(Code::unknown_member, expr.span, type.spelling(), name);
  report.hint = did_you_mean(near_matches(name, names));
  if (report.hint.empty() && names.empty()) report.hint = "its first item is .0";
  return Type();
}

Type Checking::block_value(const Expr& expr, const BlockExpr& node) {
  bool is_alone = std::exchange(statement_expr_, nullptr) == &expr;
  const Assign* assign = std::exchange(assign_, nullptr);
  const uint32_t loops = node.is_function ? std::exchange(loops_, 0) : loops_;
  if (node.is_function) functions_.push_back(&node);
  Type type;
  scoped([&] {
    for (const Stmt& each : node.body) statement(each);
    if (node.value) {
      if (is_alone) statement_expr_ = node.value.get();
      type = expression(*node.value);
    }
    if (node.result) type = expression(*node.result);
  });
  if (node.is_function) functions_.pop_back();
  loops_ = loops;
  statement_expr_ = is_alone ? &expr : nullptr;
  assign_ = assign;
  if (!is_alone && !node.value && !node.result) reports_->add(Code::not_a_value, expr.span, "this block");
  return type;
}

// ---- calls ----

Type Checking::call(const Expr& expr, const Call& node) {
  const Builtin* row = find_called(builtins_, node);
  if (!row) {
    for (const ExprPtr& arg : node.args) expression(*arg);
    std::vector<std::string_view> names;
    for (const Builtin& each : builtins_)
      if (each.form == Builtin::Form::function) names.push_back(each.name);
    Diagnostic& report = reports_->add(Code::unknown_function, expr.span, node.function);
    report.hint = find_builtin(builtins_, node.function, Builtin::Form::variable)
                      ? fmt::format("{} is a variable: write it without parentheses", node.function)
                      : did_you_mean(near_matches(node.function, names));
    return Type();
  }
  bool allowed = place_allows(expr, *row);
  // What stands within is neither alone nor assigned.
  const Expr* alone = std::exchange(statement_expr_, nullptr);
  const Assign* assign = std::exchange(assign_, nullptr);
  bool good = arguments(expr, node, *row, alone == &expr);
  statement_expr_ = alone;
  assign_ = assign;
  if (!good || !allowed) return Type();
  Type type = row->result(*this, expr);
  if (auto known = type.is_integer() ? folded(node) : std::nullopt) make_constant(expr, *known);
  return type;
}

bool Checking::place_allows(const Expr& expr, const Builtin& row) {
  using Place = Builtin::Place;
  bool assigned = assign_ && assign_->value.get() == &expr && std::holds_alternative<MapRef>(assign_->target->node);
  bool alone = statement_expr_ == &expr;
  switch (row.place) {
    case Place::expression: return true;
    case Place::statement:
      if (!alone) reports_->add(Code::not_a_value, expr.span, fmt::format("{}()", row.name));
      return alone;
    case Place::map_value:
      if (assigned && !assign_->op.empty())
        reports_->add(Code::compound_aggregate, expr.span, assign_->op, fmt::format("{}()", row.name)).hint =
            fmt::format("write @name = {}(…);", row.name);
      else if (!assigned)
        reports_->add(Code::aggregate_only_map, expr.span, fmt::format("{}()", row.name)).hint =
            fmt::format("write @name = {}(…);", row.name);
      return assigned && assign_->op.empty();
    case Place::map_value_or_expression: {
      bool with_target = !std::get<Call>(expr.node).args.empty() || (assigned && assign_->op.empty());
      if (!with_target) reports_->add(Code::not_a_value, expr.span, fmt::format("{}()", row.name));
      return with_target;
    }
  }
  bug("a Place that check does not know");
}

bool Checking::arguments(const Expr& expr, const Call& node, const Builtin& row, bool is_alone) {
  size_t least = 0;
  size_t most = row.params.size();
  for (const Param& param : row.params) {
    least += !param.optional && !param.repeated;
    if (param.repeated) most = SIZE_MAX;
  }
  std::string of = row.form == Builtin::Form::op ? fmt::format("'{}'", row.name) : fmt::format("{}()", row.name);
  if (node.args.size() < least || node.args.size() > most) {
    for (const ExprPtr& arg : node.args) expression(*arg);
    std::string wanted = least == most ? fmt::format("{}", least)
                         : most == SIZE_MAX ? fmt::format("at least {}", least)
                                            : fmt::format("{} to {}", least, most);
    wanted += wanted.ends_with('1') && least <= 1 && (least == most || most == SIZE_MAX) ? " argument" : " arguments";
    reports_->add(node.args.size() < least ? Code::too_few_arguments : Code::too_many_arguments, expr.span, of, wanted,
                  node.args.size());
    return false;
  }
  bool good = true;
  for (size_t i = 0; i < node.args.size(); i++) {
    const Param& param = row.params[std::min(i, row.params.size() - 1)];
    const bool has_key = i + 1 < std::min(node.args.size(), row.params.size()) && row.params[i + 1].want == Want::map_key;
    if (has_key) {
      good &= keyed_argument(*node.args[i], std::span(node.args).subspan(i + 1, 1), param, of);
    } else if (param.want == Want::branch && is_alone) {
      statement_expr_ = node.args[i].get();
      (void)expression(*node.args[i]);
      statement_expr_ = nullptr;
    } else good &= argument(*node.args[i], param, i + 1, of);
    i += has_key;
  }
  return good;
}

// A whole map and one of its keys: delete(@m, key).
bool Checking::keyed_argument(const Expr& arg, std::span<const ExprPtr> key, const Param& param, std::string_view of) {
  auto* map = std::get_if<MapRef>(&arg.node);
  if (!map || !map->keys.empty()) {
    const Type type = expression(arg);
    (void)expression(*key[0]);
    reports_->add(Code::wrong_argument, arg.span, 1, of, wording(param.want), map ? "an element" : type.spelling());
    return false;
  }
  declare_map(arg, Use::erase, key);
  use_keys(arg, key);
  if (param.want == Want::map_element || known_map(map->name).value.type.kind != Type::Kind::none) return true;
  reports_->add(Code::unset_map, arg.span, map->name);
  return false;
}

bool Checking::argument(const Expr& arg, const Param& param, size_t number, std::string_view of) {
  auto* map = std::get_if<MapRef>(&arg.node);
  auto wrong = [&](std::string_view what) {
    reports_->add(Code::wrong_argument, arg.span, number, of, wording(param.want), what);
    return false;
  };
  bool whole = map && map->keys.empty() && (param.want == Want::map || param.want == Want::map_or_value);
  if (whole) {
    declare_map(arg, Use::whole);
    if (known_map(map->name).value.type.kind != Type::Kind::none) return true;
    reports_->add(Code::unset_map, arg.span, map->name);
    return false;
  }
  if (param.want == Want::map_element && map) {
    declare_map(arg, Use::erase);
    use_keys(arg);
    return true;
  }
  if (param.want == Want::variable) return std::holds_alternative<Variable>(arg.node) || (expression(arg), wrong(type_of(arg).spelling()));
  if (param.want == Want::word) {
    if (!word(arg).empty() || literal_integer(arg)) return true;
    expression(arg);
    return wrong(type_of(arg).spelling());
  }
  bool whole_value = param.want == Want::value || param.want == Want::map_or_value || param.want == Want::string ||
                     param.want == Want::branch;
  const Type type = whole_value ? value(arg) : expression(arg);
  bool literal = literal_integer(arg).has_value();
  if (type.kind == Type::Kind::none) return false;  // reported, or not known in this walk
  switch (param.want) {
    case Want::value:
    case Want::address:
    case Want::branch:
    case Want::map_or_value: return true;
    case Want::integer: return type.is_integer() || type.is_pointer() || wrong(type.spelling());
    case Want::literal_integer: return literal || wrong(type.is_integer() ? "computed while it runs" : type.spelling());
    case Want::literal_string: return literal_string(arg) || wrong(type.is_string() ? "read while it runs" : type.spelling());
    case Want::string: return type.is_string() || wrong(type.spelling());
    case Want::word:
    case Want::variable:
    case Want::map:
    case Want::keyed_map:
    case Want::map_key:
    case Want::map_element: return wrong(map ? "an element" : type.spelling());
  }
  bug("a Want that check does not know");
}

// ---- casts and steps ----

constexpr uint64_t most_type_bytes = 1 << 24;

// The type that a script writes; nothing, and reported, when there is none.
std::optional<Type> Checking::spelled_type(const Expr& expr, const TypeSpelling& spelling) {
  std::string name = canonical_type(spelling.name);
  if (name.empty()) name = spelling.name;
  std::vector<uint32_t> suffixes = spelling.suffixes;
  Type type;
  if (spelling.of) {
    type = expression(*spelling.of).natural();
    if (type.kind == Type::Kind::none) return std::nullopt;
  } else if (name == "string") {
    bool is_sized = !suffixes.empty() && suffixes[0] != TypeSpelling::star && suffixes[0] > 0;
    type = Type::string(is_sized ? suffixes[0] : options_.settings.max_strlen);
    if (is_sized) suffixes.erase(suffixes.begin());
  } else if (auto integer = integer_named(name)) {
    type = *std::move(integer);
  } else if (auto found = type_named(expr, name)) {
    type = *std::move(found);
  } else {
    const std::vector<std::string_view> names = integer_names();
    Diagnostic& report = reports_->add(Code::unknown_type, expr.span, name);
    if (std::string better = did_you_mean(near_matches(name, names)); !better.empty()) report.hint = better;
    else if (!ast_.includes.empty()) report.hint = of_headers();
    return std::nullopt;
  }
  for (uint32_t suffix : suffixes) {
    if (suffix == TypeSpelling::star) {
      type = Type::pointer(std::move(type));
      continue;
    }
    if (suffix > max_array_length || uint64_t{type.size} * suffix > most_type_bytes) {
      reports_->add(Code::bad_definition, expr.span,
                    fmt::format("an array has at most {} elements and {} bytes", max_array_length, most_type_bytes));
      return std::nullopt;
    }
    type = Type::array(std::move(type), suffix);
  }
  return type;
}

namespace {

// An array of numbers that an integer becomes: as many as asked for, or as it has room for.
std::optional<Type> cast_to_list(const Type& from, const Type& type) {
  if (!type.is_array() || !type.pointee->is_integer() || !(from.is_integer() || from.kind == Type::Kind::enumeration))
    return std::nullopt;
  const uint32_t each = type.pointee->size;
  const uint32_t count = type.count > 0 ? type.count : from.size / each;
  if (count == 0 || count * each > 8) return std::nullopt;
  return Type::list(*type.pointee, count);
}

}  // namespace

Type Checking::cast(const Expr& expr, const Cast& node) {
  const Type from = expression(*node.value);
  auto spelled = spelled_type(expr, node.type);
  if (!spelled) return Type();
  const Type& type = *spelled;
  if (auto list = cast_to_list(from, type)) return *std::move(list);
  if (from.kind != Type::Kind::none && type.is_integer() && integer_of_bytes(from)) return type;
  if (type.is_string() && (from.is_integer() || from.is_pointer())) return type;
  bool number = from.is_integer() || from.kind == Type::Kind::enumeration || from.kind == Type::Kind::port;
  bool fits = number || from.is_pointer() || (from.is_array() && type.is_pointer());
  bool takes_number = type.is_integer() || type.is_pointer() || type.kind == Type::Kind::enumeration;
  if (from.kind == Type::Kind::none || (fits && takes_number)) return type;
  Diagnostic& report = reports_->add(Code::bad_cast, expr.span, from.spelling(), type.spelling());
  if (number && type.is_array() && type.pointee->is_integer()) report.hint = "an array of the integer's bytes has at most 8 of them";
  else if (fits) report.hint = fmt::format("cast it to a pointer: ({} *)", type.spelling());
  return Type();
}

Type Checking::step(const Step& node) {
  Type type;
  if (auto* map = std::get_if<MapRef>(&node.target->node)) {
    declare_map(*node.target, Use::other);
    use_keys(*node.target);
    type = known_map(map->name).value.type;
    assign_to_map(*node.target, type.is_pointer() ? type : Type::integer(8, true), true, node.target->span);
  } else if (std::holds_alternative<Variable>(node.target->node)) {
    type = expression(*node.target);
    if (type.kind == Type::Kind::none) type = Type::integer(8, true);
    merge_variable(*node.target, program_.variable_of.at(node.target->id), type, true, node.target->span);
  } else {
    expression(*node.target);
    reports_->add(Code::not_assignable, node.target->span);
  }
  program_.types[node.target->id] = type;
  bool number = type.is_integer() || type.is_pointer() || type.kind == Type::Kind::none;
  if (!number)
    reports_->add(Code::wrong_operand, node.target->span, node.increment ? "++" : "--", type.spelling());
  return type.is_integer() || type.is_pointer() ? type : Type::integer(8, true);
}

}  // namespace zeektrace
