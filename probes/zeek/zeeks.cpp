#include "probes/zeek/zeeks.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>

#include "probes/binary_path.h"
#include "probes/inside.h"
#include "probes/machine.h"
#include "probes/mappings.h"
#include "probes/process_files.h"
#include "probes/zeek/plausible.h"

namespace zeektrace {
namespace {

struct Candidate {
  std::string open, shown;
  std::string who;  // "process 12", "the command", "$PATH": for errors
};

std::optional<FileIdentity> identity_of(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  auto identity = file_identity(fd);
  close(fd);
  return identity;
}

// What a process runs: by its path, where that is still the same file here, else by the process. Nothing for kernel
// threads and for what has gone.
std::optional<Candidate> executable_of(pid_t pid) {
  const std::string link = fmt::format("/proc/{}/exe", pid);
  char path[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  if (size <= 0) return std::nullopt;
  const std::string shown(path, static_cast<size_t>(size));
  return Candidate{same_file(shown, link) ? shown : link, shown, fmt::format("process {}", pid)};
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> found;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return found;
  while (const dirent* entry = readdir(proc)) {
    pid_t pid = 0;
    const std::string_view name = entry->d_name;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec == std::errc() && pid > 0) found.push_back(pid);
  }
  closedir(proc);
  return found;
}

using Found = std::vector<std::unique_ptr<const ZeekBinary>>;

Result<std::unique_ptr<const ZeekBinary>> make_binary(Machine& machine, const Candidate& candidate) {
  auto layout = zeek_layout(machine, candidate.open, candidate.shown);
  if (!layout) return layout.error();
  const auto identity = identity_of(candidate.open);
  if (!identity) return errno_error(errno, fmt::format("cannot open {}", candidate.shown));
  const ZeekImage image = zeek_image(*layout);
  return std::unique_ptr<const ZeekBinary>(
      new ZeekBinary{candidate.open, candidate.shown, *identity, *std::move(layout), image});
}

// With -p or -c: the one that is meant.
Result<Found> the_one(Machine& machine, pid_t pid) {
  const Machine::Settings& settings = machine.settings();
  std::optional<Candidate> candidate;
  if (!settings.program.empty()) {
    candidate = Candidate{settings.program, settings.program, "the command"};
  } else {
    candidate = executable_of(pid);
  }
  if (!candidate)
    return Error{Error::Kind::machine, fmt::format("cannot tell what process {} runs", pid), "", nullptr};
  auto zeek = zeek_identity(candidate->open, candidate->shown);
  if (!zeek) return zeek.error();
  if (!*zeek)
    return Error{Error::Kind::script, fmt::format("{} runs {}, which is no Zeek", candidate->who, candidate->shown),
                 settings.program.empty() ? "give -p the process of a Zeek"
                                          : "give -c a command that is zeek itself, not a shell that starts it",
                 nullptr};
  auto binary = make_binary(machine, *candidate);
  if (!binary) return binary.error();
  Found found;
  found.push_back(*std::move(binary));
  return found;
}

// Every file once, whatever processes run it.
std::vector<Candidate> on_this_machine() {
  std::vector<Candidate> candidates;
  std::set<FileIdentity> seen;
  const auto add = [&](std::optional<Candidate> candidate) {
    const auto identity = candidate ? identity_of(candidate->open) : std::nullopt;
    if (!identity || !seen.insert(*identity).second) return;
    const auto zeek = zeek_identity(candidate->open, candidate->shown);
    if (!zeek || *zeek) candidates.push_back(*std::move(candidate));
  };
  for (const pid_t pid : all_processes()) add(executable_of(pid));
  if (const auto path = find_binary("zeek", std::nullopt)) add(Candidate{path->open, path->shown, "$PATH"});
  return candidates;
}

Result<Found> all_of_them(Machine& machine) {
  Found found;
  std::vector<Error> errors;
  for (const Candidate& candidate : on_this_machine()) {
    // What can't be read as ELF is no Zeek; what is one and not understood is told.
    if (!zeek_identity(candidate.open, candidate.shown)) {
      continue;
    }
    auto binary = make_binary(machine, candidate);
    if (binary)
      found.push_back(*std::move(binary));
    else
      errors.push_back(binary.error());
  }
  if (found.empty() && !errors.empty()) return errors.front();
  if (found.empty())
    return Error{Error::Kind::machine, "there is no Zeek: no process runs one, and $PATH has none",
                 "start Zeek first, or give its process with -p, or a command with -c 'zeek …'", nullptr};
  for (const Error& error : errors) machine.inside().note(fmt::format("not traced: {}", error.message));
  return found;
}

// Processes that run the binary.
std::vector<pid_t> processes_of(const ZeekBinary& zeek, const std::vector<pid_t>& candidates) {
  std::vector<pid_t> found;
  for (const pid_t pid : candidates) {
    const auto executable = executable_of(pid);
    const auto identity = executable ? identity_of(executable->open) : std::nullopt;
    if (identity && *identity == zeek.identity) found.push_back(pid);
  }
  return found;
}

Error not_laid_out(const ZeekBinary& zeek, pid_t pid, const std::string& why) {
  return {Error::Kind::machine,
          fmt::format("process {} runs {}, Zeek {}, whose classes are not laid out as {} says: {}", pid, zeek.shown,
                      zeek.layout.release, zeek.layout.source, why),
          "`zeektrace zeek layout` makes an entry from a build of the same source with debug information", nullptr};
}

// A binary whose processes do not look as its layout says is not traced at all.
Result<Found> plausible_ones(Machine& machine, Found found, const std::vector<pid_t>& candidates) {
  Found plausible;
  std::optional<Error> first;
  for (auto& zeek : found) {
    std::string why;
    bool has_shown = false;
    for (const pid_t pid : processes_of(*zeek, candidates)) {
      const ZeekLook look = look_at_zeek(*zeek, pid);
      has_shown = has_shown || look.has_shown;
      if (why = look.wrong; why.empty()) continue;
      const Error error = not_laid_out(*zeek, pid, why);
      if (first) machine.inside().note(fmt::format("not traced: {}", error.message));
      if (!first) first = error;
      break;
    }
    if (!why.empty()) continue;
    if (!has_shown) machine.inside().unseen_zeeks.push_back(zeek.get());
    plausible.push_back(std::move(zeek));
  }
  if (!first) return plausible;
  if (plausible.empty()) return *first;
  machine.inside().note(fmt::format("not traced: {}", first->message));
  return plausible;
}

}  // namespace

Result<std::vector<const ZeekBinary*>> zeek_binaries(Machine& machine) {
  auto& known = machine.inside().zeeks;
  const Machine::Settings& settings = machine.settings();
  if (!known) {
    const bool is_one = settings.pid || !settings.program.empty();
    auto found = is_one ? the_one(machine, settings.pid.value_or(0)) : all_of_them(machine);
    std::vector<pid_t> candidates;
    if (settings.program.empty()) candidates = is_one ? std::vector<pid_t>{*settings.pid} : all_processes();
    if (found) found = plausible_ones(machine, *std::move(found), candidates);
    known = std::move(found);
  }
  if (!*known) return known->error();
  std::vector<const ZeekBinary*> binaries;
  for (const auto& binary : **known) binaries.push_back(binary.get());
  return binaries;
}

size_t unseen_zeeks(Machine& machine) { return machine.inside().unseen_zeeks.size(); }

Status look_at_unseen_zeeks(Machine& machine, std::optional<pid_t> command) {
  // What is being made may be read half made: what can't be is so again.
  constexpr int most_looks = 3;
  constexpr useconds_t between_looks = 20'000;
  auto& unseen = machine.inside().unseen_zeeks;
  const std::vector<pid_t> candidates = command ? std::vector<pid_t>{*command} : all_processes();
  for (const ZeekBinary* zeek : std::vector<const ZeekBinary*>(unseen)) {
    for (const pid_t pid : processes_of(*zeek, candidates)) {
      ZeekLook look = look_at_zeek(*zeek, pid);
      for (int i = 1; i < most_looks && !look.wrong.empty(); i++) {
        usleep(between_looks);
        look = look_at_zeek(*zeek, pid);
      }
      if (!look.wrong.empty()) return not_laid_out(*zeek, pid, look.wrong);
      if (!look.has_shown) continue;
      std::erase(unseen, zeek);
      break;
    }
  }
  return Nothing{};
}

std::vector<pid_t> zeek_processes(Machine& machine) {
  if (const auto& pid = machine.settings().pid) return {*pid};
  const auto zeeks = zeek_binaries(machine);
  if (!zeeks) return {};
  std::vector<pid_t> found;
  const std::vector<pid_t> all = all_processes();
  for (const ZeekBinary* zeek : *zeeks) std::ranges::copy(processes_of(*zeek, all), std::back_inserter(found));
  return found;
}

std::optional<uint64_t> zeek_load_bias(const ZeekBinary& zeek, pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/maps", pid));
  const std::string maps{std::istreambuf_iterator<char>(file), {}};
  constexpr uint64_t page = 4096;
  for (const Mapping& mapping : parse_mappings(maps))
    if (mapping.file == zeek.identity) return mapping.begin - zeek.layout.code_start / page * page;
  return std::nullopt;
}

}  // namespace zeektrace
