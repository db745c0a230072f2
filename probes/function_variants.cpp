#include "probes/function_variants.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <unordered_map>

#include "probes/cxx_name.h"
#include "probes/symbol_name.h"

namespace zeektrace {

namespace {

using Symbols = std::vector<const FunctionSymbol*>;

// The symbol with the digit of "C1", "D0" … replaced; empty when there is none. Two symbols with the same key are perhaps
// variants of one function; classes may be called "C1" too, so their demangled names must say the same.
std::string variant_key(std::string_view symbol) {
  if (!symbol.starts_with("_ZN")) return "";
  std::string key;
  for (size_t i = 3; i + 1 < symbol.size(); i++) {
    const bool variant = (symbol[i] == 'C' || symbol[i] == 'D') && symbol[i + 1] >= '0' && symbol[i + 1] <= '5';
    if (!variant) continue;
    if (key.empty()) key = symbol;
    key[i + 1] = '#';
  }
  return key;
}

class Code {
 public:
  explicit Code(const Binary& binary) : binary_(binary) {
    const int fd = open(binary.path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status = {};
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
      void* memory = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
      if (memory != MAP_FAILED) bytes_ = {static_cast<const uint8_t*>(memory), static_cast<size_t>(status.st_size)};
    }
    if (fd >= 0) close(fd);
  }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() {
    if (!bytes_.empty()) munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
  }

  // Whether a call or jmp with a 32-bit distance to `target` stands anywhere in the function. That four other bytes of
  // its code are just this distance does not happen.
  bool goes_to(const FunctionSymbol& function, uint64_t target) const {
    const auto offset = binary_.file_offset(function.address);
    if (!offset || *offset + function.size > bytes_.size()) return false;
    const auto code = bytes_.subspan(*offset, function.size);
    for (size_t i = 0; i + 5 <= code.size(); i++) {
      if (code[i] != 0xe8 && code[i] != 0xe9) continue;
      int32_t distance = 0;
      std::memcpy(&distance, &code[i + 1], sizeof distance);
      if (function.address + i + 5 + static_cast<uint64_t>(int64_t{distance}) == target) return true;
    }
    return false;
  }

 private:
  const Binary& binary_;
  std::span<const uint8_t> bytes_;
};

// C4, D4: what the complete and the base variant share. It takes one more parameter, so its callers are the function.
bool is_shared_body(std::string_view symbol, std::string_view key) {
  for (size_t i = 0; i < key.size(); i++)
    if (key[i] == '#' && symbol[i] == '4') return true;
  return false;
}

// Those of one group that would count a call for the second time.
void find_repeating(const Symbols& group, std::string_view key, const Code& code, Demangler& demangler, Symbols& repeating) {
  std::vector<std::string> names;
  for (const FunctionSymbol* symbol : group)
    names.emplace_back(demangler.demangle(read_symbol_name(symbol->name).function));
  for (size_t i = 0; i < group.size(); i++) {
    const bool shared = is_shared_body(group[i]->name, key);
    for (size_t j = 0; j < group.size(); j++) {
      if (i == j || names[i] != names[j]) continue;
      const bool repeats = shared ? code.goes_to(*group[j], group[i]->address)
                                  : !is_shared_body(group[j]->name, key) && code.goes_to(*group[i], group[j]->address);
      if (!repeats) continue;
      repeating.push_back(group[i]);
      break;
    }
  }
}

}  // namespace

Symbols each_call_once(const Binary& binary, Symbols matches, size_t& left_out) {
  std::unordered_map<std::string, Symbols> groups;
  for (const FunctionSymbol* match : matches)
    if (std::string key = variant_key(match->name); !key.empty()) groups[std::move(key)].push_back(match);
  std::erase_if(groups, [](const auto& group) { return group.second.size() < 2; });
  if (groups.empty()) return matches;
  const Code code(binary);
  Demangler demangler;
  Symbols repeating;
  for (const auto& [key, group] : groups) find_repeating(group, key, code, demangler, repeating);
  std::sort(repeating.begin(), repeating.end());
  left_out += repeating.size();
  std::erase_if(matches, [&](const auto* match) { return std::binary_search(repeating.begin(), repeating.end(), match); });
  return matches;
}

}  // namespace zeektrace
