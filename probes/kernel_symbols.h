// The kernel's functions by name, as /proc/kallsyms lists them. One name is looked for in a pass that stops
// when it is found; the whole list is read only for globs and for near matches.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

struct KernelFunction {
  std::string name;
  std::string module;    // "" for the kernel itself
  uint64_t address = 0;  // 0 where kptr_restrict hides it
};

class KernelSymbols {
 public:
  explicit KernelSymbols(std::string path) : path_(std::move(path)) {}

  // In `module`, or anywhere when it is empty.
  bool has(std::string_view name, std::string_view module) const;
  // Of a function or a variable; nothing when there is none, or the kernel hides where.
  std::optional<uint64_t> address(std::string_view name);
  // All functions whose name and module match the globs (module "": any), in the list's order, each name
  // once.
  std::vector<KernelFunction> matching(std::string_view name_glob, std::string_view module_glob) const;

  struct Line {
    std::string_view name;
    std::string_view module;
    uint64_t address = 0;
    bool is_function = false;
  };

 private:
  // Ends early when `visit` returns false.
  void for_each(const std::function<bool(const Line&)>& visit) const;
  std::string path_;
  std::map<std::string, std::optional<uint64_t>, std::less<>> addresses_;  // that were asked for
};

}  // namespace zeektrace
