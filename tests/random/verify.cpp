// Loads random scripts: what check accepts must be emitted, and the kernel must take it.
//
//   verify --tally PATH [--seed N] [--count N] [--show]
//
// Prints each script that is refused, with its seed and the reason, and at the end how many were loaded and how near the longest
// came to what the verifier looks at. Nothing is attached. Leaves with 0, with 1 if any was refused, with 77 where BPF programs can't be loaded, and with 2 if called wrongly.
#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "probes/machine.h"
#include "probes/tracer.h"
#include "tests/random/script.h"

namespace zeektrace {
namespace {

struct Options {
  Surroundings surroundings;
  uint64_t seed = 1, count = 200;
  bool show = false;
};

struct Loading {
  std::string log;        // the verifier's
  uint32_t verified = 0;  // instructions that it looked at
};

// Why the script was not loaded; "" when it was.
std::string refusal(const std::string& text, Machine& machine, Loading& loading) {
  Source source("random.bt", text);
  Diagnostics diagnostics;
  const auto said = [&] {
    std::string all;
    for (const Diagnostic& each : diagnostics.all()) all += render(source, each);
    return all;
  };
  std::optional<Ast> ast = parse(source, diagnostics);
  if (!ast) return "it does not parse:\n" + said();
  CheckOptions options;
  options.unwinds = machine.unwinds();
  options.has_private_stacks = machine.has_private_stacks();
  options.has_kernel_types = machine.has_kernel_types();
  options.kernel_types = [&machine] { return machine.kernel_types(); };
  options.kernel_address = [&machine](std::string_view symbol) { return machine.kernel_address(symbol); };
  auto program = check(source, *ast, all_builtins(), all_providers(), machine, options, diagnostics);
  if (!program) return "check fails: " + program.error().text();
  if (!diagnostics.empty()) return "check refuses it:\n" + said();
  auto object = emit(*program, all_builtins());
  if (!object) return "emit fails: " + object.error().text();
  auto tracer = Tracer::load(object->elf, *program, machine, &loading.log);
  if (!tracer) return "the kernel refuses it: " + tracer.error().text();
  loading.verified = tracer->verified();
  return "";
}

bool parse_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--show") options.show = true;
    else if (word == "--tally" && has_value) options.surroundings.tally = argv[++i];
    else if (word == "--seed" && has_value) options.seed = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--count" && has_value) options.count = std::strtoull(argv[++i], nullptr, 10);
    else return false;
  }
  return !options.surroundings.tally.empty();
}

// The end of the verifier's log, which says what it did not like.
std::string_view tail(std::string_view log) {
  constexpr size_t most = 3000;
  return log.size() <= most ? log : log.substr(log.size() - most);
}

int verify(int argc, char** argv) {
  Options options;
  if (!parse_options(argc, argv, options)) {
    fmt::print(stderr, "usage: verify --tally PATH [--seed N] [--count N] [--show]\n");
    return 2;
  }
  Loading loading;
  Machine machine({});
  if (std::string why = refusal("BEGIN { @ = 1; }", machine, loading); !why.empty()) {
    fmt::print("skip: no BPF program can be loaded: {}\n", why);
    return 77;
  }
  options.surroundings.has_tracepoints = refusal("tracepoint:raw_syscalls:sys_enter { @ = 1; }", machine, loading).empty();
  options.surroundings.has_kernel_types = machine.has_kernel_types();
  uint64_t refused = 0, longest_seed = 0;
  uint32_t longest = 0;
  for (uint64_t seed = options.seed; seed < options.seed + options.count; ++seed) {
    const std::string script = random_script(seed, options.surroundings);
    if (options.show) fmt::print("seed {}:\n{}\n", seed, script);
    loading = {};
    const std::string why = refusal(script, machine, loading);
    if (loading.verified > longest) longest = loading.verified, longest_seed = seed;
    if (why.empty()) continue;
    ++refused;
    fmt::print("FAIL seed {}: {}\n{}\n{}\n", seed, why, options.show ? "" : script, tail(loading.log));
  }
  fmt::print("{} scripts loaded, {} refused; the verifier looked at {} instructions for the longest (seed {})\n",
             options.count - refused, refused, longest, longest_seed);
  return refused > 0 ? 1 : 0;
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) { return zeektrace::verify(argc, argv); }
