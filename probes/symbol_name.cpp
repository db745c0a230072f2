#include "probes/symbol_name.h"

#include <algorithm>

namespace zeektrace {

namespace {

struct Suffix {
  std::string_view word;
  SymbolName::Kind kind;
};

// GCC 12: clone_function_name in ipa-sra.cc, ipa-cp.cc, ipa-split.cc, lto-partition.cc, symtab.cc; varasm.cc for .cold.
// LLVM 19: FunctionImportUtils (.llvm.), UniqueInternalLinkageNames (.__uniq.), FunctionSpecialization (.specialized.),
// HotColdSplitting (.cold.), BasicBlockSections (.__part.); llvm-bolt: .warm.
constexpr Suffix suffixes[] = {
    {"lto_priv", SymbolName::Kind::renamed},       {"localalias", SymbolName::Kind::renamed},
    {"llvm", SymbolName::Kind::renamed},           {"__uniq", SymbolName::Kind::renamed},
    {"isra", SymbolName::Kind::specialised},       {"constprop", SymbolName::Kind::specialised},
    {"specialized", SymbolName::Kind::specialised}, {"part", SymbolName::Kind::part},
    {"__part", SymbolName::Kind::cold},            {"cold", SymbolName::Kind::cold},
    {"warm", SymbolName::Kind::cold},
};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

SymbolName read_symbol_name(std::string_view symbol) {
  const size_t dot = symbol.find('.');
  const SymbolName whole{symbol, SymbolName::Kind::whole};
  if (dot == std::string_view::npos || dot == 0) return whole;
  SymbolName name{symbol.substr(0, dot), SymbolName::Kind::whole};
  std::string_view rest = symbol.substr(dot);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view word = rest.substr(0, rest.find('.'));
    rest.remove_prefix(word.size());
    const auto* known = std::find_if(std::begin(suffixes), std::end(suffixes),
                                     [&](const Suffix& suffix) { return suffix.word == word; });
    if (known != std::end(suffixes))
      name.kind = std::max(name.kind, known->kind);
    else if (!is_number(word) || name.kind == SymbolName::Kind::whole)
      return whole;  // "f.avx2", "counter.0": a name of its own
  }
  return name;
}

}  // namespace zeektrace
