#include "probes/zeek/layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "probes/machine.h"
#include "probes/zeek/layout_dwarf.h"
#include "probes/zeek/layout_text.h"
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
    if (row.key != "EventHandler::Call" && row.key != "Event::Dispatch") continue;
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
  const std::string build = identity.build_id.empty() ? "" : fmt::format(", for build-id {}", identity.build_id);
  return Error{Error::Kind::machine,
               fmt::format("{} is Zeek {}, of which it is not known how its classes are laid out", shown, identity.release),
               fmt::format("known are {}, and any build with debug information; an entry of your own is made by `zeektrace zeek "
                           "layout` from such a build{}",
                           supported_zeek_releases(), build),
               nullptr};
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

namespace {

// What the binary says of itself, and nothing of its classes.
Result<ZeekLayout> begun_layout(const std::string& path, std::string_view shown, ZeekIdentity& zeek) {
  auto symbols = read_zeek_symbols(path, shown);
  if (!symbols) return symbols.error();
  auto identity = identity_in(*symbols, shown);
  if (!identity) return identity.error();
  if (!*identity) return Error{Error::Kind::script, fmt::format("{} is no Zeek", shown), "", nullptr};
  zeek = **identity;
  if (const std::string why = contradiction(zeek, *symbols); !why.empty())
    return Error{Error::Kind::machine, fmt::format("{} says that it is Zeek {}, but {}", shown, zeek.release, why),
                 "its classes are laid out in a way that is not known", nullptr};
  ZeekLayout layout{zeek.release, zeek.number, "", zeek.build_id, {}, {}, symbols->code_start};
  layout.globals = globals_of(zeek.number, *symbols);
  return layout;
}

// Nothing that can be read without these.
constexpr std::string_view needed[] = {"CallInfo.size", "Frame.function", "Func.name", "EventHandler.name", "Location.filename"};

Status take_described(ZeekLayout& layout, const std::string& path, std::string_view shown) {
  auto dwarf = DwarfFile::open(path, shown);
  if (!dwarf) return dwarf.error();
  std::set<std::string_view> members;
  for (const ZeekMember& row : zeek_members()) members.insert(row.name);
  layout.members = described_offsets(**dwarf, members);
  for (const std::string_view member : needed)
    if (!layout.offset(member))
      return Error{Error::Kind::script, fmt::format("the debug information of {} does not describe Zeek's classes ({})", shown, member),
                   "", nullptr};
  layout.source = "its debug information";
  return Nothing{};
}

// The classes of which nothing is known yet.
void add_from_table(ZeekLayout& layout) {
  std::set<std::string, std::less<>> known;
  for (const auto& [name, offset] : layout.members) known.insert(name.substr(0, name.rfind('.')));
  for (const ZeekMember& row : zeek_members())
    if (holds(row, layout.number) && !known.contains(row.name.substr(0, row.name.rfind('.'))))
      layout.members.emplace(row.name, row.offset);
}

Status take_entry(ZeekLayout& layout, ZeekLayoutEntry entry, std::string_view shown) {
  if (entry.release != layout.release)
    return Error{Error::Kind::machine,
                 fmt::format("{} is an entry for Zeek {}, and {}, whose build id it names, is Zeek {}", entry.file, entry.release,
                             shown, layout.release), "", nullptr};
  layout.members = std::move(entry.members);
  layout.source = entry.file;
  return Nothing{};
}

}  // namespace

Result<ZeekLayout> described_zeek_layout(const std::string& path, std::string_view shown) {
  ZeekIdentity zeek;
  auto layout = begun_layout(path, shown, zeek);
  if (!layout) return layout.error();
  if (auto status = take_described(*layout, path, shown); !status) return status.error();
  return layout;
}

Result<ZeekLayout> zeek_layout(Machine& machine, const std::string& path, std::string_view shown) {
  ZeekIdentity zeek;
  auto layout = begun_layout(path, shown, zeek);
  if (!layout) return layout.error();
  const std::string& own = machine.settings().zeek_layouts;
  if (!own.empty() && !zeek.build_id.empty()) {
    auto entry = find_zeek_layout(own, zeek.build_id);
    if (!entry) return entry.error();
    if (*entry) {
      if (auto status = take_entry(*layout, **std::move(entry), shown); !status) return status.error();
      return layout;
    }
  }
  const bool described = static_cast<bool>(take_described(*layout, path, shown));
  if (!described && !in_table(zeek)) return not_supported(zeek, shown);
  if (!described) layout->source = "the table of releases", layout->members.clear();
  if (in_table(zeek)) add_from_table(*layout);
  return layout;
}

}  // namespace zeektrace
