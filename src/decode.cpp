#include "src/decode.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "parser/notation.h"
#include "parser/zeek_stack.h"
#include "src/script_stack.h"

namespace zeektrace {
namespace {

using Wide = __int128;  // holds every 64-bit number, signed or not

uint64_t word(Bytes bytes, size_t index) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
  return value;
}

Real real(uint64_t bits, uint32_t size) {
  if (size == sizeof(float)) return {std::bit_cast<float>(static_cast<uint32_t>(bits)), true};
  return {std::bit_cast<double>(bits), false};
}

Value number(uint64_t bits, bool is_signed) {
  if (is_signed) return Signed{static_cast<int64_t>(bits)};
  return Unsigned{bits};
}

std::variant<int64_t, uint64_t> any_number(uint64_t bits, bool is_signed) {
  if (is_signed) return static_cast<int64_t>(bits);
  return bits;
}

uint64_t divide(uint64_t bits, uint64_t by, bool is_signed) {
  if (by <= 1) return bits;
  if (!is_signed) return bits / by;
  return static_cast<uint64_t>(static_cast<Wide>(static_cast<int64_t>(bits)) / static_cast<Wide>(by));
}

Stack stack_of(const StackKey& key, bool is_user, const Names& names, std::string_view style = "") {
  Stack stack;
  if (key.hash == 0) return stack;
  auto frames = names.frames(key.hash);
  for (size_t i = 0; i < frames.size(); ++i) {
    const bool is_return = i > 0, is_place = frames[i] != stack_ends_here;
    const CodeAddress code = is_user ? code_address(frames[i]) : CodeAddress(frames[i]);
    if (style == "raw" && is_place) {
      stack.frames.push_back(fmt::format("{:x}", code.address));
      continue;
    }
    std::vector<std::string> lines;
    if (is_user) lines = names.user_frames(key.tgid, code, is_return);
    else lines.push_back(names.kernel(code.address, is_return));
    for (std::string& line : lines)
      stack.frames.push_back(style == "perf" && is_place ? fmt::format("{:16x} {}", code.address, line) : std::move(line));
  }
  return stack;
}

Stack script_stack_of(uint64_t hash, const Names& names) {
  return hash == 0 ? Stack{} : Stack{shown_frames(names.script_stack(hash))};
}

Stack merged_stack_of(const MergedStackKey& key, const Names& names) {
  const Stack native = stack_of({key.native, key.tgid, 0}, true, names);
  if (key.script == 0) return native;
  const auto frames = names.frames(key.native);
  const bool is_cut = !frames.empty() && frames.back() == stack_ends_here;
  return {merged_frames(native.frames, is_cut, names.script_stack(key.script))};
}

Text text_of(Bytes bytes, uint32_t size) {
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  return {std::string(begin, strnlen(begin, std::min<size_t>(bytes.size(), size)))};
}

// A type_info's name, as C++ spells it. GCC puts a star before names that are compared by their address.
std::string type_name(const std::string& mangled) {
  const char* name = mangled.c_str();
  if (*name == '*') name++;
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> spelled(abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return spelled ? spelled.get() : name;
}

Text point_of(uint64_t index, std::span<const std::string> names) {
  if (index < names.size()) return {names[index]};
  return {"?"};
}

// One of C's enumerations; a number that has no name there stays one.
Value named_number(const Type& type, int64_t value) {
  auto found = type.names->find(value);
  if (found == type.names->end()) return number(static_cast<uint64_t>(value), type.is_signed);
  return Notation{found->second, found->second, value};
}

Text mac_of(Bytes bytes) {
  std::string text;
  for (size_t i = 0; i < 6; i++) text += fmt::format("{}{:02X}", i == 0 ? "" : ":", std::to_integer<unsigned>(bytes[i]));
  return {text};
}

Buffer buffer_of(Bytes bytes, uint32_t most) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(word(bytes, 0), most));
  return {std::string(reinterpret_cast<const char*>(bytes.data()) + 8, size)};
}

// ---- aggregations: the copies of all CPUs → one value ----

using Copies = std::span<const std::vector<std::byte>>;

uint64_t total(Copies copies, size_t index) {
  uint64_t sum = 0;
  for (const auto& copy : copies) sum += word(copy, index);
  return sum;
}

// min and max: the highest ExtremeRank of all CPUs. Nothing when no CPU has seen a value.
std::optional<Value> extreme(const Type& type, Copies copies, uint64_t div) {
  std::optional<uint64_t> highest;
  for (const auto& copy : copies) {
    uint64_t rank = word(copy, 0), seen = word(copy, 1);
    if (seen != 0) highest = std::max(rank, highest.value_or(0));
  }
  if (!highest) return std::nullopt;
  uint64_t value = extreme_rank(*highest, type.is_signed, type.kind == Type::Kind::min);
  return number(divide(value, div, type.is_signed), type.is_signed);
}

// avg and stats: {count, total}.
std::optional<Value> mean(const Type& type, Copies copies, uint64_t div) {
  uint64_t count = total(copies, 0);
  if (count == 0) return std::nullopt;
  uint64_t sum = total(copies, 1);
  auto average = any_number(divide(divide(sum, count, type.is_signed), div, type.is_signed), type.is_signed);
  if (type.kind == Type::Kind::avg) return Average{average};
  return Statistics{count, average, any_number(divide(sum, div, type.is_signed), type.is_signed)};
}

Histogram histogram(const Type& type, Copies copies, uint64_t div) {
  Histogram result;
  result.linear = type.kind == Type::Kind::lhist;
  result.step = result.linear ? type.buckets.step : 0;
  uint32_t size = bucket_count(type.kind, type.buckets);
  std::vector<uint64_t> counts(size);
  for (uint32_t i = 0; i < size; ++i) counts[i] = total(copies, i);
  auto filled = [](uint64_t count) { return count != 0; };
  auto first = std::find_if(counts.begin(), counts.end(), filled);
  auto last = std::find_if(counts.rbegin(), counts.rend(), filled).base();
  for (auto at = first; at < last; ++at) {
    BucketRange range = bucket_range(type.kind, type.buckets, static_cast<uint32_t>(at - counts.begin()));
    result.buckets.push_back({range.has_low, range.has_high, range.low, range.high, divide(*at, div, false)});
  }
  return result;
}

// One interval of a series, of all CPUs: of `last` the value that came last.
std::optional<std::variant<int64_t, uint64_t>> series_value(const Type& type, const std::vector<SeriesSlot>& slots) {
  if (slots.empty()) return std::nullopt;
  const auto fold = static_cast<SeriesFold>(type.buckets.bits);
  auto rank = [&](const SeriesSlot& slot) { return extreme_rank(slot.value, type.is_signed, false); };
  SeriesSlot all = slots.front();
  for (size_t i = 1; i < slots.size(); i++) {
    const SeriesSlot& slot = slots[i];
    bool is_better = (fold == SeriesFold::last && slot.when > all.when) || (fold == SeriesFold::max && rank(slot) > rank(all)) ||
                     (fold == SeriesFold::min && rank(slot) < rank(all));
    if (is_better) all = slot;
    if (fold != SeriesFold::avg && fold != SeriesFold::sum) continue;
    all.value += slot.value;
    all.count += slot.count;
  }
  if (fold == SeriesFold::avg) all.value = divide(all.value, all.count, type.is_signed);
  return any_number(all.value, type.is_signed);
}

// The newest intervals, up to the last one in which something was recorded.
Series series(const Type& type, Copies copies, uint64_t div, int64_t boot_time) {
  const auto interval = static_cast<uint64_t>(type.buckets.step), count = static_cast<uint64_t>(type.buckets.max);
  std::map<uint64_t, std::vector<SeriesSlot>> by_number;
  for (const auto& copy : copies)
    for (uint64_t i = 0; i < count; i++) {
      SeriesSlot slot;
      std::memcpy(&slot, copy.data() + i * sizeof slot, sizeof slot);
      if (slot.interval != 0) by_number[slot.interval - 1].push_back(slot);
    }
  Series result{interval, {}};
  if (by_number.empty()) return result;
  const uint64_t last = by_number.rbegin()->first, oldest = last < count ? 0 : last - count + 1;
  for (uint64_t number = std::max(oldest, by_number.begin()->first); number <= last; number++) {
    auto value = series_value(type, by_number[number]);
    if (value && div > 1)
      value = std::visit([&](auto n) { return any_number(divide(static_cast<uint64_t>(n), div, type.is_signed), type.is_signed); }, *value);
    result.points.push_back({static_cast<int64_t>(number * interval) + boot_time, value});
  }
  return result;
}

// Nothing when there is no value: a minimum of no numbers, an empty histogram.
std::optional<Value> reduce(const Type& type, Copies copies, uint64_t div, const Names& names) {
  switch (type.kind) {
    case Type::Kind::count: return Unsigned{total(copies, 0) / std::max<uint64_t>(div, 1)};
    case Type::Kind::sum: return number(divide(total(copies, 0), div, type.is_signed), type.is_signed);
    case Type::Kind::min:
    case Type::Kind::max: return extreme(type, copies, div);
    case Type::Kind::avg:
    case Type::Kind::stats: return mean(type, copies, div);
    case Type::Kind::hist:
    case Type::Kind::lhist: {
      Histogram result = histogram(type, copies, div);
      if (result.buckets.empty()) return std::nullopt;
      return result;
    }
    case Type::Kind::tseries: {
      Series result = series(type, copies, div, names.boot_time);
      if (result.points.empty()) return std::nullopt;
      return result;
    }
    default: bug("reduce() of a type that is no aggregation");
  }
}

// ---- order ----

// The number that a row is sorted by; nothing for values that have none.
std::optional<Wide> weight(const Value& value) {
  using Weight = std::optional<Wide>;
  auto wide = [](const auto& v) { return std::visit([](auto n) { return static_cast<Wide>(n); }, v); };
  return std::visit(Overloaded{
                        [](const Signed& v) { return Weight(v.value); },
                        [](const Unsigned& v) { return Weight(v.value); },
                        [](const Address& v) { return Weight(v.value); },
                        [&](const Average& v) { return Weight(wide(v.value)); },
                        [&](const Statistics& v) { return Weight(wide(v.total)); },
                        [](const Histogram& v) {
                          Wide sum = 0;
                          for (const auto& bucket : v.buckets) sum += bucket.count;
                          return Weight(sum);
                        },
                        [](const Boolean& v) { return Weight(v.value); },
                        [](const Group&) { return Weight(); },
                        [](const Real&) { return Weight(); },
                        [](const Text&) { return Weight(); },
                        [](const Notation&) { return Weight(); },
                        [](const Buffer&) { return Weight(); },
                        [](const Series&) { return Weight(); },
                        [](const Symbol&) { return Weight(); },
                        [](const Stack&) { return Weight(); },
                    },
                    value);
}

std::vector<std::string> words(const Value& value) {
  if (const auto* text = std::get_if<Text>(&value)) return {text->value};
  if (const auto* notation = std::get_if<Notation>(&value)) return {notation->order};
  if (const auto* symbol = std::get_if<Symbol>(&value)) return {symbol->name};
  if (const auto* buffer = std::get_if<Buffer>(&value)) return {buffer->bytes};
  if (const auto* stack = std::get_if<Stack>(&value)) return stack->frames;
  return {};
}

// Reals in their own order; what is no number comes last.
bool real_less(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

bool value_less(const Value& a, const Value& b) {
  auto *real_a = std::get_if<Real>(&a), *real_b = std::get_if<Real>(&b);
  if (real_a && real_b) return real_less(real_a->value, real_b->value);
  auto *group_a = std::get_if<Group>(&a), *group_b = std::get_if<Group>(&b);
  if (group_a && group_b)
    return std::ranges::lexicographical_compare(group_a->items, group_b->items, value_less, &Item::value, &Item::value);
  auto weight_a = weight(a), weight_b = weight(b);
  if (weight_a && weight_b) return *weight_a < *weight_b;
  return words(a) < words(b);
}

bool key_less(const Table::Row& a, const Table::Row& b) {
  return std::lexicographical_compare(a.key.begin(), a.key.end(), b.key.begin(), b.key.end(), value_less);
}

// By value where values are numbers, and by key among equals.
bool row_less(const Table::Row& a, const Table::Row& b) {
  if (std::holds_alternative<Real>(a.value)) {
    if (value_less(a.value, b.value)) return true;
    if (value_less(b.value, a.value)) return false;
  }
  auto weight_a = weight(a.value), weight_b = weight(b.value);
  if (weight_a && weight_b && *weight_a != *weight_b) return *weight_a < *weight_b;
  return key_less(a, b);
}

// ---- rows ----

std::optional<std::vector<Value>> decode_key(const MapDef& map, Bytes key, const Names& names) {
  std::vector<Value> values;
  for (size_t i = 0; i < map.keys.size(); ++i) {
    size_t offset = map.key_offset(i);
    if (offset > key.size()) return std::nullopt;
    auto value = decode_value(map.keys[i], key.subspan(offset), names);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
  }
  return values;
}

// An element that is there and has no value has been zeroed.
std::optional<Value> nothing_of(const Type& type) {
  switch (type.kind) {
    case Type::Kind::min:
    case Type::Kind::max: return number(0, type.is_signed);
    case Type::Kind::avg: return Average{any_number(0, type.is_signed)};
    case Type::Kind::stats: return Statistics{0, any_number(0, type.is_signed), any_number(0, type.is_signed)};
    default: return std::nullopt;
  }
}

std::optional<Value> decode_element(const MapDef& map, const MapRow& row, uint64_t div, const Names& names) {
  const Type& type = map.value;
  if (row.values.empty()) return std::nullopt;
  for (const auto& copy : row.values) {
    if (copy.size() < type.storage()) return std::nullopt;
  }
  if (type.is_aggregate()) {
    auto value = reduce(type, row.values, div, names);
    return value || map.keys.empty() ? value : nothing_of(type);
  }
  if (type.is_integer() && !type.names && !type.is_bool)
    return number(divide(word(row.values[0], 0), div, type.is_signed), type.is_signed);
  return decode_value(type, row.values[0], names);
}

Table::Kind table_kind(const Type& type) {
  switch (type.kind) {
    case Type::Kind::hist:
    case Type::Kind::lhist: return Table::Kind::hist;
    case Type::Kind::avg:
    case Type::Kind::stats: return Table::Kind::stats;
    case Type::Kind::tseries: return Table::Kind::tseries;
    default: return Table::Kind::map;
  }
}

}  // namespace

std::optional<Value> decode_value(const Type& type, Bytes bytes, const Names& names) {
  if (type.kind == Type::Kind::none || bytes.size() < type.storage()) return std::nullopt;
  switch (type.kind) {
    case Type::Kind::integer:
      if (type.is_bool) return Boolean{word(bytes, 0) != 0};
      if (type.names) return named_number(type, static_cast<int64_t>(word(bytes, 0)));
      return number(word(bytes, 0), type.is_signed);
    case Type::Kind::tuple: {
      Group group{{}, type.item_names, type.is_list};
      for (size_t i = 0; i < type.items.size(); i++) {
        auto item = decode_value(type.items[i], bytes.subspan(type.item_offset(i)), names);
        group.items.push_back({item ? *std::move(item) : Value(Text{})});
      }
      return group;
    }
    case Type::Kind::real: return real(word(bytes, 0), type.size);
    case Type::Kind::type_name: return Text{type_name(text_of(bytes, type.size).value)};
    case Type::Kind::inet:
    case Type::Kind::subnet:
    case Type::Kind::port:
      return Notation{notation_text(type, bytes), notation_order(type, bytes)};
    case Type::Kind::enumeration:
      return Notation{notation_text(type, bytes), notation_order(type, bytes), static_cast<int64_t>(word(bytes, 0))};
    case Type::Kind::timestamp: return Text{names.time(type.name, word(bytes, 0))};
    case Type::Kind::cgroup_path: return Text{names.cgroup(word(bytes, 0), type.name)};
    case Type::Kind::user: return Text{names.user_name(static_cast<uint32_t>(word(bytes, 0)))};
    case Type::Kind::mac: return mac_of(bytes);
    case Type::Kind::buffer: return buffer_of(bytes, type.size);
    case Type::Kind::pointer: return Address{word(bytes, 0)};
    case Type::Kind::string: {
      Text text = text_of(bytes, type.size);
      if (type.can_be_cut && text.value.size() + 1 == type.size) text.value += names.trailer;
      return text;
    }
    case Type::Kind::probe: return point_of(word(bytes, 0), names.points);
    case Type::Kind::func: return point_of(word(bytes, 0) & ~func_tag, names.functions);
    case Type::Kind::ksym:
      if ((word(bytes, 0) & ~uint64_t{0xffffffff}) == func_tag) return point_of(word(bytes, 0) & ~func_tag, names.functions);
      return Symbol{names.kernel(word(bytes, 0), false)};
    case Type::Kind::usym: {
      UserAddress place;
      std::memcpy(&place, bytes.data(), sizeof place);
      return Symbol{names.user(place.tgid, code_address(place.address), false)};
    }
    case Type::Kind::zstack: return script_stack_of(word(bytes, 0), names);
    case Type::Kind::zustack: {
      MergedStackKey key;
      std::memcpy(&key, bytes.data(), sizeof key);
      return merged_stack_of(key, names);
    }
    case Type::Kind::uid: return Text{uid_text(word(bytes, 0), word(bytes, 1))};
    case Type::Kind::node: return Text{names.node(static_cast<uint32_t>(word(bytes, 0)))};
    case Type::Kind::kstack:
    case Type::Kind::ustack: {
      StackKey key;
      std::memcpy(&key, bytes.data(), sizeof key);
      return stack_of(key, type.kind == Type::Kind::ustack, names, type.name);
    }
    default: {
      std::vector<std::byte> copy(bytes.begin(), bytes.begin() + type.storage());
      return reduce(type, {&copy, 1}, 1, names);
    }
  }
}

const Record* find_record(const Program& program, Bytes message) {
  if (message.size() < sizeof(uint64_t)) return nullptr;
  uint64_t index = word(message, 0);
  if (index >= program.records.size()) return nullptr;
  const Record& record = program.records[index];
  if (message.size() < record.size) return nullptr;
  for (const auto& field : record.fields) {
    if (field.offset > message.size() || message.size() - field.offset < field.type.storage()) return nullptr;
  }
  return &record;
}

std::vector<Value> decode_fields(const Record& record, Bytes message, const Names& names) {
  std::vector<Value> values;
  for (const auto& field : record.fields) {
    auto value = decode_value(field.type, message.subspan(field.offset), names);
    values.push_back(value ? std::move(*value) : Value(Text{}));
  }
  return values;
}

Table decode_table(const MapDef& map, std::span<const MapRow> rows, const Shown& shown, const Names& names) {
  Table table{map.name, table_kind(map.value), !map.keys.empty(), {}};
  // In the order of the values as they are; only what is shown is divided.
  std::vector<std::pair<Table::Row, const MapRow*>> decoded;
  for (const auto& row : rows) {
    auto key = decode_key(map, row.key, names);
    auto value = decode_element(map, row, 1, names);
    if (key && value) decoded.push_back({{std::move(*key), std::move(*value)}, &row});
  }
  std::sort(decoded.begin(), decoded.end(), [](const auto& a, const auto& b) { return row_less(a.first, b.first); });
  if (shown.top != 0 && decoded.size() > shown.top)
    decoded.erase(decoded.begin(), decoded.end() - static_cast<std::ptrdiff_t>(shown.top));
  for (auto& [row, source] : decoded) {
    if (shown.div > 1) row.value = *decode_element(map, *source, shown.div, names);
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace zeektrace
