// bench_startup --zeektrace PATH --targets DIR [--runs N]: how long the tracer takes to start, to arm its
// probes and to leave, and how much memory it needs, each run in turn with an installed bpftrace. Prints one
// table and leaves with 1 when a median is above its limit. Wall-clock times: they want a quiet machine.
#include <elf.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "process.h"

namespace zeektrace {
namespace {

struct Settings {
  std::string zeektrace, targets;
  int runs = 15;
};

// Something that is run again and again, and the peer's equal; the peer may be too slow for as many runs.
struct Case {
  Run ours;
  Run peer;
  int peer_runs;
  std::vector<Figures> our_figures, peer_figures;
};

struct Row {
  std::string what;
  size_t of;  // the case
  double Figures::* figure;
  std::string unit;
  double limit, ratio_limit;  // 0: none
  bool peer_has_it = true;
};

constexpr auto twenty = {"malloc", "free",   "calloc",  "realloc",  "fopen",   "fclose", "fread",
                         "fwrite", "fputs",  "fgets",   "getenv",   "setenv",  "strtol", "qsort",
                         "popen",  "perror", "opendir", "closedir", "readdir", "bsearch"};

std::string twenty_probes() {
  std::string script;
  for (const char* function : twenty)
    script += fmt::format("uprobe:libc:{} {{ @{} = count(); }} ", function, function);
  return script;
}

// bpftrace says "Attaching" before it attaches: it is given a second, or four for twenty probes.
std::vector<Case> cases(const Settings& settings, pid_t sleeper) {
  std::string peer = "/usr/bin/bpftrace", one = "uprobe:libc:malloc { @ = count(); }";
  auto ours = [&](std::string script) { return std::vector<std::string>{settings.zeektrace, "-e", script}; };
  auto theirs = [&](std::string script) { return std::vector<std::string>{peer, "-e", script}; };
  std::string exit_now = "BEGIN { exit(); }", exit_soon = twenty_probes() + "interval:ms:1 { exit(); }";
  std::string by_letter = "uprobe:libc:a*";
  for (char letter = 'b'; letter <= 'o'; ++letter) by_letter += fmt::format(", uprobe:libc:{}*", letter);
  auto many = ours(by_letter + " { @ = count(); }");
  many.insert(many.end(), {"-p", fmt::to_string(sleeper)});
  return {
      {{ours(exit_now), ""}, {theirs(exit_now), ""}, settings.runs, {}, {}},
      {{ours(one), "Attached"}, {theirs(one), "Attaching", 1000}, 3, {}, {}},
      {{ours(twenty_probes()), "Attached"}, {theirs(twenty_probes()), "Attaching", 4000, 20}, 2, {}, {}},
      {{ours(exit_soon), ""}, {theirs(exit_soon), "", 0, 20}, 2, {}, {}},
      {{many, "Attached"}, {}, 0, {}, {}},
  };
}

std::vector<Row> rows() {
  return {
      {"BEGIN { exit(); }, start to exit", 0, &Figures::total_ms, "ms", 40, 0.15},
      {"  its peak memory", 0, &Figures::peak_mb, "MB", 40, 0},
      {"one uprobe, exec to armed", 1, &Figures::ready_ms, "ms", 40, 0, false},
      {"  its peak memory", 1, &Figures::peak_mb, "MB", 0, 0},
      {"  SIGINT to exit", 1, &Figures::leave_ms, "ms", 100, 0},
      {"20 uprobes, exec to armed", 2, &Figures::ready_ms, "ms", 0, 0, false},
      {"  SIGINT to exit", 2, &Figures::leave_ms, "ms", 100, 0},
      {"20 uprobes and interval:ms:1 { exit(); }, start to exit", 3, &Figures::total_ms, "ms", 300, 0},
      {"libc:a* to libc:o*, some 1200, exec to armed", 4, &Figures::ready_ms, "ms", 0, 0, false},
      {"  SIGINT to exit", 4, &Figures::leave_ms, "ms", 0, 0},
  };
}

// Ours and the peer's in turn. The first run of each brings files into memory and is not counted.
bool run_all(std::vector<Case>& cases, int runs, bool with_peer) {
  for (auto& each : cases) {
    std::string problem;
    for (int i = -1; i < runs; ++i) {
      auto ours = measure(each.ours, problem);
      if (!ours) return fmt::print(stderr, "bench_startup: {}\n", problem), false;
      if (i >= 0) each.our_figures.push_back(*ours);
      if (!with_peer || i < 0 || i >= each.peer_runs) continue;
      if (auto theirs = measure(each.peer, problem)) {
        each.peer_figures.push_back(*theirs);
      } else {
        fmt::print(stderr, "bench_startup: {}\n", problem);
      }
    }
  }
  return true;
}

struct Spread {
  double least = 0, median = 0, most = 0;
};

Spread spread(const std::vector<Figures>& figures, double Figures::* which) {
  std::vector<double> values;
  for (const auto& each : figures) values.push_back(each.*which);
  if (values.empty()) return {};
  std::ranges::sort(values);
  size_t middle = values.size() / 2;
  double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

// Prints the row; false when it misses a limit.
bool print_row(const Row& row, const Case& of) {
  Spread ours = spread(of.our_figures, row.figure), theirs = spread(of.peer_figures, row.figure);
  bool compared = row.peer_has_it && theirs.median > 0;
  double ratio = compared ? ours.median / theirs.median : 0;
  std::string limit;
  if (row.limit > 0) limit = fmt::format("{} {}", row.limit, row.unit);
  if (row.ratio_limit > 0 && compared) limit += fmt::format(", {}", row.ratio_limit);
  bool met =
      (row.limit == 0 || ours.median <= row.limit) && (row.ratio_limit == 0 || ratio <= row.ratio_limit);
  fmt::print("{:<56} {:>7.1f} {:>7.1f} {:>7.1f} {:>2} {:>8} {:>6}  {:<12} {}\n", row.what, ours.median,
             ours.least, ours.most, row.unit, compared ? fmt::format("{:.1f}", theirs.median) : "",
             compared ? fmt::format("{:.3f}", ratio) : "", limit,
             limit.empty() ? ""
             : met         ? "met"
                           : "MISSED");
  return met;
}

// Bytes of a program that are mapped when it runs: neither its symbols nor what debuggers read.
size_t mapped_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  size_t bytes = 0;
  for (int i = 0; i < header.e_phnum && file; ++i) {
    Elf64_Phdr segment{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff) + i * header.e_phentsize);
    file.read(reinterpret_cast<char*>(&segment), sizeof segment);
    if (segment.p_type == PT_LOAD) bytes += segment.p_filesz;
  }
  return bytes;
}

bool read_settings(int argc, char** argv, Settings& settings) {
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--zeektrace") settings.zeektrace = std::filesystem::absolute(value);
    if (name == "--targets") settings.targets = value;
    if (name == "--runs") std::from_chars(value.data(), value.data() + value.size(), settings.runs);
  }
  return argc % 2 == 1 && !settings.zeektrace.empty() && !settings.targets.empty() && settings.runs > 0;
}

int bench(const Settings& settings) {
  if (geteuid() != 0) return fmt::print(stderr, "bench_startup: needs root: run it with sudo\n"), 2;
  std::string tally = settings.targets + "/tally";
  pid_t sleeper = fork();
  if (sleeper == 0) {
    std::freopen("/dev/null", "w", stdout) && execl(tally.c_str(), tally.c_str(), "sleep", "600", nullptr);
    _exit(127);
  }
  bool with_peer = access("/usr/bin/bpftrace", X_OK) == 0;
  auto all = cases(settings, sleeper);
  bool ran = run_all(all, settings.runs, with_peer);
  kill(sleeper, SIGTERM);
  waitpid(sleeper, nullptr, 0);
  if (!ran) return 1;

  constexpr double mega = 1 << 20;
  fmt::print("{}: {:.1f} MB mapped, {:.1f} MB with symbols and what debuggers read; {} runs each\n",
             settings.zeektrace, static_cast<double>(mapped_bytes(settings.zeektrace)) / mega,
             static_cast<double>(std::filesystem::file_size(settings.zeektrace)) / mega, settings.runs);
  fmt::print("{:<56} {:>7} {:>7} {:>7} {:>2} {:>8} {:>6}  {:<12} {}\n", "what", "median", "min", "max", "",
             with_peer ? "bpftrace" : "no peer", "ratio", "limit", "verdict");
  bool met = true;
  for (const auto& row : rows()) met = print_row(row, all[row.of]) && met;
  return met ? 0 : 1;
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) {
  zeektrace::Settings settings;
  if (!zeektrace::read_settings(argc, argv, settings)) {
    fmt::print(stderr, "usage: bench_startup --zeektrace PATH --targets DIR [--runs N]\n");
    return 2;
  }
  return zeektrace::bench(settings);
}
