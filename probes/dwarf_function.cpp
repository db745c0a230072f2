#include "probes/dwarf_function.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace zeektrace {

namespace {

constexpr unsigned longest_chain = 8;  // of DW_AT_abstract_origin

// GCC and clang name by a dot what they have changed (.isra, .constprop, .part, .actor …). These suffixes only keep
// names apart: of LTO (lto/lto-partition.cc of GCC 13, ThinLTO's promoted locals) and of aliases within a unit.
constexpr std::string_view harmless_suffixes[] = {".lto_priv.", ".llvm.", ".localalias"};

std::string_view clone_suffix(std::string_view symbol) {
  const size_t dot = symbol.find('.', 1);
  if (dot == std::string_view::npos) return {};
  const std::string_view suffix = symbol.substr(dot);
  for (const std::string_view harmless : harmless_suffixes)
    if (suffix.starts_with(harmless)) return {};
  return suffix;
}

// Constructors and destructors: "C1", "C2", "D0" … name variants of one (Itanium C++ ABI, §5.1.4.3).
bool same_but_for_variant(std::string_view a, std::string_view b) {
  if (a == b) return true;
  if (a.size() != b.size()) return false;
  for (size_t i = 1; i < a.size(); i++) {
    if (a[i] == b[i]) continue;
    const bool variants = (a[i - 1] == 'C' || a[i - 1] == 'D') && a[i] >= '0' && a[i] <= '5' && b[i] >= '0' && b[i] <= '5';
    return variants && a.substr(i + 1) == b.substr(i + 1);
  }
  return true;
}

bool is_named(Dwarf_Die function, std::string_view symbol) {
  const std::string_view plain = symbol.substr(0, symbol.find('.', 1));
  const std::string_view linkage = linkage_name_of(function);
  if (!linkage.empty()) return same_but_for_variant(linkage.substr(0, linkage.find('.', 1)), plain);
  return name_of(function) == plain;
}

// Two C++ functions with the same code can be made one. The names of arguments would be those of the other.
bool is_other_function(Dwarf_Die function, std::string_view symbol) {
  const std::string_view linkage = linkage_name_of(function);
  return linkage.starts_with("_Z") && symbol.starts_with("_Z") && !is_named(function, symbol);
}

std::optional<unsigned> clang_release(Dwarf_Die unit) {
  auto attribute = own_attribute(unit, DW_AT_producer);
  const char* text = attribute ? dwarf_formstring(&*attribute) : nullptr;
  constexpr std::string_view words = "clang version ";
  const std::string_view producer = text == nullptr ? "" : text;
  const size_t at = producer.find(words);
  if (at == std::string_view::npos) return std::nullopt;
  unsigned release = 0;
  std::from_chars(producer.data() + at + words.size(), producer.data() + producer.size(), release);
  return release;
}

bool is_c_or_cxx(Dwarf_Die unit) {
  switch (dwarf_srclang(&unit)) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case DW_LANG_ObjC:
    case DW_LANG_ObjC_plus_plus: return true;
    default: return false;
  }
}

Dwarf_Die abstract_of(Dwarf_Die function) {
  for (unsigned i = 0; i < longest_chain; i++) {
    auto origin = own_attribute(function, DW_AT_abstract_origin);
    Dwarf_Die target;
    if (!origin || dwarf_formref_die(&*origin, &target) == nullptr) break;
    function = target;
  }
  return function;
}

size_t visible_parameters(const std::vector<Dwarf_Die>& parameters) {
  return static_cast<size_t>(
      std::ranges::count_if(parameters, [](Dwarf_Die die) { return !has_flag(die, DW_AT_artificial); }));
}

// GCC's common form of constructors and destructors takes a flag, which those that are compiled from it do not.
bool is_in_charge_flag(const Parameter& parameter) { return name_of(parameter.declared) == "__in_chrg"; }

// All parameters, as the abstract instance has them: a compiled one may lack those that were optimised out.
std::vector<Parameter> join_parameters(Dwarf_Die compiled, Dwarf_Die abstract) {
  const auto placed = parameters_in(compiled);
  std::vector<Parameter> all;
  if (compiled.addr == abstract.addr) {
    for (const Dwarf_Die& die : placed) all.push_back({die, die});
    return all;
  }
  for (const Dwarf_Die& die : parameters_in(abstract)) all.push_back({die, std::nullopt});
  for (const Dwarf_Die& die : placed) {
    const Dwarf_Die declared = abstract_of(die);
    auto known = std::ranges::find(all, declared.addr, [](const Parameter& each) { return each.declared.addr; });
    if (known != all.end())
      known->placed = die;
    else
      all.push_back({die, die});  // its type and place in the order are the compiled instance's own
  }
  return all;
}

std::string broken_convention(Dwarf_Die unit, const DescribedFunction& function, Dwarf_Die abstract,
                              std::string_view symbol) {
  if (const auto suffix = clone_suffix(symbol); !suffix.empty())
    return fmt::format("the compiler changed how this clone ({}) is called", suffix);
  if (!function.is_c_family) return "the function is not written in C or C++, whose calling convention is known";
  const auto how = number_of(function.die, DW_AT_calling_convention);
  if (how && *how != DW_CC_normal && *how != DW_CC_program)
    return "the compiler changed how this function is called";
  // Hidden arguments of constructors and destructors of classes with virtual bases: which variant gets them, the debug
  // information does not say.
  std::vector<Dwarf_Die> declared;
  for (const Parameter& parameter : function.parameters) declared.push_back(parameter.declared);
  for (size_t i = 1; i < declared.size(); i++)
    if (has_flag(declared[i], DW_AT_artificial)) return "the function has hidden arguments";
  auto declaration = reference_of(abstract, DW_AT_specification);
  if (declaration && visible_parameters(parameters_in(*declaration)) != visible_parameters(declared))
    return "the debug information names fewer arguments than the function has";
  // Before release 17 clang did not mark functions whose arguments it removed or replaced.
  if (auto release = clang_release(unit); release && *release < 17 && function.is_local)
    return "the compiler may have changed how this function is called";
  return "";
}

// A member function that is no destructor, and so may return something.
bool is_member_with_result(DwarfFile& file, Dwarf_Die function) {
  auto declaration = reference_of(function, DW_AT_specification);
  auto around = declaration ? file.enclosing(*declaration) : std::nullopt;
  return around && tag_of(*around) != DW_TAG_namespace && !name_of(function).starts_with("~");
}

}  // namespace

std::vector<Dwarf_Die> parameters_in(Dwarf_Die function) {
  std::vector<Dwarf_Die> found;
  for_each_child(function, [&](Dwarf_Die child) {
    if (tag_of(child) == DW_TAG_formal_parameter) found.push_back(child);
    if (tag_of(child) != DW_TAG_GNU_formal_parameter_pack) return;
    for_each_child(child, [&](Dwarf_Die element) {
      if (tag_of(element) == DW_TAG_formal_parameter) found.push_back(element);
    });
  });
  return found;
}

Result<DescribedFunction> describe_function(DwarfFile& file, uint64_t address, std::string_view symbol) {
  auto refused = [](std::string reason) { return Error{Error::Kind::script, std::move(reason), "", nullptr}; };
  auto unit = file.unit_at(address);
  std::optional<Dwarf_Die> die = file.function_at(address);
  const auto candidates = file.functions_at_entry(address);
  for (const Dwarf_Die& candidate : candidates)
    if (is_named(candidate, symbol)) die = candidate;
  if (!unit || !die) return refused(file.why_unknown(address));
  if (is_other_function(*die, symbol))
    return refused(fmt::format("this code is shared with {}, which is what the debug information describes",
                               linkage_name_of(*die)));
  DescribedFunction function;
  function.die = *die;
  const auto entry = entry_of(*die);
  if (!entry) return refused("the debug information does not say where this function begins");
  function.entry = *entry;
  const Dwarf_Die abstract = abstract_of(*die);
  function.parameters = join_parameters(*die, abstract);
  std::erase_if(function.parameters, is_in_charge_flag);
  function.is_c_family = is_c_or_cxx(*unit);
  if (file.has_type_units() && !type_of(*die) && is_member_with_result(file, abstract))
    function.result_unknown = "what a member function returns is not told beside it (-fdebug-types-section)";
  function.is_local = !has_flag(*die, DW_AT_external);
  function.by_clang = clang_release(*unit).has_value();
  function.convention_broken = broken_convention(*unit, function, abstract, symbol);
  return function;
}

uint64_t prologue_end(DwarfFile& file, uint64_t entry, uint64_t end) {
  auto unit = file.unit_at(entry);
  Dwarf_Lines* lines = nullptr;
  size_t count = 0;
  if (!unit || dwarf_getsrclines(&*unit, &lines, &count) != 0) return entry;
  uint64_t second = 0;
  for (size_t i = 0; i < count; i++) {
    Dwarf_Line* line = dwarf_onesrcline(lines, i);
    Dwarf_Addr at = 0;
    bool marked = false, is_end = false;
    if (dwarf_lineaddr(line, &at) != 0 || at < entry || at >= end) continue;
    if (dwarf_lineendsequence(line, &is_end) == 0 && is_end) continue;
    if (dwarf_lineprologueend(line, &marked) == 0 && marked) return at;
    if (at > entry && (second == 0 || at < second)) second = at;
  }
  return second == 0 ? entry : second;
}

}  // namespace zeektrace
