// The arguments that functions of programs and libraries offer: the registers as they are, and what debug information
// makes of them.
#include <fmt/format.h>

#include <set>

#include "probes/argument_use.h"
#include "probes/cxx_name.h"
#include "probes/dwarf_arguments.h"
#include "probes/dwarf_lines.h"
#include "probes/elf_file.h"
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

namespace {

// Go's own convention (src/cmd/compile/abi-internal.md of Go 1.17); before it, and in functions written for it, all
// arguments lie on the stack, behind the return address, and so do the results, where only the signature says.
std::vector<Field> go_argument_fields(bool in_registers) {
  std::vector<Field> fields;
  for (size_t i = 0; i < pt_regs::go_args.size(); i++) {
    Location where = ContextOffset{pt_regs::go_args[i]};
    if (!in_registers) where = UserMemory{pt_regs::sp, {static_cast<int64_t>(8 + 8 * i)}};
    fields.push_back({fmt::format("arg{}", i), Type::integer(8, false), std::move(where)});
  }
  return fields;
}

// Null for what is not Go's. Of a binary with C code in it, that has a frame description, which Go's has not.
const GoBuild* go_code(Machine& machine, const AttachPoint& point) {
  const auto code = machine.inside().code(point.target);
  if (!code || (*code)->go() == nullptr) return nullptr;
  const auto address = (*code)->binary().address_at(point.offset);
  return address && (*code)->frames().covering(*address) != nullptr ? nullptr : (*code)->go();
}

bool in_registers(const GoBuild& go, const AttachPoint& point) {
  return go.registers && !point.symbol.ends_with(".abi0");
}

}  // namespace

Fields uprobe_fields(Machine& machine, const AttachPoint& point) {
  const GoBuild* go = go_code(machine, point);
  return go == nullptr ? function_argument_fields() : go_argument_fields(in_registers(*go, point));
}

Fields uretprobe_fields(Machine& machine, const AttachPoint& point) {
  Field result = return_value_field();
  const GoBuild* go = go_code(machine, point);
  result.has_description = go == nullptr;
  if (go != nullptr && !in_registers(*go, point))
    result.where = Unavailable{"this function returns its results on the stack, and where depends on its signature"};
  return std::vector<Field>{result};
}

Fields uprobe_described_fields(Machine& machine, const AttachPoint& point) {
  const DescribedPlace place = find_described(machine, point);
  if (place.known == nullptr) return std::vector<Field>{no_named_arguments(place.why_not)};
  const auto code = machine.inside().code(point.target);
  const auto not_passed_there = [&](uint64_t entry, const Field& field) -> std::optional<Unavailable> {
    return code ? not_passed(**code, entry, field) : Unavailable{"the function's code can't be read"};
  };
  return named_arguments(*place.known->file, *place.known->types, place.address, point.symbol, not_passed_there);
}

Fields uretprobe_described_fields(Machine& machine, const AttachPoint& point) {
  std::vector<Field> fields = {no_named_arguments(
      "arguments are gone when a function returns; keep what you need in a map when it is entered, such as "
      "@x[tid] = args.NAME in a uprobe")};
  const DescribedPlace place = find_described(machine, point);
  if (place.known == nullptr || go_code(machine, point) != nullptr) return fields;
  auto result = typed_result(*place.known->file, *place.known->types, place.address, point.symbol);
  if (result) fields.push_back(*std::move(result));
  return fields;
}

std::string inlined_remark(Machine& machine, const AttachPoint& point) {
  const DescribedPlace place = find_described(machine, point);
  const uint32_t copies = place.known == nullptr ? 0 : inlined_copies(*place.known->file, place.address);
  if (copies == 0) return "";
  return fmt::format("inlined in {} {}, where the probe does not see it", copies, copies == 1 ? "place" : "places");
}

namespace {

bool has_plain_debug_information(const std::string& path) {
  GElf_Shdr header;
  const auto file = ElfFile::open(path, path);
  return file && file->section(".debug_info", header) != nullptr && (header.sh_flags & SHF_COMPRESSED) == 0;
}

}  // namespace

void note_inlined(Machine& machine, const Program& program) {
  constexpr size_t most_looked_at = 8;
  std::set<std::pair<std::string, uint64_t>> seen;
  Demangler demangler;
  for (const Probe& probe : program.probes) {
    for (const AttachPoint& point : probe.points) {
      if (point.provider->types != uprobe_types || !seen.emplace(point.target, point.offset).second) continue;
      if (seen.size() > most_looked_at) return;
      if (!has_plain_debug_information(point.target)) continue;
      const DescribedPlace place = find_described(machine, point);
      const uint32_t copies = place.known == nullptr ? 0 : inlined_copies_nearby(*place.known->file, place.address);
      if (copies == 0) continue;
      const std::string_view plain = demangler.demangle(point.symbol);
      machine.inside().note(fmt::format("{} is inlined in {} {} of its own source, where the probe does not see it (-lv counts those of "
                                        "other sources, too)",
                                        plain.empty() ? point.symbol : plain, copies, copies == 1 ? "place" : "places"));
    }
  }
}

Records* uprobe_types(Machine& machine, const AttachPoint& point) {
  const DescribedPlace place = find_described(machine, point);
  return place.known == nullptr ? nullptr : place.known->types.get();
}

}  // namespace zeektrace
