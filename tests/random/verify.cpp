// Loads random scripts: what check accepts must be emitted, and the kernel must take it.
//
//   verify --tally PATH [--seed N] [--count N] [--show]
//
// Prints each script that is refused, with its seed and the reason, and at the end how many were loaded. Nothing is
// attached. Loops that the kernel won't follow to their end are refused in words of ours, at their line; they are counted
// apart, since how far it follows depends on what stands in them. Leaves with 0, with 1 if any was refused, with 77 where BPF programs can't be loaded, and with 2 if called wrongly.
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

// Why the script was not loaded; "" when it was. `log` is the verifier's.
std::string refusal(const std::string& text, Machine& machine, std::string& log) {
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
  options.has_kernel_types = machine.has_kernel_types();
  options.kernel_types = [&machine] { return machine.kernel_types(); };
  options.kernel_address = [&machine](std::string_view symbol) { return machine.kernel_address(symbol); };
  auto program = check(source, *ast, all_builtins(), all_providers(), machine, options, diagnostics);
  if (!program) return "check fails: " + program.error().text();
  if (!diagnostics.empty()) return "check refuses it:\n" + said();
  auto object = emit(*program, all_builtins());
  if (!object) return "emit fails: " + object.error().text();
  auto tracer = Tracer::load(object->elf, *program, machine, &log);
  return tracer ? "" : "the kernel refuses it: " + tracer.error().text();
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

// The kernel follows a program only so far, and says so; how far that is can't be told beforehand. We say it in our words, by the
// script's line. The generator bounds its scripts so that this is rare.
bool is_too_long(std::string_view why) {
  return why.find("runs for more rounds than the kernel is willing to check") != std::string_view::npos ||
         why.find("it is too long to be checked") != std::string_view::npos;
}

constexpr uint64_t most_too_long = 2;  // in a hundred

int verify(int argc, char** argv) {
  Options options;
  if (!parse_options(argc, argv, options)) {
    fmt::print(stderr, "usage: verify --tally PATH [--seed N] [--count N] [--show]\n");
    return 2;
  }
  std::string log;
  Machine machine({});
  if (std::string why = refusal("BEGIN { @ = 1; }", machine, log); !why.empty()) {
    fmt::print("skip: no BPF program can be loaded: {}\n", why);
    return 77;
  }
  options.surroundings.has_tracepoints = refusal("tracepoint:raw_syscalls:sys_enter { @ = 1; }", machine, log).empty();
  options.surroundings.has_kernel_types = machine.has_kernel_types();
  uint64_t refused = 0, too_long = 0;
  for (uint64_t seed = options.seed; seed < options.seed + options.count; ++seed) {
    const std::string script = random_script(seed, options.surroundings);
    if (options.show) fmt::print("seed {}:\n{}\n", seed, script);
    log.clear();
    const std::string why = refusal(script, machine, log);
    if (why.empty()) continue;
    if (is_too_long(why)) {
      ++too_long;
      continue;
    }
    ++refused;
    fmt::print("FAIL seed {}: {}\n{}\n{}\n", seed, why, options.show ? "" : script, tail(log));
  }
  fmt::print("{} scripts loaded, {} refused, {} too long for the kernel to check\n", options.count - refused - too_long, refused,
             too_long);
  return refused > 0 || too_long * 100 > options.count * most_too_long ? 1 : 0;
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) { return zeektrace::verify(argc, argv); }
