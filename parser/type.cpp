#include "parser/type.h"

#include <fmt/format.h>

#include <algorithm>

#include "parser/result.h"

namespace zeektrace {

Type Type::integer(uint32_t size, bool is_signed) {
  Type type;
  type.kind = Kind::integer;
  type.size = size;
  type.is_signed = is_signed;
  return type;
}

Type Type::boolean() {
  Type type = integer(1, false);
  type.is_bool = true;
  return type;
}

Type Type::string(uint32_t size) {
  Type type;
  type.kind = Kind::string;
  type.size = size;
  return type;
}

Type Type::type_name(uint32_t size) {
  Type type = string(size);
  type.kind = Kind::type_name;
  return type;
}

Type Type::pointer(Type pointee) {
  Type type;
  type.kind = Kind::pointer;
  type.size = 8;
  type.pointee = std::make_shared<const Type>(std::move(pointee));
  return type;
}

Type Type::reference(Type referred) {
  Type type = pointer(std::move(referred));
  type.is_reference = true;
  return type;
}

Type Type::real(uint32_t size) {
  Type type;
  type.kind = Kind::real;
  type.size = size;
  type.is_signed = true;
  return type;
}

Type Type::array(Type element, uint32_t count) {
  Type type;
  type.kind = Kind::array;
  type.size = element.size * count;
  type.count = count;
  type.pointee = std::make_shared<const Type>(std::move(element));
  return type;
}

Type Type::inet() {
  Type type;
  type.kind = Kind::inet;
  type.size = 16;
  return type;
}

Type Type::subnet() {
  Type type;
  type.kind = Kind::subnet;
  type.size = 17;
  return type;
}

Type Type::port() {
  Type type;
  type.kind = Kind::port;
  type.size = 8;
  return type;
}

Type Type::buffer(uint32_t size) {
  Type type;
  type.kind = Kind::buffer;
  type.size = size;
  return type;
}

Type Type::shown_by(Kind kind, std::string name) {
  Type type = of(kind);
  type.name = std::move(name);
  return type;
}

Type Type::enumeration(std::string name, std::shared_ptr<const EnumNames> names) {
  Type type;
  type.kind = Kind::enumeration;
  type.size = 8;
  type.is_signed = true;
  type.name = std::move(name);
  type.names = std::move(names);
  return type;
}

Type Type::of_record(Records* records, uint64_t record, std::string name, uint32_t size) {
  Type type;
  type.kind = Kind::record;
  type.size = size;
  type.records = records;
  type.record = record;
  type.name = std::move(name);
  return type;
}

Type Type::tuple(std::vector<Type> items, std::vector<std::string> names) {
  Type type;
  type.kind = Kind::tuple;
  type.items = std::move(items);
  type.item_names = std::move(names);
  type.size = type.item_offset(type.items.size());
  return type;
}

Type Type::list(const Type& item, uint32_t count) {
  Type type = tuple(std::vector<Type>(count, item));
  type.is_list = true;
  return type;
}

uint32_t Type::item_offset(size_t index) const {
  uint32_t offset = 0;
  for (size_t i = 0; i < index; i++) offset += items[i].storage();
  return offset;
}

Type Type::of(Kind kind) {
  if (kind == Kind::integer || kind == Kind::string || kind == Kind::pointer || kind == Kind::real ||
      kind == Kind::array || kind == Kind::record || kind == Kind::type_name || kind == Kind::enumeration ||
      kind == Kind::buffer || kind == Kind::tuple)
    bug("this kind of type needs more");
  Type type;
  type.kind = kind;
  if (kind != Kind::hist && kind != Kind::lhist && kind != Kind::tseries) type.size = type.storage();
  return type;
}

bool Type::is_scalar() const {
  return kind == Kind::integer || kind == Kind::pointer || kind == Kind::ksym || kind == Kind::probe ||
         kind == Kind::func || kind == Kind::real || kind == Kind::array || kind == Kind::record ||
         kind == Kind::port || kind == Kind::enumeration || kind == Kind::zstack || kind == Kind::node ||
         kind == Kind::timestamp || kind == Kind::cgroup_path || kind == Kind::user;
}

uint32_t Type::storage() const {
  switch (kind) {
    case Kind::none: return 0;
    case Kind::integer:
    case Kind::pointer:
    case Kind::ksym:
    case Kind::probe:
    case Kind::func:
    case Kind::zstack:
    case Kind::node:
    case Kind::real:
    case Kind::array:
    case Kind::record:
    case Kind::port:
    case Kind::enumeration:
    case Kind::timestamp:
    case Kind::mac:
    case Kind::cgroup_path:
    case Kind::user:
    case Kind::count:
    case Kind::sum: return 8;
    case Kind::string:
    case Kind::inet:
    case Kind::subnet:
    case Kind::type_name: return (size + 7) / 8 * 8;
    case Kind::buffer: return 8 + (size + 7) / 8 * 8;
    case Kind::tuple: return item_offset(items.size());
    case Kind::zustack: return 24;
    case Kind::kstack:
    case Kind::ustack:
    case Kind::usym:
    case Kind::uid:
    case Kind::min:
    case Kind::max:
    case Kind::avg:
    case Kind::stats: return 16;
    case Kind::hist:
    case Kind::lhist: return 8 * bucket_count(kind, buckets);
    case Kind::tseries: return series_slot_size * static_cast<uint32_t>(buckets.max);
  }
  bug("a type of no known kind");
}

std::string Type::spelling() const {
  switch (kind) {
    case Kind::none: return name.empty() ? "nothing" : name;
    case Kind::integer:
      if (!name.empty()) return name;
      return is_bool ? "bool" : fmt::format("{}int{}", is_signed ? "" : "u", size * 8);
    case Kind::string: return fmt::format("string[{}]", size);
    case Kind::pointer:
      return pointee->spelling() + (pointee->is_pointer() ? "" : " ") + (is_reference ? "&" : "*");
    case Kind::kstack:
    case Kind::ustack: {
      const std::string_view which = kind == Kind::kstack ? "kstack" : "ustack";
      return name.empty() ? std::string(which) : fmt::format("{}({})", which, name);
    }
    case Kind::ksym: return "ksym";
    case Kind::usym: return "usym";
    case Kind::probe: return "probe";
    case Kind::func: return "func";
    case Kind::zstack: return "zstack";
    case Kind::zustack: return "zustack";
    case Kind::uid: return "uid";
    case Kind::node: return "node";
    case Kind::real: return !name.empty() ? name : size == 4 ? "float" : "double";
    case Kind::array: return fmt::format("{}[{}]", pointee->spelling(), count);
    case Kind::record: return name;
    case Kind::type_name: return "typename";
    case Kind::inet: return "addr";
    case Kind::subnet: return "subnet";
    case Kind::port: return "port";
    case Kind::enumeration: return "enum " + name;
    case Kind::timestamp: return "timestamp";
    case Kind::mac: return "macaddr";
    case Kind::buffer: return fmt::format("buffer[{}]", size);
    case Kind::cgroup_path: return "cgroup_path";
    case Kind::user: return "username";
    case Kind::tuple: {
      if (is_list) return fmt::format("{}[{}]", items.empty() ? "" : items[0].spelling(), items.size());
      std::string text = "(";
      for (size_t i = 0; i < items.size(); i++) {
        if (i > 0) text += ", ";
        if (!item_names.empty()) text += item_names[i] + "=";
        text += items[i].spelling();
      }
      return text + (items.size() == 1 && item_names.empty() ? ",)" : ")");
    }
    case Kind::count: return "count()";
    case Kind::sum: return "sum()";
    case Kind::min: return "min()";
    case Kind::max: return "max()";
    case Kind::avg: return "avg()";
    case Kind::stats: return "stats()";
    case Kind::hist: return buckets.bits == 0 ? "hist()" : fmt::format("hist(…, {})", buckets.bits);
    case Kind::lhist: return fmt::format("lhist(…, {}, {}, {})", buckets.min, buckets.max, buckets.step);
    case Kind::tseries: return "tseries()";
  }
  bug("a type of no known kind");
}

namespace {

uint64_t regular_linear_buckets(const Type::Buckets& buckets) {
  uint64_t range = static_cast<uint64_t>(buckets.max) - static_cast<uint64_t>(buckets.min);
  uint64_t step = static_cast<uint64_t>(buckets.step);
  return range / step + (range % step != 0);
}

BucketRange linear_range(const Type::Buckets& buckets, uint32_t index) {
  if (index == 0) return {.has_high = true, .high = buckets.min};
  if (index > regular_linear_buckets(buckets)) return {.has_low = true, .low = buckets.max};
  __int128 low = buckets.min + static_cast<__int128>(buckets.step) * (index - 1);
  __int128 high = low + buckets.step;
  return {true, true, low, high < buckets.max ? high : buckets.max};
}

BucketRange log2_range(int32_t bits, uint32_t index) {
  if (index == 0) return {.has_high = true, .high = 0};
  uint32_t single = 2u << bits;  // values that have a bucket of their own
  if (index <= single) return {true, true, index - 1, index};
  uint32_t part = index - 1 - single;
  uint32_t exponent = part >> bits;  // of the bucket's width, less one
  __int128 width = static_cast<__int128>(1) << (exponent + 1);
  __int128 low = width * ((1u << bits) + (part & ((1u << bits) - 1)));
  __int128 high = low + width;
  bool last = high == static_cast<__int128>(1) << 64;
  return {true, !last, low, last ? 0 : high};
}

bool is_number(const Type& type) { return type.is_integer() || type.is_pointer(); }

}  // namespace

bool Type::fits(const Type& other) const {
  if (kind != other.kind) return false;
  // What a pointer points to must agree in width and sign too: nothing converts it.
  if (is_pointer() || is_record() || is_array() || kind == Kind::real || kind == Kind::enumeration) return same_as(other);
  // How a value is shown goes with the variable or the map that holds it.
  const bool has_style = kind == Kind::timestamp || kind == Kind::cgroup_path || kind == Kind::kstack || kind == Kind::ustack;
  if (has_style && name != other.name) return false;
  if (is_tuple())
    return item_names == other.item_names && is_list == other.is_list && std::ranges::equal(items, other.items, [](const Type& a, const Type& b) {
             return a.fits(b) || (is_number(a) && is_number(b));
           });
  return buckets == other.buckets;
}

bool Type::same_as(const Type& other) const {
  if (kind != other.kind || size != other.size || is_signed != other.is_signed || is_bool != other.is_bool ||
      is_reference != other.is_reference || count != other.count || buckets != other.buckets)
    return false;
  if (is_record()) {
    if (records == other.records && record == other.record) return true;
    bool named = !name.empty() && !name.ends_with("(unnamed)");
    return named && name == other.name;
  }
  // By the names too: two processes may have extended it differently.
  if (kind == Kind::enumeration)
    return name == other.name && (names == other.names || (names && other.names && *names == *other.names));
  if (is_tuple())
    return item_names == other.item_names && is_list == other.is_list &&
           std::ranges::equal(items, other.items, [](const Type& a, const Type& b) { return a.same_as(b); });
  return !pointee || pointee->same_as(*other.pointee);
}

// What is read of an aggregation: the number that it has come to on all processors.
Type value_of(const Type& type) {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::count: return Type::integer(8, true);
    case Kind::sum:
    case Kind::min:
    case Kind::max:
    case Kind::avg: return Type::integer(8, type.is_signed);
    default: return type;
  }
}

namespace {

struct TypeWord {
  std::string_view name;
  uint32_t size;  // 0: a boolean
  bool is_signed;
};
constexpr TypeWord type_words[] = {
    {"bool", 0, false},  {"int8", 1, true},    {"int16", 2, true},   {"int32", 4, true},    {"int64", 8, true},
    {"uint8", 1, false}, {"uint16", 2, false}, {"uint32", 4, false}, {"uint64", 8, false},  {"int8_t", 1, true},
    {"int16_t", 2, true}, {"int32_t", 4, true}, {"int64_t", 8, true}, {"uint8_t", 1, false}, {"uint16_t", 2, false},
    {"uint32_t", 4, false}, {"uint64_t", 8, false}, {"char", 1, true}, {"short", 2, true}, {"int", 4, true},
    {"long", 8, true}, {"unsigned char", 1, false}, {"unsigned short", 2, false}, {"unsigned int", 4, false},
    {"unsigned long", 8, false}, {"void", 1, false}, {"size_t", 8, false}, {"ssize_t", 8, true},
    // The kernel's own names for them.
    {"u8", 1, false}, {"u16", 2, false}, {"u32", 4, false}, {"u64", 8, false}, {"s8", 1, true}, {"s16", 2, true},
    {"s32", 4, true}, {"s64", 8, true}, {"__u8", 1, false}, {"__u16", 2, false}, {"__u32", 4, false},
    {"__u64", 8, false}, {"__s8", 1, true}, {"__s16", 2, true}, {"__s32", 4, true}, {"__s64", 8, true}};

}  // namespace

std::optional<Type> integer_named(std::string_view name) {
  auto word = std::ranges::find(type_words, name, &TypeWord::name);
  if (word == std::end(type_words)) return std::nullopt;
  return word->size == 0 ? Type::boolean() : Type::integer(word->size, word->is_signed);
}

std::vector<std::string_view> integer_names() {
  std::vector<std::string_view> names;
  for (const TypeWord& each : type_words) names.push_back(each.name);
  return names;
}

std::optional<Type> integer_of_bytes(const Type& type) {
  if (type.kind == Type::Kind::inet) return Type::integer(4, false);
  const bool is_list = type.is_tuple() && type.is_list;
  if (!is_list && !(type.is_array() && type.pointee->is_integer())) return std::nullopt;
  const uint32_t size = is_list ? static_cast<uint32_t>(type.items.size()) * type.items.front().size : type.size;
  if (size != 1 && size != 2 && size != 4 && size != 8) return std::nullopt;
  return Type::integer(size, false);
}

std::optional<std::vector<size_t>> item_order(const Type& to, const Type& from) {
  if (to.item_names.size() != from.item_names.size()) return std::nullopt;
  std::vector<size_t> order(to.items.size());
  for (size_t i = 0; i < order.size(); i++) {
    const auto named = to.item_names.empty() ? from.item_names.end() : std::ranges::find(from.item_names, to.item_names[i]);
    if (!to.item_names.empty() && named == from.item_names.end()) return std::nullopt;
    order[i] = to.item_names.empty() ? i : static_cast<size_t>(named - from.item_names.begin());
  }
  return order;
}

bool same_layout(const Type& a, const Type& b) {
  return a.storage() == b.storage() && a.item_names == b.item_names && std::ranges::equal(a.items, b.items, same_layout);
}

uint32_t bucket_count(Type::Kind kind, const Type::Buckets& buckets) {
  if (kind == Type::Kind::lhist) return static_cast<uint32_t>(2 + regular_linear_buckets(buckets));
  if (kind != Type::Kind::hist) bug("only histograms have buckets");
  return 1 + (2u << buckets.bits) + ((63u - static_cast<uint32_t>(buckets.bits)) << buckets.bits);
}

BucketRange bucket_range(Type::Kind kind, const Type::Buckets& buckets, uint32_t index) {
  if (index >= bucket_count(kind, buckets)) bug("no such bucket");
  return kind == Type::Kind::lhist ? linear_range(buckets, index) : log2_range(buckets.bits, index);
}

}  // namespace zeektrace
