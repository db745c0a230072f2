// What check accepts becomes an object, whose facts can be told.
#include "tests/fuzz/scripts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zeektrace;
  Source source = script_of(data, size);
  Diagnostics diagnostics;
  std::optional<Ast> ast = parse(source, diagnostics);
  if (!ast) return 0;
  Machine machine(harmless_settings());
  CheckOptions options = fuzzed_options();
  auto program = check(source, *ast, all_builtins(), harmless_providers(), machine, options, diagnostics);
  if (!program || !diagnostics.empty()) return 0;
  auto object = emit(*program, all_builtins());
  if (object) object_facts(*object);
  return 0;
}
