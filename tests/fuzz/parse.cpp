// Whatever the text, parse gives a tree or says why not, and both can be shown.
#include "tests/fuzz/scripts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  zeektrace::Source source = zeektrace::script_of(data, size);
  zeektrace::Diagnostics diagnostics;
  std::optional<zeektrace::Ast> ast = zeektrace::parse(source, diagnostics);
  if (ast.has_value() != diagnostics.empty()) zeektrace::bug("a tree and errors, or neither");
  if (ast) zeektrace::dump(*ast);
  zeektrace::errors_are_short(source, diagnostics);
  return 0;
}
