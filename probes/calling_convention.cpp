#include "probes/calling_convention.h"

#include <algorithm>
#include <optional>

#include "probes/registers.h"

namespace zeektrace {

namespace {

using Part = PassedValue::Part;
using Passing = PassedValue::Passing;

constexpr uint32_t word = 8;
constexpr uint32_t vector_registers = 8;  // %xmm0 to %xmm7 carry arguments
constexpr uint32_t most_in_registers = 16;
// At the entry the return address is at (%rsp), and the caller's stack arguments follow it at a multiple of 16.
constexpr int64_t first_on_stack = 8;
constexpr uint32_t stack_alignment = 16;

constexpr const char* unknown_passing = "the debug information does not say whether its class goes by reference";
constexpr const char* in_vector_register = "it is passed in a floating-point register, which a probe is not given";

// The class of each of a value's eightbytes; empty: memory.
struct Classes {
  bool in_memory = false;
  std::vector<Part> words;
};

Classes classify(const PassedValue& value) {
  Classes classes;
  if (value.size > most_in_registers) return {true, {}};
  classes.words.assign((value.size + word - 1) / word, Part::sse);
  for (const auto& scalar : value.parts) {
    const uint32_t alignment = std::min(scalar.size, stack_alignment);
    if (value.is_record && alignment != 0 && scalar.offset % alignment != 0) return {true, {}};
    if (scalar.part == Part::x87) return {true, {}};
    for (uint32_t at = scalar.offset / word; at * word < scalar.offset + scalar.size && at < classes.words.size(); at++)
      if (scalar.part == Part::integer) classes.words[at] = Part::integer;
  }
  return classes;
}

uint32_t count(const Classes& classes, Part part) {
  return static_cast<uint32_t>(std::count(classes.words.begin(), classes.words.end(), part));
}

// A value of so many bytes in these registers.
Location in_registers(const PassedValue& value, std::span<const uint32_t> registers) {
  if (!value.is_record && registers.size() == 1) return ContextOffset{registers[0]};
  Pieces pieces;
  for (size_t i = 0; i < registers.size(); i++)
    pieces.pieces.push_back({registers[i], std::min<uint32_t>(word, value.size - static_cast<uint32_t>(i) * word)});
  return pieces;
}

// Hands out registers and stack, argument by argument.
class Placing {
 public:
  Location place(const PassedValue& value) {
    if (lost_) return Unavailable{"how an argument before it (or the result) is passed is not known: " + *lost_};
    if (value.passing == Passing::by_reference) return by_reference();
    if (value.passing == Passing::unknown || !value.unknown.empty()) {
      lost_ = value.unknown.empty() ? unknown_passing : value.unknown;
      return Unavailable{*lost_};
    }
    if (value.is_record && value.parts.empty()) return Unavailable{"an empty class is not passed at all"};
    const Classes classes = classify(value);
    const uint32_t integers = count(classes, Part::integer);
    const uint32_t vectors = count(classes, Part::sse);
    // All of a value goes to registers, or none of it.
    if (classes.in_memory || integers_ + integers > pt_regs::function_args.size() ||
        vectors_ + vectors > vector_registers) {
      // __int128 with one register left: GCC gives that one to the next argument, clang (19) to none.
      const bool compilers_differ = !value.is_record && integers == 2 && integers_ < pt_regs::function_args.size();
      const Location where = on_stack(value);
      if (compilers_differ) lost_ = "compilers differ in what follows a 16-byte integer that the registers have no room for";
      return where;
    }
    const auto registers = std::span(pt_regs::function_args).subspan(integers_, integers);
    integers_ += integers;
    vectors_ += vectors;
    if (vectors != 0) return Unavailable{integers == 0 ? in_vector_register : partly_in_vector_register};
    return in_registers(value, registers);
  }

  void hidden_address() { integers_++; }

 private:
  static constexpr const char* partly_in_vector_register =
      "part of it is passed in a floating-point register, which a probe is not given";

  Location by_reference() {
    if (integers_ < pt_regs::function_args.size()) return UserMemory{pt_regs::function_args[integers_++], {0}};
    const int64_t at = take_stack(word, word);
    return UserMemory{pt_regs::sp, {at, 0}};
  }

  Location on_stack(const PassedValue& value) {
    if (value.alignment > stack_alignment) {
      lost_ = "it stands on the stack at an alignment of more than 16 bytes";
      return Unavailable{*lost_};
    }
    return UserMemory{pt_regs::sp, {take_stack(value.size, std::max(word, value.alignment))}};
  }

  int64_t take_stack(uint32_t size, uint32_t alignment) {
    stack_ = (stack_ + alignment - 1) / alignment * alignment;
    const uint32_t at = stack_;
    stack_ += (size + word - 1) / word * word;
    return first_on_stack + at;
  }

  uint32_t integers_ = 0;
  uint32_t vectors_ = 0;
  uint32_t stack_ = 0;
  std::optional<std::string> lost_;
};

// A result that is not returned in registers is written where the caller says, and its address is returned.
enum class Hidden { no, yes, unknown };

Hidden hidden_address(const PassedValue& result) {
  if (result.passing == Passing::by_reference || (result.is_record && result.size > most_in_registers)) return Hidden::yes;
  if (result.passing == Passing::unknown || !result.unknown.empty()) return Hidden::unknown;
  if (result.parts.empty()) return Hidden::no;
  const bool all_x87 = std::ranges::all_of(result.parts, [](const auto& scalar) { return scalar.part == Part::x87; });
  if (all_x87) return Hidden::no;  // %st0; a complex number: %st1 too
  return classify(result).in_memory ? Hidden::yes : Hidden::no;
}

Location result_place(const PassedValue& result) {
  const Hidden hidden = hidden_address(result);
  if (hidden == Hidden::yes) return UserMemory{pt_regs::ax, {0}};
  if (hidden == Hidden::unknown) return Unavailable{result.unknown.empty() ? unknown_passing : result.unknown};
  if (result.is_record && result.parts.empty()) return Unavailable{"an empty class is not returned at all"};
  const Classes classes = classify(result);
  if (classes.in_memory || count(classes, Part::sse) != 0)
    return Unavailable{"it is returned in a floating-point register, which a probe is not given"};
  constexpr uint32_t registers[] = {pt_regs::ax, pt_regs::dx};
  return in_registers(result, std::span(registers).first(classes.words.size()));
}

}  // namespace

CallPlaces call_places(const PassedValue* result, std::span<const PassedValue> arguments) {
  CallPlaces places;
  Placing placing;
  if (result != nullptr) {
    places.result = result_place(*result);
    const Hidden hidden = hidden_address(*result);
    if (hidden == Hidden::yes) placing.hidden_address();
    if (hidden == Hidden::unknown) placing.place({.passing = Passing::unknown});
  } else {
    places.result = Unavailable{"the function returns nothing"};
  }
  for (const PassedValue& argument : arguments) places.arguments.push_back(placing.place(argument));
  return places;
}

}  // namespace zeektrace
