// The arguments that functions of programs and libraries offer: the registers as they are, and what debug information
// makes of them.
#include <fmt/format.h>

#include "probes/dwarf_arguments.h"
#include "probes/inside.h"
#include "probes/providers.h"
#include "probes/registers.h"

namespace zeektrace {

namespace {

// The place in the binary, and what is known of it; nothing when it is not known.
struct DescribedPlace {
  Machine::Inside::DebugInformation* known = nullptr;
  uint64_t address = 0;
  std::string why_not;
};

DescribedPlace find_described(Machine& machine, const AttachPoint& point) {
  auto& inside = machine.inside();
  auto known = inside.debug_information(point.target, point.target);
  if (!known) {
    std::string why = known.error().message;
    if (!known.error().hint.empty()) why += "; " + known.error().hint;
    return {nullptr, 0, why};
  }
  auto address = (*known)->file->address_of(point.offset);
  if (!address) return {nullptr, 0, "the place is not in the binary's code"};
  return {*known, *address, ""};
}

}  // namespace

std::vector<Field> function_argument_fields() {
  std::vector<Field> fields;
  for (size_t i = 0; i < pt_regs::function_args.size(); i++)
    fields.push_back(
        {fmt::format("arg{}", i), Type::integer(8, false), ContextOffset{pt_regs::function_args[i]}});
  return fields;
}

Field return_value_field() { return {"retval", Type::integer(8, true), ContextOffset{pt_regs::ax}}; }

Fields uprobe_fields(Machine&, const AttachPoint&) { return function_argument_fields(); }

Fields uretprobe_fields(Machine&, const AttachPoint&) {
  Field result = return_value_field();
  result.has_description = true;
  return std::vector<Field>{result};
}

Fields uprobe_described_fields(Machine& machine, const AttachPoint& point) {
  const DescribedPlace place = find_described(machine, point);
  if (place.known == nullptr) return std::vector<Field>{no_named_arguments(place.why_not)};
  return named_arguments(*place.known->file, *place.known->types, place.address, point.symbol);
}

Fields uretprobe_described_fields(Machine& machine, const AttachPoint& point) {
  std::vector<Field> fields = {no_named_arguments(
      "arguments are gone when a function returns; keep what you need in a map when it is entered, such as "
      "@x[tid] = args.NAME in a uprobe")};
  const DescribedPlace place = find_described(machine, point);
  if (place.known == nullptr) return fields;
  auto result = typed_result(*place.known->file, *place.known->types, place.address, point.symbol);
  if (result) fields.push_back(*std::move(result));
  return fields;
}

Records* uprobe_types(Machine& machine, const AttachPoint& point) {
  const DescribedPlace place = find_described(machine, point);
  return place.known == nullptr ? nullptr : place.known->types.get();
}

}  // namespace zeektrace
