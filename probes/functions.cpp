#include "probes/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "probes/cxx_name.h"
#include "probes/function_variants.h"
#include "probes/glob.h"
#include "probes/symbol_name.h"

namespace zeektrace {

namespace {

using Symbols = std::vector<const FunctionSymbol*>;

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

// Of aliases the one that reads best: no leading underscore, then short, then by the alphabet.
bool reads_better(std::string_view a, std::string_view b) {
  const bool a_hidden = a.starts_with('_');
  if (a_hidden != b.starts_with('_')) return !a_hidden;
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

Symbols one_per_address(Symbols matches) {
  Symbols kept;
  for (const FunctionSymbol* match : matches) {  // in the order of addresses
    if (kept.empty() || kept.back()->address != match->address)
      kept.push_back(match);
    else if (reads_better(match->name, kept.back()->name))
      kept.back() = match;
  }
  return kept;
}

// A symbol's own name: it, and the clones that were made of it.
Symbols named(const Binary& binary, std::string_view wanted) {
  Symbols found;
  for (const FunctionSymbol& symbol : binary.functions) {
    if (!symbol.name.starts_with(wanted)) continue;
    const SymbolName name = read_symbol_name(symbol.name);
    if (symbol.name == wanted || (name.function == wanted && !name.is_fragment())) found.push_back(&symbol);
  }
  return found;
}

// Itanium C++ ABI §5.1.4.1: what a virtual call through another base meets. It corrects `this` and jumps to the function.
bool is_thunk(std::string_view symbol) {
  return symbol.starts_with("_ZTh") || symbol.starts_with("_ZTv") || symbol.starts_with("_ZTc");
}

// Globs are compared with symbols and with C++ names at once.
Symbols matching(const Binary& binary, std::string_view wanted, bool cxx_only, LeftOut& left_out) {
  const CxxPattern pattern(wanted, cxx_only ? CxxPattern::Reach::name : CxxPattern::Reach::all);
  const bool glob = !cxx_only && is_glob(wanted);
  Demangler demangler;
  Symbols by_glob, literal;
  for (const FunctionSymbol& symbol : binary.functions) {
    const SymbolName name = read_symbol_name(symbol.name);
    bool wanted_here = glob && glob_matches(wanted, symbol.name);
    auto match = CxxPattern::Match::none;
    if (!wanted_here || pattern.may_be_literal()) match = pattern.match(name.function, demangler);
    wanted_here = wanted_here || match != CxxPattern::Match::none;
    if (!wanted_here) continue;
    if (name.is_fragment())
      left_out.parts++;
    else if (is_thunk(symbol.name))
      left_out.variants++;
    else
      (match == CxxPattern::Match::literal ? literal : by_glob).push_back(&symbol);
  }
  if (!literal.empty()) left_out.parts = 0;
  return literal.empty() ? by_glob : literal;
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

Error cold_part(std::string_view wanted, std::string_view shown) {
  const std::string_view function = read_symbol_name(wanted).function;
  return script_error(
      fmt::format("{} of {} is no function: it is the part of {} that seldom runs, and is jumped to, not called", wanted,
                  shown, function),
      fmt::format("probe {}, or an address (0x…) within that part", function));
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
                                                  std::string_view shown, LeftOut* left_out) {
  LeftOut ignored;
  if (left_out == nullptr) left_out = &ignored;
  const bool cxx_only = wanted.starts_with("cpp:") && !wanted.starts_with("cpp::");
  if (cxx_only) wanted.remove_prefix(4);
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
  const auto& choices = binary.load_time_choices;
  if (std::binary_search(choices.begin(), choices.end(), wanted)) return chosen_at_load_time(binary, wanted, shown);
  if (read_symbol_name(wanted).kind == SymbolName::Kind::cold && !is_glob(wanted))
    return cold_part(wanted, shown);
  Symbols symbols = cxx_only ? Symbols() : named(binary, wanted);
  if (symbols.empty()) {
    symbols = matching(binary, wanted, cxx_only, *left_out);
    if (is_glob(wanted) && !cxx_only)
      std::copy_if(choices.begin(), choices.end(), std::back_inserter(left_out->load_time),
                   [&](const std::string& name) { return glob_matches(wanted, name); });
  }
  symbols = each_call_once(binary, one_per_address(std::move(symbols)), left_out->variants);
  std::vector<FoundFunction> found;
  found.reserve(symbols.size());
  for (const FunctionSymbol* symbol : symbols) {
    if (offset != 0 && symbol->size != 0 && offset >= symbol->size)
      return script_error(fmt::format("{}+{:#x} lies beyond the function, which is {} bytes long",
                                      symbol->name, offset, symbol->size),
                          "");
    const auto file_offset = binary.file_offset(symbol->address + offset);
    const bool specialised = read_symbol_name(symbol->name).kind >= SymbolName::Kind::specialised;
    if (file_offset) found.push_back({std::string(symbol->name), *file_offset, offset, specialised});
  }
  if (found.empty()) return no_such_function(binary, wanted, shown);
  return found;
}

std::vector<std::string> notes_on(const std::vector<FoundFunction>& found, const LeftOut& left_out,
                                  std::string_view wanted, std::string_view shown) {
  std::vector<std::string> notes;
  const auto clone = std::find_if(found.begin(), found.end(), [](const auto& f) { return f.specialised; });
  if (clone != found.end()) {
    const auto clones = std::count_if(clone, found.end(), [](const auto& f) { return f.specialised; });
    const std::string which = found.size() == 1 ? "names a clone made by the compiler"
                                                : fmt::format("names {} functions, {} of them made by the compiler as "
                                                              "clones of others",
                                                              found.size(), clones);
    notes.push_back(fmt::format("'{}' of {} {} ({}{}): arguments may differ from the source's", wanted, shown, which,
                                clone->name, clones > 1 ? ", …" : ""));
  }
  if (!left_out.load_time.empty())
    notes.push_back(fmt::format("{} of {} that '{}' names {} not probed: which implementation runs is chosen when a program "
                                "is loaded ({}{})",
                                left_out.load_time.size(), shown, wanted, left_out.load_time.size() == 1 ? "is" : "are",
                                fmt::join(left_out.load_time.begin(),
                                          left_out.load_time.begin() +
                                              std::min<std::ptrdiff_t>(std::ssize(left_out.load_time), 4),
                                          ", "),
                                left_out.load_time.size() > 4 ? ", …" : ""));
  return notes;
}

}  // namespace zeektrace
