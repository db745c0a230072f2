// How Zeek's classes are laid out and which functions probes stand on, release by release: the one table of it. Nothing
// outside of this directory knows an offset or a mangled name of Zeek's. Offsets come from an entry that the user has made
// for the binary (layout_text.h), else from its own debug information, else from the table, which is chosen by the release
// that the binary itself names; a release that none of them has is refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/program.h"
#include "parser/result.h"

namespace zeektrace {

class Machine;

// 8.2.2 → 80202: as ZEEK_VERSION_NUMBER counts.
using ZeekRelease = uint32_t;
constexpr ZeekRelease zeek_release(uint32_t major, uint32_t minor, uint32_t patch = 0) {
  return major * 10000 + minor * 100 + patch;
}

// A function that a probe stands on, in the releases that have it so.
struct ZeekFunction {
  // Where a thing is when the function is entered: the nth integer argument (a hidden pointer to the result is one, too),
  // or the word that this argument points to.
  struct Word {
    std::string_view thing;  // "handler", "func", "args", "frame", "packet" …
    uint32_t argument = 0;
    bool pointed_to = false;
  };
  std::string_view key;     // "EventHandler::Call"
  ZeekRelease since = 0;
  ZeekRelease before = 0;   // the first release that has it otherwise
  std::string_view symbol;  // as find_functions() takes it: a mangled name, or a glob of mangled names
  std::vector<Word> words;
  bool calls_itself_last = false;  // see AttachPoint

  std::optional<Location> where(std::string_view thing) const;
};

struct ZeekLayout {
  std::string release;         // "8.2.2", as the binary names itself
  ZeekRelease number = 0;
  std::string source;          // for -v: "its debug information", "the table of releases"
  std::string build_id;        // in hexadecimal digits; "" when it has none
  std::map<std::string, uint32_t, std::less<>> members;
  std::map<std::string, uint64_t, std::less<>> globals;  // by key: addresses as the file has them
  uint64_t code_start = 0;  // address of the first executable segment, as the file has it

  // "EventHandler.type" → 40, "CallInfo.size" → sizeof(CallInfo), "TypeTag.TYPE_STRING" → 7. Names of classes are without
  // "zeek::" and "detail::" ("trigger::Trigger", "logging::Manager::Stream"). Nothing: this release has no such member, or
  // it is not known.
  std::optional<uint32_t> offset(std::string_view member) const;
  // Address of a global as the file has it ("event_registry", "log_mgr"): zeek_globals() has the keys. Nothing: this
  // binary has no such symbol.
  std::optional<uint64_t> global(std::string_view key) const;
  // All that go by this key in this release; overloads are rows of their own. Empty: this release has none.
  std::vector<const ZeekFunction*> functions(std::string_view key) const;
};

// What a binary says of itself.
struct ZeekIdentity {
  std::string release;
  ZeekRelease number = 0;
  bool development = false;  // between two releases ("8.1.0-dev.12"): no table has it
  std::string build_id;
};
// Nothing when the file is no Zeek; an Error when it is one that contradicts itself.
Result<std::optional<ZeekIdentity>> zeek_identity(const std::string& path, std::string_view shown);

// An Error that names the supported releases when it is not known how this one is laid out.
Result<ZeekLayout> zeek_layout(Machine& machine, const std::string& path, std::string_view shown);
// By debug information alone, for an entry of one's own; an Error when there is none.
Result<ZeekLayout> described_zeek_layout(const std::string& path, std::string_view shown);

// "Zeek 5.2 to 8.2": what the table has, for messages.
std::string supported_zeek_releases();

// The table, for tests and for reading debug information by.
struct ZeekMember {
  std::string_view name;  // "EventHandler.type"
  ZeekRelease since = 0;
  ZeekRelease before = 0;
  uint32_t offset = 0;
};
// A global variable (or a class's virtual table).
struct ZeekGlobal {
  std::string_view key;
  ZeekRelease since = 0;
  ZeekRelease before = 0;
  std::string_view symbol;  // mangled
};
std::span<const ZeekMember> zeek_members();
std::span<const ZeekGlobal> zeek_globals();
std::span<const ZeekFunction> zeek_functions();

}  // namespace zeektrace
