// The names that a Zeek's scripts declare: which a glob means, for -l; and which a script writes out in zeek: probes and that no
// script of a Zeek declares, or no class of it has. Such a probe would count nothing, and nothing would say why.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <set>

#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/zeek/memory.h"
#include "probes/zeek/provider.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {
namespace {

// Zeek's clock stands at 0 until all scripts have been read.
bool has_read_scripts(const ZeekBinary& zeek, pid_t pid) {
  const auto clock = zeek.layout.global("network_time");
  const auto bias = zeek_load_bias(zeek, pid);
  if (!clock || !bias) return false;
  ProcessMemory memory(pid);
  return memory.word(*clock + *bias) != 0 && memory.status();
}

struct Asked {
  std::vector<std::unique_ptr<ZeekTypes>> scripts;  // of each binary
  std::vector<pid_t> processes;
  // What they declare, once it was asked for; nothing when it can't be told.
  std::map<ZeekCallable, std::optional<std::set<std::string>>> names;
};

Asked zeeks_to_ask(Machine& machine) {
  Asked asked;
  const auto zeeks = zeek_binaries(machine);
  if (!zeeks) return asked;
  for (const ZeekBinary* zeek : *zeeks) {
    std::vector<ZeekTypes::Process> ready;
    for (const ZeekTypes::Process& process : zeek_script_processes(machine, *zeek)) {
      if (!has_read_scripts(*zeek, process.pid)) continue;
      ready.push_back(process);
      asked.processes.push_back(process.pid);
    }
    if (!ready.empty()) asked.scripts.push_back(std::make_unique<ZeekTypes>(zeek->layout, ready));
  }
  return asked;
}

const ZeekProbe* row_of(std::string_view kind) {
  const auto row = std::ranges::find(zeek_probes(), kind, &ZeekProbe::kind);
  return row == zeek_probes().end() ? nullptr : &*row;
}

// What scripts declare under the names of this kind; nothing: they don't.
std::optional<ZeekCallable> declared_as(const ZeekProbe& row) {
  if (row.signature) return row.signature->what;
  return row.name == "stream" ? std::optional(ZeekCallable::stream) : std::nullopt;
}

const std::optional<std::set<std::string>>& declared(Asked& asked, ZeekCallable what) {
  const auto [known, is_new] = asked.names.try_emplace(what, std::set<std::string>());
  std::optional<std::set<std::string>>& names = known->second;
  for (size_t i = 0; is_new && names && i < asked.scripts.size(); i++) {
    // One that is about to end takes its tables apart: what is read twice alike is whole.
    auto here = asked.scripts[i]->names(what), again = asked.scripts[i]->names(what);
    if (here && again && *here == *again)
      names->merge(*here);
    else
      names.reset();
  }
  return names;
}

// The kind of probe that does have the name: "bif" for zeek:function:fmt.
std::string_view other_kind(Asked& asked, const std::string& name) {
  for (const ZeekProbe& row : zeek_probes()) {
    if (!declared_as(row)) continue;
    const auto& there = declared(asked, *declared_as(row));
    if (there && there->contains(name)) return row.kind;
  }
  return "";
}

std::string sentence(Asked& asked, ZeekCallable what, std::string_view point, const std::string& name) {
  const std::string who = asked.processes.size() == 1 ? fmt::format("process {} declares", asked.processes.front())
                                                      : "no Zeek that runs declares";
  std::string text = fmt::format("{}: {} {}{} of that name", point, who, asked.processes.size() == 1 ? "no " : "any ",
                                 zeek_callable_word(what));
  if (const std::string_view kind = other_kind(asked, name); !kind.empty())
    return text + fmt::format("; did you mean zeek:{}:{}?", kind, name);
  const auto& all = *declared(asked, what);
  const std::vector<std::string_view> views(all.begin(), all.end());
  if (const std::string hint = did_you_mean(near_matches(name, views)); !hint.empty()) text += "; " + hint;
  return text;
}

// "4zeek8analyzer4http13HTTP_Analyzer" in parts; none when it is anything else than names.
std::vector<std::string> class_parts(std::string_view mangled) {
  std::vector<std::string> parts;
  while (!mangled.empty()) {
    size_t length = 0;
    const auto [end, error] = std::from_chars(mangled.data(), mangled.data() + mangled.size(), length);
    const auto digits = static_cast<size_t>(end - mangled.data());
    if (error != std::errc{} || length == 0 || length > mangled.size() - digits) return {};
    parts.emplace_back(mangled.substr(digits, length));
    mangled.remove_prefix(digits + length);
  }
  return parts;
}

// Classes that have a virtual destructor, in full: each has one that deletes (_ZN…D0Ev).
std::set<std::string> classes_of(const Binary& binary) {
  constexpr std::string_view before = "_ZN", behind = "D0Ev";
  std::set<std::string> classes;
  for (const FunctionSymbol& function : binary.functions) {
    std::string_view name = function.name;
    if (!name.starts_with(before) || !name.ends_with(behind)) continue;
    name = name.substr(before.size(), name.size() - before.size() - behind.size());
    if (const auto parts = class_parts(name); !parts.empty()) classes.insert(fmt::format("{}", fmt::join(parts, "::")));
  }
  return classes;
}

// A class is the binary's to tell; one that is stripped does not have the names of all.
std::optional<std::string> no_such_class(Machine& machine, std::string_view point, std::string_view name) {
  const auto zeeks = zeek_binaries(machine);
  if (!zeeks) return std::nullopt;
  std::set<std::string> last_parts;
  for (const ZeekBinary* zeek : *zeeks) {
    auto binary = machine.inside().binary(zeek->open, zeek->shown, DebugFile::skip);
    if (!binary || (*binary)->stripped) return std::nullopt;
    for (const std::string& each : classes_of(**binary)) {
      const std::string last = each.substr(each.rfind(':') + 1);
      if (each == name || last == name) return std::nullopt;
      last_parts.insert(last);
    }
  }
  std::string text = fmt::format("{}: {} has no class of that name, unless a plugin brings it", point, zeeks->front()->shown);
  const std::vector<std::string_view> views(last_parts.begin(), last_parts.end());
  if (const std::string hint = did_you_mean(near_matches(name.substr(name.rfind(':') + 1), views)); !hint.empty()) text += "; " + hint;
  return text;
}

}  // namespace

std::optional<std::vector<std::string>> undeclared_zeek_names(Machine& machine, const Program& program) {
  std::set<std::string_view> points;
  for (const Probe& probe : program.probes)
    for (const AttachPoint& point : probe.points)
      if (point.provider == &provider(ProviderRow::zeek) || point.provider == &provider(ProviderRow::zeekret)) points.insert(point.name);
  std::vector<std::string> notes;
  std::optional<Asked> asked;
  for (const std::string_view point : points) {
    const ZeekTarget target = zeek_target(point.substr(point.find(':') + 1));
    const ZeekProbe* row = row_of(target.kind);
    if (!row || target.name.empty() || is_glob(target.name)) continue;
    if (row->name == "class") {
      if (auto note = no_such_class(machine, point, target.name)) notes.push_back(*std::move(note));
      continue;
    }
    const auto what = declared_as(*row);
    if (!what) continue;
    if (!asked) asked = zeeks_to_ask(machine);
    if (asked->scripts.empty()) return std::nullopt;
    const auto& names = declared(*asked, *what);
    const std::string name(target.name);
    if (names && !names->contains(name)) notes.push_back(sentence(*asked, *what, point, name));
  }
  return notes;
}

std::optional<std::vector<std::string>> declared_zeek_names(Machine& machine, std::string_view text) {
  const ZeekTarget target = zeek_target(text);
  const ZeekProbe* row = row_of(target.kind);
  const auto what = row ? declared_as(*row) : std::nullopt;
  if (!what || !is_glob(target.name)) return std::nullopt;
  Asked asked = zeeks_to_ask(machine);
  const auto& names = declared(asked, *what);
  if (asked.scripts.empty() || !names) return std::nullopt;
  std::vector<std::string> found;
  for (const std::string& name : *names)
    if (glob_matches(target.name, name)) found.push_back(fmt::format("{}:{}", target.kind, name));
  return found;
}

void note_undeclared_zeek_names(Machine& machine, const Program& program) {
  for (std::string& note : undeclared_zeek_names(machine, program).value_or(std::vector<std::string>()))
    machine.inside().note(std::move(note));
}

}  // namespace zeektrace
