// Runs scripts under two tracers and compares what they print.
//
//   compare --zeektrace PATH --bpftrace PATH --targets DIR --differences FILE [-k SUBSTRING] [--every N] [-j N]
//           [--skip-code N] [--show] FILE.cases…
//
// A line for each case that does not do what its file says, with both outputs; at the end `N alike, N differ as
// explained, N failed`. --every N takes each N-th case. --show prints what they printed of all. Leaves with 0, with 1 if a
// case failed, 2 if called wrongly, and with --skip-code's N if there is no such bpftrace: differences are written down
// for release 0.17, which Debian 12 has.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>

#include "../runtime/judge.h"
#include "../runtime/process.h"
#include "cases.h"

namespace zeektrace {

namespace {

constexpr std::string_view judged_release = "v0.17.";
constexpr double longest = 30;  // seconds of a run

struct Options {
  std::string zeektrace, bpftrace, targets, differences, substring;
  size_t every = 1, jobs = 2;
  int skip_code = 0;
  bool show = false;
  std::vector<std::string> files;
};

enum class Verdict { alike, explained, failed };
struct Judged {
  Verdict verdict = Verdict::failed;
  std::string why;
  Outcome ours, theirs;
};

Outcome run(const std::vector<std::string>& words) {
  std::string problem;
  const auto process = start(Command{words, ""}, problem);
  if (process) return watch(*process, "", std::nullopt, longest);
  Outcome outcome;
  outcome.err = problem;
  return outcome;
}

std::vector<std::string> command(const std::string& tracer, const std::string& script, const Case& which,
                                 const Options& options) {
  const Places places = {{"TARGETS", options.targets}};
  std::vector<std::string> words = {tracer};
  for (const auto& word : split_words(put_places(which.flags, places))) words.push_back(word);
  if (!which.target.empty()) {
    words.emplace_back("-c");
    words.push_back((which.target[0] == '/' ? "" : options.targets + "/") + which.target);
  }
  words.emplace_back("-e");
  words.push_back(put_places(script, places));
  for (const auto& word : split_words(which.params)) words.push_back(word);
  return words;
}

bool ended_well(const Outcome& outcome) { return outcome.started && !outcome.timed_out && !outcome.status.by_signal; }

// bpftrace's -c filters no uprobes: a case that traces must have its target for itself.
std::mutex target_in_use;

Judged judge_case(const Case& which, const Options& options, const std::set<std::string>& explanations) {
  Judged judged;
  std::unique_lock<std::mutex> alone(target_in_use, std::defer_lock);
  if (!which.target.empty()) alone.lock();
  judged.ours = run(command(options.zeektrace, which.script, which, options));
  const std::string& other = which.instead.empty() ? which.script : which.instead;
  judged.theirs = run(command(options.bpftrace, other, which, options));
  const std::string ours = comparable(judged.ours.out, which), theirs = comparable(judged.theirs.out, which);
  const bool same = ours == theirs && (judged.ours.status.number == 0) == (judged.theirs.status.number == 0);
  const bool we_ran = ended_well(judged.ours) && judged.ours.status.number == 0;
  if (!we_ran) {
    judged.why = "zeektrace did not run it: " + status_text(judged.ours.status);
  } else if (!which.differs.empty() && !explanations.contains(which.differs)) {
    judged.why = fmt::format("{} has no heading '{}'", options.differences, which.differs);
  } else if (same && ours.empty()) {
    judged.why = "neither printed anything: nothing is compared";
  } else if (same == which.differs.empty()) {
    judged.verdict = same ? Verdict::alike : Verdict::explained;
  } else {
    judged.why = same ? "they agree, although the case says that they differ" : "they differ";
  }
  return judged;
}

void show(const char* name, const std::string& text) {
  constexpr size_t most = 30;
  const auto lines = split_lines(text);
  for (size_t i = 0; i < std::min(most, lines.size()); ++i) fmt::print("  {} | {}\n", name, lines[i].substr(0, 400));
  if (lines.size() > most) fmt::print("  {} … {} lines\n", name, lines.size() - most);
}

void report(const Case& which, const Judged& judged, bool always) {
  const bool failed = judged.verdict == Verdict::failed;
  if (!failed && !always) return;
  fmt::print("{} {}{}\n", failed ? "FAIL" : "ok", which.name, judged.why.empty() ? "" : ": " + judged.why);
  show("script   ", which.script);
  show("zeektrace", comparable(judged.ours.out, which));
  show("stderr   ", judged.ours.err);
  show("bpftrace ", comparable(judged.theirs.out, which));
  show("stderr   ", judged.theirs.err);
}

// The headings of the page that explains what differs.
std::set<std::string> headings(const std::string& path) {
  std::set<std::string> found;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    const size_t text = line.find_first_not_of('#');
    if (text > 0 && text != std::string::npos && line[text] == ' ') found.insert(line.substr(text + 1));
  }
  return found;
}

// Why the other tracer can't be the judge here; "" when it can.
std::string unfit(const Options& options) {
  if (access(options.bpftrace.c_str(), X_OK) != 0) return fmt::format("there is no bpftrace at {}", options.bpftrace);
  if (geteuid() != 0) return "bpftrace needs root";
  const Outcome version = run({options.bpftrace, "--version"});
  if (version.out.find(judged_release) != std::string::npos) return "";
  return fmt::format("differences are written down for {}*, this is {}", judged_release, version.out);
}

bool parse_options(int argc, char** argv, Options& options) {
  const std::vector<std::pair<std::string_view, std::string*>> texts = {{"--zeektrace", &options.zeektrace},
                                                                        {"--bpftrace", &options.bpftrace},
                                                                        {"--targets", &options.targets},
                                                                        {"--differences", &options.differences},
                                                                        {"-k", &options.substring}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    bool known = word == "--show";
    options.show |= known;
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    for (const auto& [name, place] : texts) {
      if (word == name && value) *place = value, known = true, ++i;
    }
    if (word == "--every" && value) options.every = std::strtoul(value, nullptr, 10), known = true, ++i;
    if (word == "-j" && value) options.jobs = std::strtoul(value, nullptr, 10), known = true, ++i;
    if (word == "--skip-code" && value) options.skip_code = std::atoi(value), known = true, ++i;
    if (known) continue;
    if (word.empty() || word[0] == '-') return false;
    options.files.emplace_back(word);
  }
  std::error_code error;
  const auto targets = std::filesystem::absolute(options.targets, error);  // names of probes say where they are
  if (!error) options.targets = targets.lexically_normal().string();
  return !options.zeektrace.empty() && !options.bpftrace.empty() && !options.targets.empty() && options.every > 0 &&
         options.jobs > 0 && !options.files.empty();
}

// The cases that are asked for; false when a file is malformed.
bool read_all(const Options& options, std::vector<Case>& cases) {
  size_t number = 0;
  for (const auto& path : options.files) {
    auto read = read_cases(path);
    if (const auto* malformed = std::get_if<Malformed>(&read)) {
      fmt::print("FAIL {}:{}: {}\n", path, malformed->line, malformed->message);
      return false;
    }
    for (Case& each : std::get<std::vector<Case>>(read)) {
      if (number++ % options.every == 0 && each.name.find(options.substring) != std::string::npos)
        cases.push_back(std::move(each));
    }
  }
  return true;
}

}  // namespace

int compare(int argc, char** argv) {
  Options options;
  if (!parse_options(argc, argv, options)) {
    fmt::print(stderr, "usage: compare --zeektrace PATH --bpftrace PATH --targets DIR --differences FILE FILE.cases…\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
  std::vector<Case> cases;
  if (!read_all(options, cases)) return 1;
  if (const std::string why = unfit(options); !why.empty()) {
    fmt::print("skip: {}\n", why);
    return options.skip_code;
  }
  const auto explanations = headings(options.differences);
  std::atomic<size_t> next = 0;
  std::mutex printing;
  size_t counts[3] = {0, 0, 0};
  auto work = [&] {
    for (size_t at = next++; at < cases.size(); at = next++) {
      const Judged judged = judge_case(cases[at], options, explanations);
      const std::lock_guard lock(printing);
      ++counts[static_cast<size_t>(judged.verdict)];
      report(cases[at], judged, options.show);
    }
  };
  std::vector<std::thread> workers;
  for (size_t i = 0; i < options.jobs; ++i) workers.emplace_back(work);
  for (auto& worker : workers) worker.join();
  fmt::print("{} alike, {} differ as explained, {} failed\n", counts[0], counts[1], counts[2]);
  return counts[2] > 0 ? 1 : 0;
}

}  // namespace zeektrace

int main(int argc, char** argv) { return zeektrace::compare(argc, argv); }
