// What compilers append to the symbols of what they make of a function, and what it means for a probe. The rule:
// a clone is its function under another name, so that a probe on the function is on its clones too, where the values
// of arg0 … may differ from the source's; a part is not the function, since it runs later or not at all, or is jumped to.
#pragma once

#include <cstdint>
#include <string_view>

namespace zeektrace {

struct SymbolName {
  enum class Kind : uint8_t {
    whole,        // "f"
    renamed,      // the same code under another name: f.lto_priv.0, f.localalias, f.llvm.1234
    specialised,  // its parameters changed: f.isra.0 (unused or split), f.constprop.0 (some known)
    part,         // called by the rest of the function, which may be inlined elsewhere: f.part.0
    cold,         // jumped to from the middle of the function, never called: f.cold
  };
  std::string_view function;  // without what was appended
  Kind kind = Kind::whole;

  bool is_fragment() const { return kind == Kind::part || kind == Kind::cold; }
};
SymbolName read_symbol_name(std::string_view symbol);

}  // namespace zeektrace
