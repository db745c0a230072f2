#include "probes/btf_types.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace zeektrace {

namespace {

constexpr unsigned deepest = 32;
constexpr unsigned unnamed = 9;  // a kind of type that nobody names
// What is generated for each tracepoint: the type of its programs, and the function that calls them.
constexpr std::string_view raw_prefix = "btf_trace_", raw_caller = "__traceiter_";

// What stands where nothing is known, so that an address of it is an address still.
Type void_type() {
  Type type = Type::integer(1, false);
  type.name = "void";
  return type;
}

}  // namespace

void BtfTypes::Free::operator()(btf* types) const { btf__free(types); }

Result<std::unique_ptr<BtfTypes>> BtfTypes::of_kernel() {
  constexpr const char* path = "/sys/kernel/btf/vmlinux";
  btf* types = btf__parse_raw(path);
  if (types == nullptr)
    return errno_error(errno, fmt::format("can't read the kernel's types from {}", path),
                       "it takes a kernel with CONFIG_DEBUG_INFO_BTF");
  return std::unique_ptr<BtfTypes>(new BtfTypes(types));
}

BtfTypes* BtfTypes::module(const std::string& name) {
  auto [known, is_new] = modules_.try_emplace(name);
  const bool is_a_name = name.find('/') == std::string::npos;
  btf* types = is_new && is_a_name ? btf__parse_raw_split(fmt::format("/sys/kernel/btf/{}", name).c_str(), btf_.get()) : nullptr;
  if (types != nullptr) known->second.reset(new BtfTypes(types, this));
  return known->second.get();
}

// The numbers of a module's types follow those of the kernel's.
uint32_t BtfTypes::first_own() const { return base_ != nullptr ? btf__type_cnt(base_->btf_.get()) : 1; }

std::string BtfTypes::name_of(uint32_t id) const {
  const btf_type* type = btf__type_by_id(btf_.get(), id);
  const char* name = type != nullptr ? btf__name_by_offset(btf_.get(), type->name_off) : nullptr;
  return name != nullptr ? name : "";
}

// Once, for there are some hundred thousand, and to look for one in libbpf's way is a pass over all of them.
void BtfTypes::read_names() {
  if (!type_ids_.empty()) return;
  const uint32_t count = btf__type_cnt(btf_.get());
  type_ids_.reserve(count / 4);
  for (uint32_t id = first_own(); id < count; id++) {
    const btf_type* type = btf__type_by_id(btf_.get(), id);
    if (type->name_off == 0) continue;
    const std::string_view name = btf__name_by_offset(btf_.get(), type->name_off);
    if (btf_is_func(type)) function_ids_.emplace(name, id);
    const unsigned rank = rank_of(id);
    if (rank == unnamed) continue;
    auto [known, is_new] = type_ids_.emplace(name, id);
    if (!is_new && rank < rank_of(known->second)) known->second = id;
  }
}

uint32_t BtfTypes::without_qualifiers(uint32_t id) const {
  for (unsigned i = 0; i < deepest; i++) {
    const btf_type* type = btf__type_by_id(btf_.get(), id);
    if (type == nullptr || !(btf_is_mod(type) || btf_is_typedef(type))) break;
    id = type->type;
  }
  return id;
}

Type BtfTypes::describe_enumeration(uint32_t id) {
  const btf_type* type = btf__type_by_id(btf_.get(), id);
  auto& names = names_[id];
  if (!names) {
    EnumNames made;
    for (uint32_t i = 0; i < btf_vlen(type); i++) {
      if (btf_is_enum64(type)) {
        const struct btf_enum64& each = btf_enum64(type)[i];
        made.emplace(static_cast<int64_t>(btf_enum64_value(&each)), btf__name_by_offset(btf_.get(), each.name_off));
      } else {
        const struct btf_enum& each = btf_enum(type)[i];
        const int64_t value = btf_kflag(type) ? int64_t{each.val} : int64_t{static_cast<uint32_t>(each.val)};
        made.emplace(value, btf__name_by_offset(btf_.get(), each.name_off));
      }
    }
    names = std::make_shared<const EnumNames>(std::move(made));
  }
  Type described = Type::integer(type->size, btf_kflag(type));
  described.name = "enum " + name_of(id);
  described.names = names;
  return described;
}

BtfTypes::Parameter BtfTypes::describe(uint32_t given, unsigned depth) {
  const uint32_t id = without_qualifiers(given);
  const btf_type* type = btf__type_by_id(btf_.get(), id);
  if (type == nullptr || depth > deepest) return {"", void_type(), "its type is nested too deeply"};
  switch (btf_kind(type)) {
    case BTF_KIND_INT: {
      if (type->size > 8 || btf_int_offset(type) != 0) return {"", void_type(), "it is wider than 64 bits"};
      // Characters, whatever sign the kernel's compiler gives them.
      if (name_of(id) == "char") return {"", Type::integer(1, true), ""};
      if ((btf_int_encoding(type) & BTF_INT_BOOL) != 0) return {"", Type::boolean(), ""};
      return {"", Type::integer(type->size, (btf_int_encoding(type) & BTF_INT_SIGNED) != 0), ""};
    }
    case BTF_KIND_PTR: {
      Parameter to = type->type == 0 ? Parameter{"", void_type(), ""} : describe(type->type, depth + 1);
      // An address is an address, whatever stands there.
      return {"", Type::pointer(to.unavailable.empty() ? std::move(to.type) : void_type()), ""};
    }
    case BTF_KIND_ARRAY: {
      const struct btf_array* array = ::btf_array(type);
      Parameter element = describe(array->type, depth + 1);
      if (element.unavailable.empty()) element.type = Type::array(std::move(element.type), array->nelems);
      return element;
    }
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_FWD: {
      const std::string name = name_of(id);
      const uint32_t size = btf_kind(type) == BTF_KIND_FWD ? 0 : type->size;
      return {"", Type::of_record(this, id, name.empty() ? "(unnamed)" : name, size), ""};
    }
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64: return {"", describe_enumeration(id), ""};
    case BTF_KIND_FLOAT: return {"", Type::real(type->size), ""};
    default: return {"", void_type(), "it is a function"};
  }
}

Result<const RecordShape*> BtfTypes::shape(uint64_t id) {
  auto& known = shapes_[id];
  if (known) return known.get();
  const btf_type* type = btf__type_by_id(btf_.get(), static_cast<uint32_t>(id));
  const std::string name = name_of(static_cast<uint32_t>(id));
  if (!btf_is_composite(type))
    return Error{Error::Kind::script, fmt::format("{} is only declared in the kernel's types, its members are not known", name),
                 "a module may define it", nullptr};
  auto made = std::make_unique<RecordShape>();
  made->keyword = btf_is_union(type) ? RecordShape::Keyword::union_ : RecordShape::Keyword::structure;
  made->name = name.empty() ? "(unnamed)" : name;
  made->size = type->size;
  for (uint32_t i = 0; i < btf_vlen(type); i++) {
    const btf_member& each = btf_members(type)[i];
    Parameter described = describe(each.type);
    Member member;
    member.name = btf__name_by_offset(btf_.get(), each.name_off);
    member.type = std::move(described.type);
    member.unavailable = std::move(described.unavailable);
    const uint32_t first = btf_member_bit_offset(type, i), bits = btf_member_bitfield_size(type, i);
    member.offset = first / 8;
    if (bits != 0) place_bits(member, first, bits);
    made->members.push_back(std::move(member));
  }
  known = std::move(made);
  return known.get();
}

// Of several types of one name, the one that a cast means first.
unsigned BtfTypes::rank_of(uint32_t id) const {
  switch (btf_kind(btf__type_by_id(btf_.get(), id))) {
    case BTF_KIND_STRUCT: return 0;
    case BTF_KIND_UNION: return 1;
    case BTF_KIND_TYPEDEF: return 2;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64: return 3;
    case BTF_KIND_INT: return 4;
    default: return unnamed;
  }
}

std::optional<Type> BtfTypes::find(std::string_view name) {
  read_names();
  const auto found = type_ids_.find(name);
  if (found == type_ids_.end()) return base_ != nullptr ? base_->find(name) : std::nullopt;
  Parameter described = describe(found->second);
  if (!described.unavailable.empty()) return std::nullopt;
  return std::move(described.type);
}

std::optional<Records::Constant> BtfTypes::constant(std::string_view name) {
  if (constants_.empty()) {
    const uint32_t count = btf__type_cnt(btf_.get());
    for (uint32_t id = first_own(); id < count; id++)
      if (btf_is_any_enum(btf__type_by_id(btf_.get(), id)))
        for (const auto& [number, each] : *describe_enumeration(id).names) constants_.emplace(each, std::pair(id, number));
  }
  const auto found = constants_.find(name);
  if (found == constants_.end()) return base_ != nullptr ? base_->constant(name) : std::nullopt;
  return Constant{describe_enumeration(found->second.first), found->second.second};
}

// ---- functions ----

BtfTypes::Function BtfTypes::describe_prototype(uint32_t id, uint32_t skipped) {
  const btf_type* type = btf__type_by_id(btf_.get(), id);
  Function function;
  for (uint32_t i = skipped; i < btf_vlen(type); i++) {
    const btf_param& each = btf_params(type)[i];
    Parameter parameter = describe(each.type);
    parameter.name = btf__name_by_offset(btf_.get(), each.name_off);
    if (each.type == 0) parameter.unavailable = "the function takes any number of them";
    function.parameters.push_back(std::move(parameter));
  }
  if (type->type != 0) function.result = describe(type->type);
  return function;
}

std::optional<BtfTypes::Function> BtfTypes::function(std::string_view name, uint32_t skipped) {
  read_names();
  const auto found = function_ids_.find(name);
  if (found == function_ids_.end()) return std::nullopt;
  return describe_prototype(btf__type_by_id(btf_.get(), found->second)->type, skipped);
}

std::optional<BtfTypes::Function> BtfTypes::raw_tracepoint(std::string_view name) {
  // The function that calls the programs names its parameters; the type alone does not.
  if (auto named = function(fmt::format("{}{}", raw_caller, name), 1)) return named;
  const std::string full = fmt::format("{}{}", raw_prefix, name);
  read_names();
  const auto found = type_ids_.find(full);
  if (found == type_ids_.end()) return std::nullopt;
  const btf_type* pointer = btf__type_by_id(btf_.get(), without_qualifiers(found->second));
  if (pointer == nullptr || !btf_is_ptr(pointer)) return std::nullopt;
  const uint32_t prototype = without_qualifiers(pointer->type);
  if (!btf_is_func_proto(btf__type_by_id(btf_.get(), prototype))) return std::nullopt;
  return describe_prototype(prototype, 1);
}

std::vector<std::string> BtfTypes::raw_tracepoints() {
  read_names();
  std::vector<std::string> names;
  for (const auto& [name, id] : function_ids_)
    if (name.starts_with(raw_caller)) names.emplace_back(name.substr(raw_caller.size()));
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> BtfTypes::functions() {
  read_names();
  std::vector<std::string> names;
  for (const auto& [name, id] : function_ids_)
    if (!name.starts_with(raw_caller)) names.emplace_back(name);
  std::ranges::sort(names);
  return names;
}

}  // namespace zeektrace
