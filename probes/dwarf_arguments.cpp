#include "probes/dwarf_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "probes/calling_convention.h"
#include "probes/dwarf_function.h"
#include "probes/dwarf_location.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

constexpr std::string_view prefix = "args.";

// Above the return address, where the caller's stack arguments begin (AMD64 psABI 1.0, §3.2.2).
constexpr ExpressionContext::Frame frame_at_entry = {pt_regs::sp, 8};

bool frame_base_is_canonical(Dwarf_Die function, uint64_t address) {
  auto base = own_attribute(function, DW_AT_frame_base);
  if (!base) return false;
  const auto found = expression_at(*base, address);
  return found.operations.size() == 1 && found.operations[0].atom == DW_OP_call_frame_cfa;
}

// At the entry only a frame base that is the canonical frame address can be told: registers are not set up yet.
ExpressionContext context_at_entry(const DescribedFunction& function) {
  ExpressionContext context;
  context.canonical_frame_address = frame_at_entry;
  if (frame_base_is_canonical(function.die, function.entry)) context.frame_base = frame_at_entry;
  return context;
}

ExpressionContext context_inside(DwarfFile& file, Dwarf_Die function, uint64_t address) {
  ExpressionContext context;
  if (auto frame = file.canonical_frame_address(address))
    if (auto at = context_offset_of_register(frame->reg))
      context.canonical_frame_address = ExpressionContext::Frame{*at, frame->offset};
  auto base = own_attribute(function, DW_AT_frame_base);
  if (!base) return context;
  const auto found = expression_at(*base, address);
  if (found.operations.size() != 1) return context;
  const Dwarf_Op& operation = found.operations[0];
  if (operation.atom == DW_OP_call_frame_cfa) context.frame_base = context.canonical_frame_address;
  if (operation.atom >= DW_OP_reg0 && operation.atom <= DW_OP_reg31)
    if (auto at = context_offset_of_register(operation.atom - unsigned{DW_OP_reg0}))
      context.frame_base = ExpressionContext::Frame{*at, 0};
  return context;
}

bool is_argument_register(const Location& place) {
  auto* at = std::get_if<ContextOffset>(&place);
  return at != nullptr && std::ranges::count(pt_regs::function_args, at->offset) != 0;
}

bool is_unavailable(const Location& place) { return std::holds_alternative<Unavailable>(place); }

// What holds for the whole function, of a function whose calling convention is not known: an argument register that it
// keeps, or the caller's part of the stack.
Location whole_place_at_entry(const Location& place, const std::string& convention_broken) {
  auto* memory = std::get_if<UserMemory>(&place);
  const bool by_caller = memory != nullptr && memory->context_offset == pt_regs::sp && memory->adds[0] >= 8;
  if (by_caller || is_argument_register(place)) return place;
  return Unavailable{convention_broken};
}

Location place_at_entry(const DescribedFunction& function, const Parameter& parameter, const ExpressionContext& context,
                        const Location& by_convention, bool is_record, uint32_t size) {
  const bool keeps_convention = function.convention_broken.empty();
  auto attribute = parameter.placed ? own_attribute(*parameter.placed, DW_AT_location) : std::nullopt;
  if (!attribute) {
    // Who knows all callers may let them leave out what nobody reads.
    if (keeps_convention && !function.is_local) return by_convention;
    const bool constant = parameter.placed && own_attribute(*parameter.placed, DW_AT_const_value);
    return Unavailable{constant ? "it is optimised out: here it is always the same" : "it is optimised out"};
  }
  const auto found = expression_at(*attribute, function.entry);
  const Location place = place_of_expression(found.operations, context, is_record, size);
  if (found.from_list && !is_unavailable(place)) return place;
  if (keeps_convention) return by_convention;
  if (is_unavailable(place)) return Unavailable{function.convention_broken};
  return whole_place_at_entry(place, function.convention_broken);
}

// "x", and "x_0", "x_1" … where several share the name (a parameter pack's elements; GCC calls them "x#0").
std::vector<std::string> names_of(const std::vector<Dwarf_Die>& variables) {
  std::vector<std::string> names;
  for (const Dwarf_Die& die : variables) {
    std::string name(name_of(die));
    std::ranges::replace(name, '#', '_');
    names.push_back(std::move(name));
  }
  std::multiset<std::string> all(names.begin(), names.end());
  std::multiset<std::string> given;
  for (std::string& name : names) {
    if (name.empty() || all.count(name) < 2) continue;
    const size_t number = given.count(name);
    given.insert(name);
    name += fmt::format("_{}", number);
  }
  return names;
}

Field make_field(const std::string& name, const DescribedType& described, Location place) {
  if (!described.unavailable.empty() && !is_unavailable(place)) place = Unavailable{described.unavailable};
  return {std::string(prefix) + name, described.type, std::move(place)};
}

DescribedType described_type(DwarfTypes& types, Dwarf_Die variable) {
  auto type = type_of(variable);
  return type ? types.describe(*type) : DescribedType{{}, "it has no type in the debug information"};
}

PassedValue passed_value(DwarfTypes& types, Dwarf_Die variable) {
  if (auto type = type_of(variable)) return types.passed(*type);
  PassedValue value;
  value.unknown = "it has no type in the debug information";
  return value;
}

// Unoptimised code keeps the address of what is passed by reference, and says so.
bool is_kept_by_address(const Parameter& parameter, uint64_t address) {
  auto attribute = parameter.placed ? own_attribute(*parameter.placed, DW_AT_location) : std::nullopt;
  if (!attribute) return false;
  const auto found = expression_at(*attribute, address);
  return !found.from_list && found.operations.size() == 2 && found.operations[0].atom == DW_OP_fbreg &&
         found.operations[1].atom == DW_OP_deref;
}

PassedValue passed_parameter(DwarfTypes& types, const DescribedFunction& function, const Parameter& parameter) {
  PassedValue value = passed_value(types, parameter.declared);
  const bool is_known = value.unknown.empty() && value.passing != PassedValue::Passing::unknown;
  if (!is_known && value.is_record && is_kept_by_address(parameter, function.entry))
    value.passing = PassedValue::Passing::by_reference;
  return value;
}

CallPlaces conventional_places(DwarfTypes& types, const DescribedFunction& function) {
  std::vector<PassedValue> arguments;
  for (const Parameter& parameter : function.parameters)
    arguments.push_back(passed_parameter(types, function, parameter));
  auto returned = type_of(function.die);
  if (!returned && function.result_unknown.empty()) return call_places(nullptr, arguments);
  PassedValue result;
  if (returned) result = types.passed(*returned);
  if (!returned) result.unknown = function.result_unknown;
  return call_places(&result, arguments);
}

std::vector<Field> fields_at_entry(DwarfTypes& types, const DescribedFunction& function) {
  const CallPlaces by_convention = conventional_places(types, function);
  const ExpressionContext context = context_at_entry(function);
  std::vector<Dwarf_Die> declared;
  for (const Parameter& parameter : function.parameters) declared.push_back(parameter.declared);
  const auto names = names_of(declared);
  std::vector<Field> fields;
  for (size_t i = 0; i < names.size(); i++) {
    if (names[i].empty()) continue;
    const DescribedType described = described_type(types, declared[i]);
    fields.push_back(make_field(names[i], described,
                                place_at_entry(function, function.parameters[i], context, by_convention.arguments[i],
                                               described.type.is_record(), described.type.size)));
  }
  return fields;
}

// ---- inside of a function ----

// The innermost function whose code the address is, inlined ones included, and its blocks around the address.
std::vector<Dwarf_Die> blocks_around(Dwarf_Die function, uint64_t address) {
  std::vector<Dwarf_Die> blocks = {function};
  for (bool deeper = true; deeper;) {
    deeper = false;
    std::optional<Dwarf_Die> inner;
    for_each_child(blocks.back(), [&](Dwarf_Die child) {
      const int tag = tag_of(child);
      const bool is_block = tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_try_block ||
                            tag == DW_TAG_catch_block;
      if (!inner && is_block && holds_address(child, address)) inner = child;
    });
    if (!inner) break;
    if (tag_of(*inner) == DW_TAG_inlined_subroutine) blocks.clear();
    blocks.push_back(*inner);
    deeper = true;
  }
  return blocks;
}

std::vector<Dwarf_Die> variables_around(Dwarf_Die function, uint64_t address) {
  std::vector<Dwarf_Die> found;
  auto blocks = blocks_around(function, address);
  std::ranges::reverse(blocks);
  for (const Dwarf_Die& block : blocks) {
    // An inner variable hides an outer one.
    std::set<std::string_view> hidden;
    for (const Dwarf_Die& die : found) hidden.insert(name_of(die));
    auto take = [&](Dwarf_Die die) {
      if (!name_of(die).empty() && !hidden.contains(name_of(die))) found.push_back(die);
    };
    for (const Dwarf_Die& die : parameters_in(block)) take(die);
    for_each_child(block, [&](Dwarf_Die child) {
      if (tag_of(child) == DW_TAG_variable) take(child);
    });
  }
  return found;
}

Location place_inside(Dwarf_Die variable, const ExpressionContext& context, uint64_t address, bool in_prologue,
                      const DescribedType& described) {
  auto attribute = own_attribute(variable, DW_AT_location);
  if (!attribute) return Unavailable{"it is optimised out"};
  const auto found = expression_at(*attribute, address);
  if (!found.from_list && in_prologue) return Unavailable{"the function has not set up its frame here"};
  return place_of_expression(found.operations, context, described.type.is_record(), described.type.size);
}

bool is_parameter_of(const DescribedFunction& function, Dwarf_Die variable) {
  return std::ranges::any_of(function.parameters, [&](const Parameter& each) {
    return each.placed && each.placed->addr == variable.addr;
  });
}

std::vector<Field> fields_inside(DwarfFile& file, DwarfTypes& types, const DescribedFunction& function,
                                 uint64_t address, const std::vector<Field>& never_passed) {
  const ExpressionContext context = context_inside(file, function.die, address);
  Dwarf_Die die = function.die;
  Dwarf_Addr end = 0;
  if (dwarf_highpc(&die, &end) != 0) end = address + 1;
  const bool in_prologue = address > function.entry && address < end && address < prologue_end(file, function.entry, end);
  const auto variables = variables_around(function.die, address);
  const auto names = names_of(variables);
  std::vector<Field> fields;
  for (size_t i = 0; i < names.size(); i++) {
    const DescribedType described = described_type(types, variables[i]);
    fields.push_back(
        make_field(names[i], described, place_inside(variables[i], context, address, in_prologue, described)));
    const auto never = std::ranges::find(never_passed, fields.back().name, &Field::name);
    if (never != never_passed.end() && is_parameter_of(function, variables[i])) fields.back().where = never->where;
  }
  return fields;
}

}  // namespace

Field no_named_arguments(std::string why) { return {std::string(all_named_arguments), Type(), Unavailable{std::move(why)}}; }

std::vector<Field> named_arguments(DwarfFile& file, DwarfTypes& types, uint64_t address, std::string_view symbol,
                                   const NotPassed& not_passed) {
  auto function = describe_function(file, address, symbol);
  if (!function) return {no_named_arguments(function.error().message)};
  std::vector<Field> fields = fields_at_entry(types, *function);
  std::vector<Field> never_passed;
  for (Field& field : fields) {
    if (!function->by_clang || is_unavailable(field.where)) continue;
    auto why = not_passed(function->entry, field);
    if (!why) continue;
    field.where = *std::move(why);
    never_passed.push_back(field);
  }
  return address == function->entry ? fields : fields_inside(file, types, *function, address, never_passed);
}

std::optional<Field> typed_result(DwarfFile& file, DwarfTypes& types, uint64_t entry, std::string_view symbol) {
  auto function = describe_function(file, entry, symbol);
  if (!function || !function->is_c_family) return std::nullopt;
  Field field{"retval", Type(), Unavailable{function->convention_broken}};
  auto returned = type_of(function->die);
  const DescribedType described = returned ? types.describe(*returned) : DescribedType{};
  field.type = described.type;
  if (!function->convention_broken.empty()) return field;
  field.where = conventional_places(types, *function).result;
  if (!described.unavailable.empty()) field.where = Unavailable{described.unavailable};
  return field;
}

}  // namespace zeektrace
