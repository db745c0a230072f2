// What BPF computes beside what C's rules say: random expressions, evaluated here while they are written and by the kernel when
// the script runs. Half of what they are made of is read from maps, so that the compiler can't compute it beforehand.
//
//   values [--seed N] [--count N]
//
// Prints each expression whose value is another one, and at the end how many were compared. Leaves with 0, with 1 if any
// differed or a script was refused, with 77 where BPF programs can't be loaded, and with 2 if called wrongly.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "probes/machine.h"
#include "probes/tracer.h"
#include "tests/random/script.h"

namespace zeektrace {
namespace {

// An expression's text and its value. All are words of 64 bits, computed with as unsigned ones where `is_unsigned`; those that a
// cast has made narrow unsigned ones are signed words beside signed ones.
struct Known {
  std::string text;
  uint64_t bits = 0;
  bool is_unsigned = false;
  uint32_t narrow = 0;  // bits of an unsigned number that has fewer than 64

  bool is_any_unsigned() const { return is_unsigned || narrow > 0; }
};

// Element i of @s (signed), @u (unsigned) and @t.
constexpr size_t elements = 6;
struct Inputs {
  std::array<int64_t, elements> s{};
  std::array<uint64_t, elements> u{};
};
constexpr std::array<const char*, elements> texts = {"", "a", "open", "opened", "two words", "a text of more than thirty-two characters"};

Known truth(std::string text, bool holds) { return {std::move(text), holds ? 1U : 0U, false}; }

uint64_t quotient(uint64_t a, uint64_t b, bool is_unsigned) {
  if (b == 0) return 0;
  if (is_unsigned) return a / b;
  const auto left = static_cast<int64_t>(a), right = static_cast<int64_t>(b);
  return right == -1 ? -a : static_cast<uint64_t>(left / right);
}

uint64_t remainder(uint64_t a, uint64_t b, bool is_unsigned) {
  if (b == 0) return a;
  if (is_unsigned) return a % b;
  const auto left = static_cast<int64_t>(a), right = static_cast<int64_t>(b);
  return right == -1 ? 0 : static_cast<uint64_t>(left % right);
}

// C's conversions, on words; a division by zero and a shift that is too far are as the kernel does them.
Known binary(std::string_view op, const Known& a, const Known& b) {
  const bool is_unsigned = a.is_unsigned || b.is_unsigned;
  const bool gives_unsigned = is_unsigned || (a.narrow > 0 && b.narrow > 0);
  const auto x = static_cast<int64_t>(a.bits), y = static_cast<int64_t>(b.bits);
  const bool less = is_unsigned ? a.bits < b.bits : x < y;
  std::string text = fmt::format("({} {} {})", a.text, op, b.text);
  if (op == "<") return truth(text, less);
  if (op == ">=") return truth(text, !less);
  if (op == ">") return truth(text, !less && a.bits != b.bits);
  if (op == "<=") return truth(text, less || a.bits == b.bits);
  if (op == "==") return truth(text, a.bits == b.bits);
  if (op == "!=") return truth(text, a.bits != b.bits);
  if (op == "&&") return truth(text, a.bits != 0 && b.bits != 0);
  if (op == "||") return truth(text, a.bits != 0 || b.bits != 0);
  const uint64_t far = b.bits & 63;
  if (op == "<<") return {text, a.bits << far, a.is_any_unsigned()};
  if (op == ">>") return {text, a.is_any_unsigned() ? a.bits >> far : static_cast<uint64_t>(x >> far), a.is_any_unsigned()};
  const uint64_t bits = op == "+"   ? a.bits + b.bits
                        : op == "-" ? a.bits - b.bits
                        : op == "*" ? a.bits * b.bits
                        : op == "/" ? quotient(a.bits, b.bits, gives_unsigned)
                        : op == "%" ? remainder(a.bits, b.bits, gives_unsigned)
                        : op == "&" ? a.bits & b.bits
                        : op == "|" ? a.bits | b.bits
                                    : a.bits ^ b.bits;
  return {text, bits, gives_unsigned && op != "-"};
}

struct Width {
  const char* name;
  uint32_t bits;
  bool is_unsigned;
};
constexpr Width widths[] = {{"int8", 8, false},   {"int16", 16, false}, {"int32", 32, false}, {"int64", 64, false},
                            {"uint8", 8, true},   {"uint16", 16, true}, {"uint32", 32, true}, {"uint64", 64, true}};

Known cast(const Width& to, const Known& of) {
  const uint32_t rest = 64 - to.bits;
  const uint64_t high = of.bits << rest;
  const uint64_t bits = to.is_unsigned ? high >> rest : static_cast<uint64_t>(static_cast<int64_t>(high) >> rest);
  return {fmt::format("(({})({}))", to.name, of.text), bits, to.is_unsigned && to.bits == 64, to.is_unsigned ? to.bits % 64 : 0};
}

class Expressions {
 public:
  Expressions(uint64_t seed) : dice_(seed) {
    for (size_t i = 0; i < elements; ++i) {
      inputs_.s[i] = static_cast<int64_t>(telling_number(dice_) & INT64_MAX) * (dice_.one_in(2) ? -1 : 1);
      inputs_.u[i] = telling_number(dice_) ^ (dice_.one_in(3) ? uint64_t{1} << 63 : 0);
    }
  }

  std::string preparation() const {
    std::string text;
    for (size_t i = 0; i < elements; ++i)
      text += fmt::format("  @s[{0}] = {1}; @u[{0}] = (uint64){2}; @t[{0}] = \"{3}\";\n", i, inputs_.s[i], inputs_.u[i], texts[i]);
    return text;
  }

  Known make(uint64_t deep) {
    if (deep == 0 || dice_.one_in(6)) return leaf();
    constexpr const char* ops[] = {"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>",
                                   "<", "<=", ">", ">=", "==", "!=", "&&", "||"};
    switch (dice_.below(8)) {
      case 0: return cast(dice_.pick(widths), make(deep - 1));
      case 1: return unary(make(deep - 1));
      case 2: return choice(make(deep - 1), make(deep - 1), make(deep - 1));
      case 3: return same_text();
      default: {
        const char* op = dice_.pick(ops);
        Known left = make(deep - 1);
        return binary(op, left, make(deep - 1));
      }
    }
  }

 private:
  Known leaf() {
    const size_t i = dice_.below(elements);
    switch (dice_.below(3)) {
      case 0: return {fmt::format("@s[{}]", i), static_cast<uint64_t>(inputs_.s[i]), false};
      case 1: return {fmt::format("@u[{}]", i), inputs_.u[i], true};
      default: {
        const uint64_t number = telling_number(dice_);
        return {fmt::format("{}", number), number, number > INT64_MAX};
      }
    }
  }

  Known unary(const Known& of) {
    switch (dice_.below(3)) {
      case 0: return {fmt::format("(-({}))", of.text), within(of.narrow, -of.bits), of.is_unsigned, of.narrow};
      case 1: return {fmt::format("(~({}))", of.text), within(of.narrow, ~of.bits), of.is_unsigned, of.narrow};
      default: return truth(fmt::format("(!({}))", of.text), of.bits == 0);
    }
  }

  static uint64_t within(uint32_t narrow, uint64_t bits) { return narrow > 0 ? bits & ((uint64_t{1} << narrow) - 1) : bits; }

  static Known choice(const Known& condition, const Known& a, const Known& b) {
    return {fmt::format("({} ? {} : {})", condition.text, a.text, b.text), condition.bits ? a.bits : b.bits,
            a.is_unsigned || b.is_unsigned};
  }

  Known same_text() {
    const size_t i = dice_.below(elements), j = dice_.below(elements);
    const bool equal = dice_.one_in(2), literal = dice_.one_in(2);
    const std::string other = literal ? fmt::format("\"{}\"", texts[j]) : fmt::format("@t[{}]", j);
    return truth(fmt::format("(@t[{}] {} {})", i, equal ? "==" : "!=", other), (i == j) == equal);
  }

  Dice dice_;
  Inputs inputs_;
};

struct Outcome {
  std::string refused;  // why the script did not run
  std::map<uint64_t, uint64_t> results;
};

// Runs the script's BEGIN blocks and reads @r.
Outcome results_of(const std::string& text) {
  Outcome outcome;
  Source source("random.bt", text);
  Diagnostics diagnostics;
  Machine machine({});
  CheckOptions options;
  std::optional<Ast> ast = parse(source, diagnostics);
  if (ast) {
    auto program = check(source, *ast, all_builtins(), all_providers(), machine, options, diagnostics);
    if (!program) return {program.error().text(), {}};
    if (diagnostics.empty()) {
      auto object = emit(*program, all_builtins());
      if (!object) return {object.error().text(), {}};
      auto tracer = Tracer::load(object->elf, *program, machine, nullptr);
      if (!tracer) return {tracer.error().text(), {}};
      if (Status status = tracer->run("BEGIN"); !status) return {status.error().text(), {}};
      auto rows = tracer->read(program->maps[program->map_index.at("r")]);
      if (!rows) return {rows.error().text(), {}};
      for (const MapRow& row : *rows) {
        uint64_t key = 0, value = 0;
        std::memcpy(&key, row.key.data(), std::min(sizeof key, row.key.size()));
        std::memcpy(&value, row.values.at(0).data(), sizeof value);
        outcome.results[key] = value;
      }
    }
  }
  for (const Diagnostic& each : diagnostics.all()) outcome.refused += render(source, each);
  return outcome;
}

// How many expressions of this seed have other values than they should; all of them when the script does not run.
uint64_t differing(uint64_t seed, uint64_t count) {
  Expressions expressions(seed);
  std::vector<Known> asked;
  std::string script = "BEGIN {\n" + expressions.preparation() + "}\nBEGIN {\n";
  for (uint64_t i = 0; i < count; ++i) {
    asked.push_back(expressions.make(4));
    script += fmt::format("  @r[{}] = (int64)({});\n", i, asked.back().text);
  }
  script += "}\n";
  const Outcome outcome = results_of(script);
  if (!outcome.refused.empty() || outcome.results.size() != count) {
    fmt::print("FAIL seed {}: {} of {} values: {}\n{}\n", seed, outcome.results.size(), count, outcome.refused, script);
    return count;
  }
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (outcome.results.at(i) == asked[i].bits) continue;
    ++wrong;
    fmt::print("FAIL seed {}: {} is {:#x}, should be {:#x}, where\n{}", seed, asked[i].text, outcome.results.at(i),
               asked[i].bits, expressions.preparation());
  }
  return wrong;
}

int values(int argc, char** argv) {
  constexpr uint64_t in_a_script = 20;
  uint64_t seed = 1, scripts = 50;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view word = argv[i];
    const bool known = (word == "--seed" || word == "--count") && i + 1 < argc;
    if (!known) {
      fmt::print(stderr, "usage: values [--seed N] [--count N]\n");
      return 2;
    }
    (word == "--seed" ? seed : scripts) = std::strtoull(argv[i + 1], nullptr, 10);
  }
  if (const Outcome outcome = results_of("BEGIN { @r[1] = 1; }"); !outcome.refused.empty()) {
    fmt::print("skip: no BPF program can be run: {}\n", outcome.refused);
    return 77;
  }
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < scripts; ++i) wrong += differing(seed + i, in_a_script);
  fmt::print("{} values compared, {} differ\n", scripts * in_a_script, wrong);
  return wrong > 0 ? 1 : 0;
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) { return zeektrace::values(argc, argv); }
