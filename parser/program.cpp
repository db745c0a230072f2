#include "parser/program.h"

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

}  // namespace zeektrace
