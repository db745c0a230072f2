// libFuzzer: whatever the text, parse gives a tree or says why not, and both can be shown. Corpus: tests/golden.
#include <cstdint>
#include <string>

#include "parser/parse.h"
#include "parser/result.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  zeektrace::Source source("fuzz.bt", std::string(reinterpret_cast<const char*>(data), size));
  zeektrace::Diagnostics diagnostics;
  std::optional<zeektrace::Ast> ast = zeektrace::parse(source, diagnostics);
  if (ast.has_value() != diagnostics.empty()) zeektrace::bug("a tree and errors, or neither");
  if (ast) zeektrace::dump(*ast);
  for (const zeektrace::Diagnostic& diagnostic : diagnostics.all()) {
    if (zeektrace::render(source, diagnostic).size() > 4096) zeektrace::bug("an error that fills the screen");
  }
  return 0;
}
