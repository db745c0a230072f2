// zeektrace bench: what each way of tracing costs on this machine. The ways take turns, round by round, each measured with
// and without, so that what changes on the machine meanwhile meets all of them; the median of the rounds is told.
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/commands/bench_techniques.h"
#include "src/commands/commands.h"
#include "src/commands/loaded_script.h"
#include "src/options.h"

namespace zeektrace {
namespace {

constexpr int rounds_at_most = 5, fewest_rounds = 3;
constexpr std::chrono::seconds no_new_round_after{8};
constexpr std::chrono::milliseconds between_stops{1};
constexpr uint32_t warm_up = 200, fewest_calls = 200, most_calls = 200'000;
constexpr uint64_t enough_ns = 8'000'000;
constexpr uint64_t sampled_ns = 150'000'000;

using Clock = std::chrono::steady_clock;

struct Measured {
  const Technique* technique;
  std::unique_ptr<LoadedScript> script;
  std::vector<double> costs;  // nanoseconds a call or a sample, of each round
  std::string how;
  std::optional<Error> failure;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Nanoseconds a call.
Result<double> time_calls(BenchTarget& target, TargetFunction function) {
  auto first = target.call(function, warm_up);
  if (!first) return first.error();
  uint64_t each = std::max<uint64_t>(*first / warm_up, 1);
  auto calls = static_cast<uint32_t>(std::clamp<uint64_t>(enough_ns / each, fewest_calls, most_calls));
  auto took = target.call(function, calls);
  if (!took) return took.error();
  return static_cast<double>(*took) / calls;
}

// One stop as a sampler makes it: registers, twenty reads on the stack, on again. Nanoseconds from the wish to stop to the
// going on; nothing when it could not be done.
std::optional<double> stop_once(pid_t pid) {
  auto begin = Clock::now();
  int status = 0;
  if (ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) return std::nullopt;
  if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) return std::nullopt;
  user_regs_struct registers{};
  bool read = ptrace(PTRACE_GETREGS, pid, nullptr, &registers) == 0;
  for (int i = 0; i < 20 && read; ++i) {
    uint64_t word = 0;
    iovec here{&word, sizeof word}, there{reinterpret_cast<void*>(registers.rsp), sizeof word};
    read = process_vm_readv(pid, &here, 1, &there, 1, 0) == sizeof word;
  }
  if (ptrace(PTRACE_CONT, pid, nullptr, nullptr) != 0 || !read) return std::nullopt;
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

// How many calls take about as long as that.
Result<uint32_t> calls_for(BenchTarget& target, uint64_t nanoseconds) {
  auto once = target.call(TargetFunction::spin, warm_up);
  if (!once) return once.error();
  return static_cast<uint32_t>(nanoseconds / std::max<uint64_t>(*once / warm_up, 1));
}

// The median stop while it computes.
Result<double> time_stops(BenchTarget& target, Measured&) {
  auto calls = calls_for(target, sampled_ns);
  if (!calls) return calls.error();
  if (ptrace(PTRACE_SEIZE, target.pid(), nullptr, nullptr) != 0) return errno_error(errno, "ptrace is not allowed");
  std::vector<double> stops;
  std::optional<double> stop = 0;
  if (auto status = target.order(TargetFunction::spin, *calls); !status) return status.error();
  while (stop && !target.has_answered(between_stops.count())) {
    stop = stop_once(target.pid());
    if (stop) stops.push_back(*stop);
  }
  int why = errno, status = 0;
  // Only a stopped process can be let go.
  ptrace(PTRACE_INTERRUPT, target.pid(), nullptr, nullptr);
  if (waitpid(target.pid(), &status, __WALL) == target.pid()) ptrace(PTRACE_DETACH, target.pid(), nullptr, nullptr);
  if (auto took = target.took(); !took) return took.error();
  if (!stop) return errno_error(why, "the process could not be stopped or read");
  if (stops.empty()) return Error{Error::Kind::machine, "no stop was made", "the machine is too busy", {}};
  return median(std::move(stops));
}

// What a sample adds to computing for a while.
Result<double> time_samples(BenchTarget& target, Measured& row) {
  auto calls = calls_for(target, sampled_ns);
  if (!calls) return calls.error();
  auto without = target.call(TargetFunction::spin, *calls);
  if (!without) return without.error();
  if (auto status = row.script->arm(); !status) return status.error();
  auto with = target.call(TargetFunction::spin, *calls);
  row.script->disarm();
  if (!with) return with.error();
  double samples = static_cast<double>(*with) / 1e9 * samples_a_second;
  return (static_cast<double>(*with) - static_cast<double>(*without)) / samples;
}

// Nanoseconds that it adds to a call.
Result<double> time_probe(BenchTarget& target, Measured& row) {
  TargetFunction function = row.technique->function;
  auto without = time_calls(target, row.script ? function : TargetFunction::plain);
  if (!without) return without;
  if (row.script) {
    if (auto status = row.script->arm(); !status) return status.error();
  }
  auto with = time_calls(target, function);
  if (row.script) row.script->disarm();
  if (!with) return with;
  return *with - *without;
}

void measure(BenchTarget& target, Measured& row) {
  auto cost = Result<double>(0.0);
  switch (row.technique->way) {
    case Technique::Way::call:
    case Technique::Way::probe: cost = time_probe(target, row); break;
    case Technique::Way::sample: cost = time_samples(target, row); break;
    case Technique::Way::stop: cost = time_stops(target, row); break;
  }
  if (cost) row.costs.push_back(*cost);
  else row.failure = cost.error();
}

std::vector<Measured> prepare(const BenchTarget& target) {
  std::vector<Measured> table;
  std::string path = fmt::format("/proc/{}/exe", target.pid());
  for (const auto& technique : bench_techniques()) {
    Measured row{&technique, nullptr, {}, "", {}};
    if (!technique.script.empty()) {
      auto script = LoadedScript::load(std::string(technique.script), {path}, target.pid());
      if (script) row.script = std::move(*script);
      else row.failure = script.error();
    }
    if (row.script) row.how = row.script->how();
    table.push_back(std::move(row));
  }
  return table;
}

// ---- what is printed ----

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  std::string model = "unknown processor", line;
  bool guest = false;
  while (std::getline(info, line) && !line.empty()) {
    if (line.starts_with("model name")) model = line.substr(line.find(':') + 2);
    if (line.starts_with("flags")) guest = (line + " ").find(" hypervisor ") != std::string::npos;
  }
  return model + (guest ? ", a virtual machine" : "");
}

bool is_sampled(const Measured& row) {
  return row.technique->way == Technique::Way::sample || row.technique->way == Technique::Way::stop;
}

std::string cost_text(const Measured& row) {
  if (row.failure || row.costs.empty()) return "-";
  double cost = median(row.costs);
  return cost < 10 ? fmt::format("{:.1f}", cost) : fmt::format("{:.0f}", cost);
}

void add_rows(std::string& text, const std::vector<Measured>& table, bool sampled) {
  text += fmt::format("\n{:<26} {:>8}  {:<30} {}\n", sampled ? "a sample of a busy thread" : "a call of a function", "ns",
                      "needs", "can break");
  for (const auto& row : table) {
    if (is_sampled(row) != sampled) continue;
    text += fmt::format("{:<26} {:>8}  ", row.technique->name, cost_text(row));
    if (row.failure) text += fmt::format("not measured: {}\n", row.failure->message);
    else text += fmt::format("{:<30} {}\n", row.technique->needs, row.technique->breaks);
  }
}

std::string table_text(const std::vector<Measured>& table, const std::vector<double>& plain) {
  utsname kernel{};
  uname(&kernel);
  std::string text = fmt::format("Linux {}, {}\n", kernel.release, processor());
  text += fmt::format("Nanoseconds added, medians of {} rounds; an untraced call takes {:.1f} ns.\n", plain.size(),
                      median(plain));
  add_rows(text, table, false);
  add_rows(text, table, true);
  return text + "\n" + std::string(bench_legend);
}

std::string table_json(const std::vector<Measured>& table, const std::vector<double>& plain) {
  using Json = nlohmann::ordered_json;
  utsname kernel{};
  uname(&kernel);
  Json machine = {{"kernel", kernel.release}, {"processor", processor()}, {"rounds", plain.size()}, {"untraced_ns", median(plain)}};
  std::string text = Json({{"type", "bench_machine"}, {"data", machine}}).dump() + "\n";
  for (const auto& row : table) {
    Json data = {{"technique", row.technique->name}, {"unit", is_sampled(row) ? "ns a sample" : "ns a call"}};
    if (row.failure) data["failure"] = row.failure->message;
    else data["cost"] = median(row.costs);
    if (!row.how.empty()) data["how"] = row.how;
    data["needs"] = row.technique->needs;
    data["breaks"] = row.technique->breaks;
    text += Json({{"type", "bench"}, {"data", data}}).dump() + "\n";
  }
  return text;
}

}  // namespace

Result<std::string> bench_command(const Options& options) {
  auto target = BenchTarget::start();
  if (!target) return target.error();
  std::vector<Measured> table = prepare(*target);
  std::vector<double> plain;
  auto begin = Clock::now();
  for (int round = 0; round < rounds_at_most; ++round) {
    if (round >= fewest_rounds && Clock::now() - begin > no_new_round_after) break;
    auto call = time_calls(*target, TargetFunction::plain);
    if (!call) return call.error();
    plain.push_back(*call);
    for (auto& row : table) {
      if (!row.failure) measure(*target, row);
    }
  }
  for (auto& row : table) {
    if (!row.failure && median(row.costs) <= 0)
      row.failure = Error{Error::Kind::machine, "it is lost in what else the machine does", "", {}};
  }
  return options.format->name == "json" ? table_json(table, plain) : table_text(table, plain);
}

}  // namespace zeektrace
