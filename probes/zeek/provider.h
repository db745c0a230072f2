// zeek: and zeekret: probes on what a running Zeek does, by the names that its scripts have. Each kind of probe is a row: the
// function of Zeek's that it stands on (probes/zeek/layout.h), the object there whose name is compared with the script's, and
// what can be read of it. The rest is uprobes as everywhere: sites, exits, links.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/providers.h"
#include "probes/zeek/layout.h"
#include "probes/zeek/types.h"

namespace zeektrace {

struct ZeekBinary;

// A word that is reached from a thing at hand: through members of Zeek's classes, by name ("Func.name"), and through plain
// offsets ("-8").
struct ZeekPath {
  std::string_view thing;
  std::vector<std::string_view> members;
};

// What a script can read in such a probe.
struct ZeekDatum {
  std::string_view name;  // as Field::name
  Type type;              // of a text: what the path leads to is the address of its characters
  ZeekPath from;
  bool at_return = false;  // can be told of a call that returns, too
  std::string_view not_at_entry = "";  // why it can be told of that alone
  std::optional<Type> kept_as = std::nullopt;  // what the path leads to, of what a builtin of its own reads: event, conn_uid
};

// What is called with arguments that scripts declare.
struct ZeekSignature {
  ZeekCallable what = ZeekCallable::event;
  ZeekPath arguments;                       // to the word that points to the zeek::Args
  std::vector<std::string_view> declared;   // from the probe's object to the record of the parameters
};

struct ZeekProbe {
  std::string_view kind;      // "event", as in zeek:event:NAME
  std::string_view function;  // key of ZeekLayout::functions; "": those of the allocator
  std::string_view name;      // what NAME stands for: "handler", "function"; "": there is none
  ZeekPath object;            // whose name it is
  std::vector<std::string_view> text;  // from the object to the characters of its name
  // From the object to a number that tells what it is, and that number.
  std::vector<std::string_view> what;
  uint64_t is = 0;
  std::vector<ZeekDatum> data;
  std::string_view doc;
  bool is_passing = false;  // its objects come and go (NameFilter)
  std::optional<ZeekSignature> signature = std::nullopt;
};
std::span<const ZeekProbe> zeek_probes();

// What -l says of a row when no name is asked for: a line for each kind.
std::vector<Listed> zeek_kinds(const Provider& row);

// What a glob such as "event:dns_*" means in the Zeeks that run, each as "event:NAME". Nothing when they can't be asked: it is no
// glob of names that scripts declare, none runs, or none has read its scripts.
std::optional<std::vector<std::string>> declared_zeek_names(Machine& machine, std::string_view target);

// Of the two kinds that stand on the allocator, the one that gives.
constexpr std::string_view zeek_probe_of_allocation = "alloc";
// Its object is a frame; which body runs on it is followed from call to call.
constexpr std::string_view zeek_probe_of_bodies = "body";

// The row and the function that a point was made of; both last.
struct ZeekOrigin {
  const ZeekProbe* row = nullptr;
  const ZeekFunction* function = nullptr;
  const ZeekBinary* zeek = nullptr;
};
Result<ZeekOrigin> zeek_origin(Machine& machine, const AttachPoint& point);

// Processes of the binary that have scripts to ask about.
std::vector<ZeekTypes::Process> zeek_script_processes(Machine& machine, const ZeekBinary& zeek);

// "event:dns_*" in two.
struct ZeekTarget {
  std::string_view kind;
  std::string_view name;
};
ZeekTarget zeek_target(std::string_view text);

// Where a thing is when the function is entered, also one that takes more than a register: a log's "stream".
std::optional<Location> zeek_thing(const ZeekLayout& layout, const ZeekFunction& function, std::string_view thing);
// Behind what a Location gives, which is an address.
Location zeek_further(const Location& from, const std::vector<int64_t>& adds);
// The offsets of a path's members, or which one this release does not have.
Result<std::vector<int64_t>> zeek_offsets(const ZeekLayout& layout, std::span<const std::string_view> members);

}  // namespace zeektrace
