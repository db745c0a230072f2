#include "parser/program.h"

#include <fmt/format.h>

#include <algorithm>

#include "parser/result.h"

namespace zeektrace {

uint32_t MapDef::key_offset(size_t index) const {
  if (index > keys.size()) bug("no such key");
  uint32_t offset = 0;
  for (size_t i = 0; i < index; ++i) offset += keys[i].storage();
  return offset;
}

// A map without key is an array of one element; its index has 4 bytes.
uint32_t MapDef::key_size() const { return keys.empty() ? 4 : key_offset(keys.size()); }

std::string event_counter_map(uint32_t index) { return std::string(event_counter_maps) + std::to_string(index); }
std::string bpf_map_name(const MapDef& map) { return "m_" + map.name; }

namespace {

// Shorter ones are read and hashed as fast as they can be told apart.
constexpr uint32_t longest_short_text = 64;
// Building a key in parts takes its text's room twice, and a program's scratch memory is 32 KB.
constexpr uint32_t longest_long_text = 12 << 10;
constexpr uint32_t text_rooms[] = {32, 64, 128, 256, 1024, 4096};

}  // namespace

std::optional<size_t> MapDef::long_text() const {
  if (is_lru) return std::nullopt;  // parts count their elements, and the kernel would take some out unseen
  for (size_t i = keys.size(); i-- > 0;)
    if (keys[i].is_string() && keys[i].storage() > longest_short_text && keys[i].storage() <= longest_long_text) return i;
  return std::nullopt;
}

std::vector<MapPart> parts_of(const MapDef& map) {
  auto text = map.long_text();
  if (!text) return {{bpf_map_name(map), map.key_size(), 0}};
  uint32_t whole = map.keys[*text].storage();
  uint32_t others = map.key_size() - whole;
  std::vector<MapPart> parts;
  // "m32_NAME": names of maps of one part begin with "m_".
  for (uint32_t room : text_rooms)
    if (room < whole) parts.push_back({fmt::format("m{}_{}", room, map.name), others + room, room});
  parts.push_back({bpf_map_name(map), map.key_size(), whole});
  return parts;
}

uint32_t part_key_offset(const MapDef& map, size_t index) {
  auto text = map.long_text();
  if (!text || index < *text) return map.key_offset(index);
  uint32_t whole = map.keys[*text].storage();
  return index == *text ? map.key_size() - whole : map.key_offset(index) - whole;
}

bool same_location(const Location& a, const Location& b) {
  if (a.index() != b.index()) return false;
  if (auto* at = std::get_if<ContextOffset>(&a)) return at->offset == std::get<ContextOffset>(b).offset;
  if (auto* at = std::get_if<DataLocation>(&a)) return at->offset == std::get<DataLocation>(b).offset;
  if (auto* at = std::get_if<Chain>(&a))
    return at->context_offset == std::get<Chain>(b).context_offset && at->offsets == std::get<Chain>(b).offsets;
  if (auto* at = std::get_if<UserMemory>(&a))
    return at->context_offset == std::get<UserMemory>(b).context_offset && at->adds == std::get<UserMemory>(b).adds &&
           at->index == std::get<UserMemory>(b).index;
  if (auto* at = std::get_if<Constant>(&a)) return at->value == std::get<Constant>(b).value;
  if (auto* at = std::get_if<Pieces>(&a))
    return std::ranges::equal(at->pieces, std::get<Pieces>(b).pieces, [](const auto& x, const auto& y) {
      return x.context_offset == y.context_offset && x.size == y.size;
    });
  if (auto* at = std::get_if<Product>(&a))
    return at->a_offset == std::get<Product>(b).a_offset && at->b_offset == std::get<Product>(b).b_offset;
  if (auto* at = std::get_if<Remembered>(&a)) return at->adds == std::get<Remembered>(b).adds;
  return true;
}

bool same_names(const NameFilter& a, const NameFilter& b) {
  return a.text == b.text && a.pattern == b.pattern && a.except == b.except && a.require == b.require;
}

}  // namespace zeektrace
