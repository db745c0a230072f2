#include "probes/zeek/types.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "parser/name_pattern.h"
#include "probes/glob.h"

namespace zeektrace {
namespace {

constexpr uint32_t most_fields = 4096;
constexpr uint64_t pointer_size = 8;
// A member that 8.1 and later have, and what there was before: std::vector<std::optional<ZVal>> (optional, libstdc++:
// _Optional_payload_base, the value first, then whether there is one).
constexpr int64_t optional_size = 16, optional_engaged = 8;
// FieldInit has virtual functions; the value of those that keep one follows (Type.cc).
constexpr int64_t default_value = 8;
constexpr std::string_view kept_defaults[] = {"N4zeek6detail15DirectFieldInitE", "N4zeek6detail22DirectManagedFieldInitE"};
constexpr std::string_view empty_defaults[] = {"N4zeek6detail14TableFieldInitE", "N4zeek6detail15VectorFieldInitE"};

// What nothing can be read of, by its tag.
struct Opaque {
  std::string_view tag, word;
};
constexpr Opaque opaque_tags[] = {
    {"TYPE_PATTERN", "pattern"}, {"TYPE_ANY", "any"},       {"TYPE_FUNC", "function"}, {"TYPE_FILE", "file"},
    {"TYPE_OPAQUE", "opaque"},   {"TYPE_TYPE", "type"},     {"TYPE_LIST", "list"},     {"TYPE_VOID", "void"},
};

Error no_layout(const ZeekLayout& layout, std::string_view member) {
  return {Error::Kind::script, fmt::format("arguments of scripts can't be read in Zeek {}: where {} is, is not known", layout.release, member),
          "what is known of the release comes from " + layout.source, {}};
}

Type named(Type type, std::string name) {
  type.name = std::move(name);
  return type;
}

Type no_type(std::string name) { return named(Type(), std::move(name)); }

// From a word that is in a register, or in memory, on to what it points to.
std::optional<UserMemory> pointed_to(const Location& word) {
  if (auto* at = std::get_if<ContextOffset>(&word)) return UserMemory{at->offset, {0}, std::nullopt};
  auto* memory = std::get_if<UserMemory>(&word);
  if (!memory) return std::nullopt;
  UserMemory further = *memory;
  further.adds.push_back(0);
  return further;
}

// The first process that has it; as many as there are when none has.
size_t first_with_it(const std::vector<uint64_t>& types) {
  return static_cast<size_t>(std::ranges::find_if(types, [](uint64_t type) { return type != 0; }) - types.begin());
}

// adds, and then a path from where they lead.
void append(std::vector<int64_t>& adds, const std::vector<int64_t>& path) {
  adds.back() += path.front();
  adds.insert(adds.end(), path.begin() + 1, path.end());
}

}  // namespace

ZeekTypes::ZeekTypes(const ZeekLayout& layout, const std::vector<Process>& processes)
    : layout_(layout), processes_(processes) {
  for (const Process& process : processes_) memory_.emplace_back(process.pid);
}

// ---- what the layout says ----

std::optional<int64_t> ZeekTypes::offset(std::string_view member) const {
  auto known = layout_.offset(member);
  return known ? std::optional<int64_t>(*known) : std::nullopt;
}

int64_t ZeekTypes::needed(std::string_view member) const { return offset(member).value_or(0); }

Status ZeekTypes::check_layout() const {
  constexpr std::string_view all[] = {
      "EventRegistry.handlers", "EventHandler.local", "EventHandler.type", "Func.type", "Type.tag", "Type.name",
      "FuncType.args", "FuncType.flavor", "RecordType.types", "List.entries", "List.num_entries", "TypeDecl.id",
      "TypeDecl.type", "Val.type", "StringVal.string_val", "AddrVal.addr_val", "SubNetVal.subnet_val", "EnumVal.int_val",
      "CountVal.uint_val", "DoubleVal.double_val", "RecordVal.record_val", "TypeTag.TYPE_RECORD"};
  for (std::string_view member : all)
    if (!offset(member)) return no_layout(layout_, member);
  return Nothing{};
}

std::string ZeekTypes::process_name(size_t process) const { return fmt::format("process {}", processes_[process].pid); }

uint8_t ZeekTypes::tag(size_t process, uint64_t type) const {
  return memory_[process].byte(type + static_cast<uint64_t>(needed("Type.tag")));
}

bool ZeekTypes::has_tag(uint8_t tag, std::string_view name) const {
  auto known = offset(fmt::format("TypeTag.{}", name));
  return known && *known == tag;
}

Status ZeekTypes::status() const {
  for (ProcessMemory& memory : memory_)
    if (Status status = memory.status(); !status) return status.error();
  return Nothing{};
}

// ---- what is called ----

std::vector<ZeekTypes::FieldDecl> ZeekTypes::fields_of(size_t process, uint64_t record) const {
  ProcessMemory& memory = memory_[process];
  auto at = [&](uint64_t object, std::string_view member) { return object + static_cast<uint64_t>(needed(member)); };
  const uint64_t list = memory.word(at(record, "RecordType.types"));
  const uint64_t entries = memory.word(at(list, "List.entries"));
  const uint32_t count = std::min(memory.number(at(list, "List.num_entries")), most_fields);
  std::vector<FieldDecl> fields;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t decl = memory.word(entries + i * pointer_size);
    fields.push_back({memory.text(memory.word(at(decl, "TypeDecl.id"))), memory.word(at(decl, "TypeDecl.type")), i});
  }
  return fields;
}

std::vector<ZeekTypes::FieldDecl> ZeekTypes::parameters_of(size_t process, uint64_t function_type) const {
  return fields_of(process, memory_[process].word(function_type + static_cast<uint64_t>(needed("FuncType.args"))));
}

// An event that nobody has declared or handles has no type yet.
std::vector<ZeekTypes::Callable> ZeekTypes::events(size_t process, std::string_view pattern) {
  ProcessMemory& memory = memory_[process];
  std::vector<Callable> found;
  const uint64_t registry = memory.word(processes_[process].event_registry);
  if (registry == 0) return found;
  memory.each_of_map(registry + static_cast<uint64_t>(needed("EventRegistry.handlers")), [&](uint64_t key) {
    std::string name = memory.string(key);
    if (!glob_matches(pattern, name)) return true;
    constexpr uint64_t string_size = 32;
    const uint64_t handler = memory.word(key + string_size);
    uint64_t type = memory.word(handler + static_cast<uint64_t>(needed("EventHandler.type")));
    const uint64_t local = memory.word(handler + static_cast<uint64_t>(needed("EventHandler.local")));
    if (type == 0 && local != 0) type = memory.word(local + static_cast<uint64_t>(needed("Func.type")));
    if (type != 0) found.push_back({std::move(name), type});
    return true;
  });
  return found;
}

// Of a global that is such a thing.
std::optional<uint64_t> ZeekTypes::function_type(size_t process, uint64_t id, ZeekCallable what) const {
  ProcessMemory& memory = memory_[process];
  auto at = [&](uint64_t object, std::string_view member) { return object + static_cast<uint64_t>(needed(member)); };
  const uint64_t type = memory.word(at(id, "ID.type"));
  const uint64_t value = memory.word(at(id, "ID.val"));
  if (what == ZeekCallable::stream)  // an enumerator: `redef enum Log::ID += { LOG };`
    return type != 0 && has_tag(tag(process, type), "TYPE_ENUM") && memory.string(at(type, "Type.name")) == "Log::ID"
               ? std::optional(type) : std::nullopt;
  if (type == 0 || !has_tag(tag(process, type), "TYPE_FUNC")) return std::nullopt;
  const uint64_t function = value == 0 ? 0 : memory.word(at(value, "FuncVal.func_val"));  // 0: it has no body
  constexpr uint8_t hook_flavor = 2;  // FunctionFlavor, Type.h: function, event, hook
  bool is_bif = function != 0 && memory.byte(at(function, "Func.kind")) == 1;  // Func::Kind, Func.h: script, built-in
  uint8_t flavor = memory.byte(at(type, "FuncType.flavor"));
  bool wanted = what == ZeekCallable::bif    ? is_bif
                : what == ZeekCallable::hook ? !is_bif && flavor == hook_flavor
                : what == ZeekCallable::function ? !is_bif && flavor == 0
                                             : !is_bif;
  return wanted ? std::optional(type) : std::nullopt;
}

std::vector<ZeekTypes::Callable> ZeekTypes::functions(size_t process, ZeekCallable what, std::string_view pattern) {
  ProcessMemory& memory = memory_[process];
  std::vector<Callable> found;
  const uint64_t global = memory.word(memory.word(processes_[process].scopes));
  memory.each_of_map(global + static_cast<uint64_t>(needed("Scope.local")), [&](uint64_t key) {
    std::string name = memory.string(key);
    // A global's name begins with its module's: that of GLOBAL is left out in what is called.
    constexpr std::string_view top = "GLOBAL::";
    if (name.starts_with(top)) name.erase(0, top.size());
    if (!glob_matches(pattern, name)) return true;
    constexpr uint64_t string_size = 32;
    if (auto type = function_type(process, memory.word(key + string_size), what))
      found.push_back({std::move(name), *type});
    return true;
  });
  return found;
}

// ---- parameters ----

namespace {

constexpr std::string_view callable_words[] = {"event", "function", "hook", "built-in function",
                                               "event, function or hook", "stream of a log"};

}  // namespace

std::string_view zeek_callable_word(ZeekCallable what) { return callable_words[static_cast<size_t>(what)]; }

Result<std::vector<ZeekTypes::Callable>> ZeekTypes::callables(size_t process, ZeekCallable what, std::string_view pattern) {
  if (what == ZeekCallable::event) return events(process, pattern);
  if (processes_[process].scopes == 0 || !offset("Scope.local") || !offset("FuncVal.func_val"))
    return Error{Error::Kind::script, "parameters of functions can't be read: the binary has no symbol for the global scope",
                 "it is stripped; those of events can be read", {}};
  return functions(process, what, pattern);
}

Result<std::set<std::string>> ZeekTypes::names(ZeekCallable what) {
  if (Status status = check_layout(); !status) return status.error();
  std::set<std::string> found;
  for (size_t i = 0; i < processes_.size(); i++) {
    auto here = callables(i, what, "*");
    if (!here) return here.error();
    for (Callable& each : *here) found.insert(std::move(each.name));
  }
  if (Status unread = status(); !unread) return unread.error();
  return found;
}

Result<std::vector<Field>> ZeekTypes::parameters(ZeekCallable what, std::string_view pattern, const Place& place) {
  if (Status status = check_layout(); !status) return status.error();
  std::vector<std::vector<Callable>> all;
  std::vector<FieldDecl> wanted;
  for (size_t i = 0; i < processes_.size(); i++) {
    auto here = callables(i, what, pattern);
    if (!here) return here.error();
    for (Callable& each : *here) each.parameters = parameters_of(i, each.type);
    all.push_back(*std::move(here));
    for (const Callable& each : all.back())
      for (const FieldDecl& parameter : each.parameters)
        if (std::ranges::find(wanted, parameter.name, &FieldDecl::name) == wanted.end()) wanted.push_back(parameter);
  }
  if (Status unread = status(); !unread) return unread.error();
  if (std::ranges::all_of(all, [](const auto& of_process) { return of_process.empty(); })) {
    std::string why = fmt::format("{} declares no {} '{}'", process_name(0), zeek_callable_word(what), pattern);
    return std::vector<Field>{{std::string(all_named_arguments), Type(), Unavailable{std::move(why)}}};
  }
  std::vector<Field> fields;
  for (const FieldDecl& each : wanted) fields.push_back(parameter(all, each, place, is_glob(pattern)));
  if (Status unread = status(); !unread) return unread.error();
  return fields;
}

// That the record, which is reached so from what the proof is about, has this field in its place.
Proof ZeekTypes::proof_of(std::vector<int64_t> record, const FieldDecl& field, uint8_t tag) const {
  for (const std::string_view member : {"RecordType.types", "List.entries"}) record.push_back(needed(member));
  record.push_back(static_cast<int64_t>(field.index * pointer_size));
  Proof proof{.text = record, .name = field.name};
  for (const int64_t add : {needed("TypeDecl.id"), int64_t{0}}) proof.text.push_back(add);
  for (const std::string_view member : {"TypeDecl.type", "Type.tag"}) record.push_back(needed(member));
  proof.number = {std::move(record), 1, tag};
  return proof;
}

// Its place must be the same in all that match, and its type alike.
Field ZeekTypes::parameter(const std::vector<std::vector<Callable>>& all, const FieldDecl& wanted, const Place& from,
                           bool of_many) {
  Field field{"args." + wanted.name, Type(), Unavailable{}};
  auto refuse = [&](std::string why) {
    field.where = Unavailable{std::move(why)};
    return field;
  };
  Addresses types(processes_.size());
  const FieldDecl* first = nullptr;
  std::string first_of;
  size_t first_process = 0;
  for (size_t i = 0; i < all.size(); i++) {
    for (const Callable& each : all[i]) {
      auto here = std::ranges::find(each.parameters, wanted.name, &FieldDecl::name);
      std::string whose = processes_.size() > 1 ? fmt::format("{} of {}", each.name, process_name(i)) : each.name;
      if (here == each.parameters.end()) return refuse(fmt::format("{} has no such parameter", whose));
      if (!first) first = &*here, first_of = whose, first_process = i;
      if (here->index != first->index || !alike(first_process, first->type, i, here->type))
        return refuse(fmt::format("{} and {} have it differently", first_of, whose));
      if (types[i] == 0) types[i] = here->type;
    }
  }
  if (!name_pattern(wanted.name)) return refuse("its name is too long");
  auto place = pointed_to(from.arguments);
  if (!place) return refuse("it is not known where the arguments are");
  Value value = value_of(types, Slot::val);
  field.type = value.type;
  if (!value.unavailable.empty()) return refuse(value.unavailable);
  append(place->adds, {0, static_cast<int64_t>(first->index * pointer_size)});
  append(place->adds, value.path);
  field.where = *place;
  field.type.can_be_unset = field.type.is_record();
  // Functions that a script makes and gives up (lambdas) have their addresses one after the other.
  field.proven = Field::Proven{from.object, proof_of(from.signature, *first, tag(first_process, first->type))};
  field.proven->proof.is_passing = of_many;
  return field;
}

// ---- values ----

// A process that has no such type has no objection.
bool ZeekTypes::alike(size_t process, uint64_t a, size_t other, uint64_t b) const {
  if (a == 0 || b == 0 || (process == other && a == b)) return true;
  const uint8_t kind = tag(process, a);
  if (kind != tag(other, b)) return false;
  for (std::string_view simple : {"TYPE_BOOL", "TYPE_INT", "TYPE_COUNT", "TYPE_DOUBLE", "TYPE_TIME", "TYPE_INTERVAL",
                                  "TYPE_STRING", "TYPE_PORT", "TYPE_ADDR", "TYPE_SUBNET", "TYPE_TABLE", "TYPE_VECTOR"})
    if (has_tag(kind, simple)) return true;
  const auto name = static_cast<uint64_t>(needed("Type.name"));
  std::string spelled = memory_[process].string(a + name);
  return !spelled.empty() && spelled == memory_[other].string(b + name);
}

std::string ZeekTypes::name_of(const Addresses& types) const {
  const size_t first = first_with_it(types);
  if (first == types.size()) return "";
  return memory_[first].string(types[first] + static_cast<uint64_t>(needed("Type.name")));
}

ZeekTypes::Value ZeekTypes::value_of(const Addresses& types, Slot slot) {
  size_t first = 0;
  while (first + 1 < types.size() && types[first] == 0) first++;
  if (types[first] == 0) return {no_type("unknown"), {0}, "its type is not known"};
  for (size_t i = first + 1; i < types.size(); i++)
    if (!alike(first, types[first], i, types[i]))
      return {no_type("unknown"), {0}, fmt::format("{} and {} have it with different types", process_name(first), process_name(i))};
  const uint8_t kind = tag(first, types[first]);
  for (const Opaque& opaque : opaque_tags)
    if (has_tag(kind, opaque.tag))
      return {no_type(std::string(opaque.word)), {0}, fmt::format("values of type {} can't be read", opaque.word)};
  if (has_tag(kind, "TYPE_RECORD")) {
    std::string name = name_of(types);
    return {record(name.empty() ? "record" : name, types), {0, 0}, ""};
  }
  if (has_tag(kind, "TYPE_ENUM")) return enumeration(types, slot);
  if (has_tag(kind, "TYPE_TABLE") || has_tag(kind, "TYPE_VECTOR")) return container(kind, types);
  if (has_tag(kind, "TYPE_STRING")) return text();
  return plain(kind, slot);
}

ZeekTypes::Value ZeekTypes::text() {
  auto bytes = offset("String.b"), length = offset("String.n");
  if (!bytes || !length) return {no_type("string"), {0}, "this release keeps it in another way"};
  const Type characters = Type::pointer(Type::integer(1, false));
  RecordShape shape{.name = "string"};  // parser/views.cpp knows it by this name
  shape.members.push_back({"b", characters, static_cast<uint32_t>(*bytes)});
  shape.members.push_back({"n", Type::integer(4, true), static_cast<uint32_t>(*length)});
  return {known_record(std::move(shape)), {0, needed("StringVal.string_val"), 0}, ""};
}

// The simple kinds: an argument's number is in its Val, a field's is the ZVal itself; of texts and addresses both are pointers
// to a Val, which has a pointer to the object.
ZeekTypes::Value ZeekTypes::plain(uint8_t kind, Slot slot) const {
  auto number = [&](std::string_view member) -> std::vector<int64_t> {
    if (slot == Slot::zval) return {0};
    return {0, needed(member)};
  };
  auto object = [&](std::string_view member) -> std::vector<int64_t> { return {0, needed(member), 0}; };
  if (has_tag(kind, "TYPE_BOOL")) return {Type::boolean(), number("EnumVal.int_val"), ""};
  if (has_tag(kind, "TYPE_INT")) return {named(Type::integer(8, true), "int"), number("EnumVal.int_val"), ""};
  if (has_tag(kind, "TYPE_COUNT")) return {named(Type::integer(8, false), "count"), number("CountVal.uint_val"), ""};
  if (has_tag(kind, "TYPE_PORT")) return {Type::port(), number("CountVal.uint_val"), ""};
  if (has_tag(kind, "TYPE_DOUBLE")) return {Type::real(8), number("DoubleVal.double_val"), ""};
  if (has_tag(kind, "TYPE_TIME")) return {named(Type::real(8), "time"), number("DoubleVal.double_val"), ""};
  if (has_tag(kind, "TYPE_INTERVAL")) return {named(Type::real(8), "interval"), number("DoubleVal.double_val"), ""};
  if (has_tag(kind, "TYPE_ADDR")) return {Type::inet(), object("AddrVal.addr_val"), ""};
  if (has_tag(kind, "TYPE_SUBNET")) {
    constexpr int64_t width_at = 16;  // as Type::subnet() has it
    if (offset("IPPrefix.length") != width_at) return {Type::subnet(), {0}, "this release keeps it in another way"};
    return {Type::subnet(), object("SubNetVal.subnet_val"), ""};
  }
  return {no_type("unknown"), {0}, fmt::format("its type, number {}, is not known", kind)};
}

ZeekTypes::Value ZeekTypes::container(uint8_t kind, const Addresses& types) {
  std::string name = name_of(types);
  bool is_vector = has_tag(kind, "TYPE_VECTOR");
  if (name.empty()) name = is_vector ? "vector" : "table";
  const Type word = Type::integer(8, false);
  Member size{.name = "size", .type = word};
  auto table = offset("TableVal.table_val"), entries = offset("Dictionary.num_entries"), vector = offset("VectorVal.vector_val");
  if (is_vector && vector)
    size.count = Count{0, {{{{*vector + 8}, word}, AccessPath{{*vector}, word}, optional_size, 1}}};
  else if (!is_vector && table && entries)
    size.count = Count{0, {{{{*table, *entries}, Type::integer(4, false)}, std::nullopt, 1, 1}}};
  else
    size.unavailable = "this release keeps it in another way";
  return {known_record({.name = std::move(name), .members = {size}}), {0, 0}, ""};
}

ZeekTypes::Value ZeekTypes::enumeration(const Addresses& types, Slot slot) {
  std::vector<int64_t> path = {0};
  if (slot == Slot::val) path.push_back(needed("EnumVal.int_val"));
  auto rev_names = offset("EnumType.rev_names");
  std::shared_ptr<const EnumNames> agreed;
  size_t first = 0;
  for (size_t i = 0; i < types.size() && rev_names; i++) {
    if (types[i] == 0) continue;
    EnumNames names;
    memory_[i].each_of_map(types[i] + static_cast<uint64_t>(*rev_names), [&](uint64_t key) {
      names[static_cast<int64_t>(memory_[i].word(key))] = memory_[i].string(key + pointer_size);
      return true;
    });
    if (agreed && *agreed != names)
      return {no_type("enum"), path, fmt::format("{} and {} have other names in it", process_name(first), process_name(i))};
    if (!agreed) agreed = std::make_shared<const EnumNames>(std::move(names)), first = i;
  }
  return {Type::enumeration(name_of(types), std::move(agreed)), std::move(path), ""};
}

// ---- records ----

Type ZeekTypes::record(const std::string& name, const Addresses& types) {
  auto [known, is_new] = ids_.try_emplace(types, records_.size());
  if (is_new) records_.push_back({types, name, std::nullopt});
  return Type::of_record(this, known->second, name, 0);
}

// One whose shape is known beforehand.
Type ZeekTypes::known_record(RecordShape shape) {
  auto [known, is_new] = made_.try_emplace(shape.name, records_.size());
  std::string name = shape.name;
  if (is_new) records_.push_back({{}, name, std::move(shape)});
  return Type::of_record(this, known->second, std::move(name), 0);
}

Result<const RecordShape*> ZeekTypes::shape(uint64_t id) {
  Known& known = records_.at(id);
  if (known.shape) return &*known.shape;
  const Addresses types = known.types;
  RecordShape shape{.name = known.name};
  std::vector<std::vector<FieldDecl>> all;
  std::vector<FieldDecl> wanted;
  for (size_t i = 0; i < types.size(); i++) {
    all.push_back(types[i] == 0 ? std::vector<FieldDecl>() : fields_of(i, types[i]));
    for (const FieldDecl& field : all.back())
      if (std::ranges::find(wanted, field.name, &FieldDecl::name) == wanted.end()) wanted.push_back(field);
  }
  for (const FieldDecl& field : wanted) shape.members.push_back(member(field, all, types));
  if (Status unread = status(); !unread) return unread.error();
  return &known.shape.emplace(std::move(shape));
}

Member ZeekTypes::member(const FieldDecl& field, const std::vector<std::vector<FieldDecl>>& all, const Addresses& record) {
  Member member{.name = field.name};
  Addresses types(processes_.size());
  for (size_t i = 0; i < all.size(); i++) {
    if (record[i] == 0) continue;
    auto here = std::ranges::find(all[i], field.name, &FieldDecl::name);
    if (here == all[i].end()) member.unavailable = fmt::format("{} has no such field", process_name(i));
    else if (here->index != field.index) member.unavailable = "processes have it in different places";
    else types[i] = here->type;
  }
  Value value = value_of(types, Slot::zval);
  member.type = std::move(value.type);
  if (member.unavailable.empty()) member.unavailable = value.unavailable;
  // 8.1 and later: an array of {is it set, value}; before, a vector of optionals.
  const int64_t slots = needed("RecordVal.record_val");
  const auto size = offset("ZValElement.size"), is_set = offset("ZValElement.is_set"), zval = offset("ZValElement.zval");
  bool is_array = size && is_set && zval;
  const int64_t slot = field.index * (is_array ? *size : optional_size);
  const Type flag = Type::integer(1, false);
  member.present = Count{0, {{{{slots, slot + (is_array ? *is_set : optional_engaged)}, flag}, std::nullopt, 1, 1}}};
  if (!name_pattern(field.name)) member.unavailable = "its name is too long";
  member.otherwise = default_of(record, field, value);
  if (const size_t first = first_with_it(types); first < types.size()) {
    member.proof = proof_of({}, field, tag(first, types[first]));
    member.proof->description = {needed("Val.type"), 0};
  }
  member.offset = static_cast<uint32_t>(slots);
  member.then = {slot + (is_array ? *zval : 0)};
  append(member.then, value.path);
  member.type.can_be_unset = member.type.is_record();
  return member;
}

// A field with a &default that no script has touched yet is made when it is first asked for: its value is then the one
// that the record's type keeps for it (Type.cc, RecordType::DeferredInits). All processes must do alike.
std::optional<AccessPath> ZeekTypes::default_of(const Addresses& record, const FieldDecl& field, const Value& value) const {
  auto type = offset("Val.type"), inits = offset("RecordType.deferred_inits");
  if (!type || !inits) return std::nullopt;
  constexpr int64_t shared_pointer_size = 16;
  const int64_t at = field.index * shared_pointer_size;
  std::optional<std::string> agreed;
  for (size_t i = 0; i < record.size(); i++) {
    if (record[i] == 0) continue;
    ProcessMemory& memory = memory_[i];
    const uint64_t vector = record[i] + static_cast<uint64_t>(*inits);
    const uint64_t here = memory.word(vector) + static_cast<uint64_t>(at);
    const uint64_t init = here < memory.word(vector + pointer_size) ? memory.word(here) : 0;
    if (init == 0) return std::nullopt;
    // Which kind it is, by its class (Itanium C++ ABI, 2.5.2 and 2.9.4).
    std::string name = memory.text(memory.word(memory.word(memory.word(init) - 8) + 8));
    if (agreed && *agreed != name) return std::nullopt;
    agreed = std::move(name);
  }
  if (!agreed) return std::nullopt;
  if (std::ranges::find(empty_defaults, *agreed) != std::end(empty_defaults)) return AccessPath{{}, value.type};
  if (std::ranges::find(kept_defaults, *agreed) == std::end(kept_defaults)) return std::nullopt;
  AccessPath path{{*type, *inits, at, default_value}, value.type};
  append(path.adds, value.path);
  return path;
}

}  // namespace zeektrace
