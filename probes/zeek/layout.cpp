#include "probes/zeek/layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "probes/machine.h"
#include "probes/zeek/symbols.h"

namespace zeektrace {
namespace {

template <class Row>
bool holds(const Row& row, ZeekRelease release) {
  return row.since <= release && release < row.before;
}

std::string spelled(ZeekRelease release) { return fmt::format("{}.{}", release / 10000, release / 100 % 100); }

bool in_table(const ZeekIdentity& identity) {
  return !identity.development &&
         std::ranges::any_of(zeek_members(), [&](const ZeekMember& row) { return holds(row, identity.number); });
}

// What the table says must be there in this release, and is not; or must not be, and is. "" when all is as it should be:
// a Zeek whose release was edited, or that was changed at home, is found out here.
std::string contradiction(const ZeekIdentity& identity, const ZeekSymbols& symbols) {
  for (const ZeekFunction& row : zeek_functions()) {
    if (row.key != "EventHandler::Call") continue;
    const bool there = symbols.addresses.contains(row.symbol);
    if (there != holds(row, identity.number))
      return fmt::format("{} {}", there ? "it has a function that this release does not have:" : "it lacks", row.symbol);
  }
  for (const ZeekGlobal& row : zeek_globals()) {
    if (row.key != "call_stack" && row.key != "frame_stack") continue;
    const bool there = symbols.addresses.contains(row.symbol);
    if (there != holds(row, identity.number))
      return fmt::format("{} {}", there ? "it has a variable that this release does not have:" : "it lacks", row.symbol);
  }
  return "";
}

Error not_supported(const ZeekIdentity& identity, std::string_view shown) {
  return Error{Error::Kind::machine,
               fmt::format("{} is Zeek {}, of which it is not known how its classes are laid out", shown, identity.release),
               fmt::format("known are {}, and any build with debug information", supported_zeek_releases()), nullptr};
}

std::map<std::string, uint64_t, std::less<>> globals_of(ZeekRelease release, const ZeekSymbols& symbols) {
  std::map<std::string, uint64_t, std::less<>> globals;
  for (const ZeekGlobal& row : zeek_globals()) {
    const auto found = symbols.addresses.find(row.symbol);
    if (holds(row, release) && found != symbols.addresses.end()) globals.emplace(row.key, found->second);
  }
  return globals;
}

}  // namespace

std::optional<uint32_t> ZeekLayout::offset(std::string_view member) const {
  const auto found = members.find(member);
  return found == members.end() ? std::nullopt : std::optional(found->second);
}

std::optional<uint64_t> ZeekLayout::global(std::string_view key) const {
  const auto found = globals.find(key);
  return found == globals.end() ? std::nullopt : std::optional(found->second);
}

std::vector<const ZeekFunction*> ZeekLayout::functions(std::string_view key) const {
  std::vector<const ZeekFunction*> found;
  for (const ZeekFunction& row : zeek_functions())
    if (row.key == key && holds(row, number)) found.push_back(&row);
  return found;
}

std::string supported_zeek_releases() {
  ZeekRelease first = ~ZeekRelease{0}, last = 0;
  for (const ZeekMember& row : zeek_members()) {
    first = std::min(first, row.since);
    last = std::max(last, row.before);
  }
  return fmt::format("Zeek {} to {}", spelled(first), spelled(last - 1));
}

Result<ZeekLayout> zeek_layout(Machine&, const std::string& path, std::string_view shown) {
  auto symbols = read_zeek_symbols(path, shown);
  if (!symbols) return symbols.error();
  auto identity = identity_in(*symbols, shown);
  if (!identity) return identity.error();
  if (!*identity) return Error{Error::Kind::script, fmt::format("{} is no Zeek", shown), "", nullptr};
  const ZeekIdentity& zeek = **identity;
  if (!in_table(zeek)) return not_supported(zeek, shown);
  if (const std::string why = contradiction(zeek, *symbols); !why.empty())
    return Error{Error::Kind::machine, fmt::format("{} says that it is Zeek {}, but {}", shown, zeek.release, why),
                 "its classes are laid out in a way that is not known", nullptr};
  ZeekLayout layout{zeek.release, zeek.number, "the table of releases", zeek.build_id, {}, {}, symbols->code_start};
  for (const ZeekMember& row : zeek_members())
    if (holds(row, zeek.number)) layout.members.emplace(row.name, row.offset);
  layout.globals = globals_of(zeek.number, *symbols);
  return layout;
}

}  // namespace zeektrace
