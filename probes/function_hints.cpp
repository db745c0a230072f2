// Errors that say which functions there are instead.
#include <fmt/format.h>

#include <algorithm>

#include "parser/registry.h"
#include "probes/cxx_name.h"
#include "probes/functions.h"
#include "probes/glob.h"
#include "probes/symbol_name.h"

namespace zeektrace {

namespace {

constexpr size_t at_once = 8192;  // demangled names that are held at a time
constexpr size_t most_hints = 3;

// The nearest of all the names that were handed over, whatever their number.
class Nearest {
 public:
  explicit Nearest(std::string_view wanted) : wanted_(wanted) {}
  void add(std::string_view name) {
    names_.emplace_back(name);
    if (names_.size() >= at_once) settle();
  }
  const std::vector<std::string>& settle() {
    const std::vector<std::string_view> views(names_.begin(), names_.end());
    names_ = near_matches(wanted_, views, most_hints);
    return names_;
  }

 private:
  std::string_view wanted_;
  std::vector<std::string> names_;
};

// Overloads of the function whose parameters are others than those asked for.
std::vector<std::string> overloads(const Binary& binary, std::string_view wanted) {
  std::vector<std::string> found;
  const CxxPattern name(without_parameters(wanted));
  if (wanted.find('(') == std::string_view::npos || name.is_glob()) return found;
  Demangler demangler;
  for (const FunctionSymbol& symbol : binary.functions) {
    const std::string_view function = read_symbol_name(symbol.name).function;
    if (found.size() <= most_hints && name.match(function, demangler) == CxxPattern::Match::literal)
      found.emplace_back(demangler.demangle(function));
  }
  return found;
}

// A million names are not compared letter by letter, nor demangled: only those that have most of the letters.
std::string near_names(const Binary& binary, std::string_view wanted) {
  Nearest nearest(wanted);
  size_t mangled = 0;
  for (const FunctionSymbol& symbol : binary.functions) {
    if (symbol.name.starts_with("_Z"))
      mangled++;
    else if (shares_a_half(wanted, symbol.name))
      nearest.add(symbol.name);
  }
  if (wanted.find("::") != std::string_view::npos || mangled > binary.functions.size() / 2) {
    const bool with_parameters = wanted.find('(') != std::string_view::npos;
    const CxxPattern pattern(wanted);
    Demangler demangler;
    for (const FunctionSymbol& symbol : binary.functions) {
      if (!symbol.name.starts_with("_Z") || !pattern.is_near(symbol.name)) continue;
      if (const auto full = demangler.demangle(read_symbol_name(symbol.name).function); !full.empty())
        nearest.add(with_parameters ? full : without_parameters(full));
    }
  }
  return did_you_mean(nearest.settle());
}

}  // namespace

Error no_such_function(const Binary& binary, std::string_view wanted, std::string_view shown) {
  const auto script_error = [](std::string message, std::string hint) {
    return Error{Error::Kind::script, std::move(message), std::move(hint), nullptr};
  };
  const std::string stripped = "it is stripped: only exported functions are known; install its debug symbols";
  if (const auto others = overloads(binary, wanted); !others.empty())
    return script_error(fmt::format("{} has no function '{}'", shown, wanted),
                        fmt::format("it has '{}'{}", fmt::join(others.begin(), others.begin() + std::min<std::ptrdiff_t>(std::ssize(others), 3), "', '"),
                                    others.size() > most_hints ? " and more" : ""));
  if (is_glob(wanted))
    return script_error(fmt::format("no function of {} matches '{}'", shown, wanted),
                        binary.only_exported ? stripped : fmt::format("zeektrace -l 'uprobe:{}:*' lists them", shown));
  std::string hint = near_names(binary, wanted);
  if (binary.only_exported) {
    if (!hint.empty()) hint += "\n";
    hint += stripped + ", or give an address (0x…)";
  } else if (hint.empty()) {
    hint = fmt::format("zeektrace -l 'uprobe:{}:*' lists them", shown);
  }
  return script_error(fmt::format("{} has no function '{}'", shown, wanted), hint);
}

}  // namespace zeektrace
