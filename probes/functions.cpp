#include "probes/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "parser/registry.h"
#include "probes/cxx_name.h"
#include "probes/glob.h"

namespace zeektrace {

namespace {

std::optional<uint64_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

Error script_error(std::string message, std::string hint) {
  return Error{Error::Kind::script, std::move(message), std::move(hint), nullptr};
}

// Pieces that the compiler splits off a function: they are jumped to from its middle and have no arguments.
bool is_fragment(std::string_view name) {
  return name.ends_with(".cold") || name.find(".cold.") != std::string_view::npos ||
         name.find(".part.") != std::string_view::npos;
}

// Of aliases the one that reads best: no leading underscore, then short, then by the alphabet.
bool reads_better(std::string_view a, std::string_view b) {
  const bool a_hidden = a.starts_with('_');
  if (a_hidden != b.starts_with('_')) return !a_hidden;
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::vector<const FunctionSymbol*> one_per_address(std::vector<const FunctionSymbol*> matches) {
  std::vector<const FunctionSymbol*> kept;
  for (const FunctionSymbol* match : matches) {  // in the order of addresses
    if (kept.empty() || kept.back()->address != match->address)
      kept.push_back(match);
    else if (reads_better(match->name, kept.back()->name))
      kept.back() = match;
  }
  return kept;
}

// An exact name is looked for among the symbols first; only when none has it is it a C++ name. A glob is both
// at once.
std::vector<const FunctionSymbol*> matching(const Binary& binary, std::string_view wanted) {
  std::vector<const FunctionSymbol*> matches;
  const bool glob = is_glob(wanted);
  if (!glob) {
    for (const FunctionSymbol& symbol : binary.functions)
      if (symbol.name == wanted) matches.push_back(&symbol);
    if (!matches.empty()) return one_per_address(std::move(matches));
  }
  const CxxPattern pattern(wanted);
  Demangler demangler;
  for (const FunctionSymbol& symbol : binary.functions) {
    if (is_fragment(symbol.name)) continue;
    if ((glob && glob_matches(wanted, symbol.name)) || pattern.matches(symbol.name, demangler))
      matches.push_back(&symbol);
  }
  return one_per_address(std::move(matches));
}

// "malloc is chosen when the program is loaded": its symbol is that of a chooser, called once for each
// process.
Error chosen_at_load_time(const Binary& binary, std::string_view name, std::string_view shown) {
  const std::string implementation = fmt::format("__{}_*", name);
  std::vector<std::string> known;
  for (const FunctionSymbol& symbol : binary.functions)
    if (glob_matches(implementation, symbol.name)) known.emplace_back(symbol.name);
  std::string hint;
  if (known.empty())
    hint =
        "probe its callers; with the library's debug symbols its implementations can be named "
        "(such as __" +
        std::string(name) + "_avx_unaligned)";
  else
    hint = fmt::format(
        "name one of them, or all by '{}': {}", implementation,
        fmt::join(known.begin(), known.begin() + std::min<std::ptrdiff_t>(std::ssize(known), 4), ", "));
  return script_error(
      fmt::format("{} has several implementations of {}; which one runs is chosen when a program is loaded",
                  shown, name),
      hint);
}

std::string near_names(const Binary& binary, std::string_view wanted) {
  std::vector<std::string_view> names;
  names.reserve(binary.functions.size());
  for (const FunctionSymbol& symbol : binary.functions)
    if (!symbol.name.starts_with("_Z")) names.push_back(symbol.name);
  std::vector<std::string> demangled;
  if (wanted.find("::") != std::string_view::npos || names.size() < binary.functions.size() / 2) {
    Demangler demangler;
    for (const FunctionSymbol& symbol : binary.functions)
      if (const auto full = demangler.demangle(symbol.name); !full.empty())
        demangled.emplace_back(without_parameters(full));
    std::sort(demangled.begin(), demangled.end());
    demangled.erase(std::unique(demangled.begin(), demangled.end()), demangled.end());
    names.insert(names.end(), demangled.begin(), demangled.end());
  }
  return did_you_mean(near_matches(wanted, names));
}

Error not_found(const Binary& binary, std::string_view wanted, std::string_view shown) {
  if (is_glob(wanted)) {
    return script_error(fmt::format("no function of {} matches '{}'", shown, wanted),
                        binary.only_exported
                            ? "it is stripped: only exported functions are known; install its debug symbols"
                            : fmt::format("zeektrace -l 'uprobe:{}:*' lists them", shown));
  }
  std::string hint = near_names(binary, wanted);
  if (binary.only_exported) {
    if (!hint.empty()) hint += "\n";
    hint +=
        "it is stripped: only exported functions are known; install its debug symbols, or give an address "
        "(0x…)";
  } else if (hint.empty()) {
    hint = fmt::format("zeektrace -l 'uprobe:{}:*' lists them", shown);
  }
  return script_error(fmt::format("{} has no function '{}'", shown, wanted), hint);
}

Result<std::vector<FoundFunction>> at_address(const Binary& binary, uint64_t address,
                                              std::string_view shown) {
  const auto file_offset = binary.file_offset(address);
  if (!file_offset)
    return script_error(
        fmt::format("{:#x} is no address of code in {}", address, shown),
        "give an address as the symbol table has it (nm, objdump -d), not as /proc/PID/maps has it");
  FoundFunction found{"", *file_offset, 0};
  if (const FunctionSymbol* function = binary.function_at(address)) {
    found.name = function->name;
    found.from_start = address - function->address;
  }
  return std::vector<FoundFunction>{found};
}

}  // namespace

Result<std::vector<FoundFunction>> find_functions(const Binary& binary, std::string_view wanted,
                                                  std::string_view shown) {
  if (wanted.empty())
    return script_error(fmt::format("the function of {} is missing", shown), "write uprobe:PATH:FUNCTION");
  if (wanted.starts_with("0x") || wanted.starts_with("0X"))
    if (const auto address = parse_number(wanted)) return at_address(binary, *address, shown);
  uint64_t offset = 0;
  if (const size_t plus = wanted.rfind('+'); plus != std::string_view::npos && plus > 0) {
    if (const auto number = parse_number(wanted.substr(plus + 1))) {
      offset = *number;
      wanted = wanted.substr(0, plus);
    }
  }
  if (std::binary_search(binary.load_time_choices.begin(), binary.load_time_choices.end(), wanted))
    return chosen_at_load_time(binary, wanted, shown);
  std::vector<FoundFunction> found;
  for (const FunctionSymbol* symbol : matching(binary, wanted)) {
    if (offset != 0 && symbol->size != 0 && offset >= symbol->size)
      return script_error(fmt::format("{}+{:#x} lies beyond the function, which is {} bytes long",
                                      symbol->name, offset, symbol->size),
                          "");
    const auto file_offset = binary.file_offset(symbol->address + offset);
    if (file_offset) found.push_back({std::string(symbol->name), *file_offset, offset});
  }
  if (found.empty()) return not_found(binary, wanted, shown);
  return found;
}

}  // namespace zeektrace
