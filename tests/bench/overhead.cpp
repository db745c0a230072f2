// bench_overhead --zeektrace PATH --callee PATH --hand OBJECT [--peer PATH] [--rounds N]: what a probe costs the process that
// is traced, and what a message costs the tracer: ours, the same program written by hand in BPF C, and an installed
// bpftrace. All of them are armed at once, each on a function of its own, and called in turn, a fraction of a millisecond
// each; a cost is the median, over the rounds, of the difference from its base in the same round. Prints one table and
// leaves with 1 when a limit is missed. ZEEKTRACE_BENCH_PEER names another bpftrace than the installed one.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "hand.h"
#include "running.h"

namespace zeektrace {
namespace {

struct Settings {
  std::string zeektrace, callee, hand, peer = "/usr/bin/bpftrace";
  int rounds = 400;
};

enum class Who { nobody, hand, ours, peer };

// One function under one probe, or under none, or under several of a kind, where one costs less than a timing can tell.
// `program`: of hand.bpf.c, or a script in which F is the function's place and N the number of the copy.
struct Subject {
  Who who;
  const char* function;
  unsigned slot;
  const char* program;
  unsigned copies = 1;
  uint64_t calls = 0;        // in a slice
  std::vector<double> ns = {};  // a call, by round
};

enum Id : size_t {
  untraced, hand_empty, our_empty, peer_empty, hand_empties, peer_empties, hand_count, hand_atomic, our_count, peer_count,
  hand_pair, peer_pair, hand_latency, our_latency, peer_latency, hand_text, our_text, peer_text,
  deep_untraced, deep_hand_empty, deep_peer_empty, our_stack, peer_stack,
  mov_untraced, our_mov, peer_mov, sub_untraced, our_sub, peer_sub, how_many, nothing
};

constexpr auto empty_script = "uprobe:F { $x = 1; }";
constexpr auto latency_script =
    "uprobe:F { @start[tid] = nsecs; } "
    "uretprobe:F /@start[tid]/ { @latency = hist(nsecs - @start[tid]); delete(@start[tid]); }";

std::vector<Subject> subjects() {
  return {
      {Who::nobody, "nop", 0, ""},
      {Who::hand, "nop", 1, "empty"},
      {Who::ours, "nop", 2, empty_script},
      {Who::peer, "nop", 3, empty_script},
      {Who::hand, "nop", 4, "empty", 8},
      {Who::peer, "nop", 5, empty_script, 8},
      {Who::hand, "nop", 6, "count", 8},
      {Who::hand, "nop", 7, "count_atomic", 8},
      {Who::ours, "nop", 21, "uprobe:F { @N = count(); }", 8},
      {Who::peer, "nop", 22, "uprobe:F { @N = count(); }", 8},
      {Who::hand, "nop", 8, "session_empty"},
      {Who::peer, "nop", 9, "uprobe:F { $x = 1; } uretprobe:F { $x = 1; }"},
      {Who::hand, "nop", 10, "session_latency"},
      {Who::ours, "nop", 11, latency_script},
      {Who::peer, "nop", 12, latency_script},
      {Who::hand, "nop", 13, "text_key"},
      {Who::ours, "nop", 14, "uprobe:F { @text[str(arg1)] = count(); }"},
      {Who::peer, "nop", 15, "uprobe:F { @text[str(arg1)] = count(); }"},
      {Who::nobody, "deep", 0, ""},
      {Who::hand, "deep", 16, "empty"},
      {Who::peer, "deep", 17, empty_script},
      {Who::ours, "deep", 18, "uprobe:F { @stack[ustack] = count(); }"},
      {Who::peer, "deep", 19, "uprobe:F { @stack[ustack] = count(); }"},
      {Who::nobody, "mov", 0, ""},
      {Who::ours, "mov", 1, "uprobe:F { @mov = count(); }"},
      {Who::peer, "mov", 2, "uprobe:F { @mov = count(); }"},
      {Who::nobody, "sub", 0, ""},
      {Who::ours, "sub", 1, "uprobe:F { @sub = count(); }"},
      {Who::peer, "sub", 2, "uprobe:F { @sub = count(); }"},
  };
}

// A subject and what it is measured from.
struct Above {
  Id subject = nothing, base = nothing;
};
struct Row {
  const char* what;
  Above ours, hand, peer;
  double hand_limit = 0, peer_limit = 0;  // of our cost's ratio to theirs; 0: none
  int peer_since = 0;  // the release of bpftrace (27: 0.27) from which on its limit is judged
};

// Since that release texts have room for 1024 bytes by default; 64 before, which cost less.
constexpr int long_texts = 23;

constexpr Row rows[] = {
    {"empty program, over an untraced call", {our_empty, untraced}, {hand_empty, untraced}, {peer_empty, untraced}},
    {"@ = count(), over empty (one of eight)", {our_count, hand_empties}, {hand_count, hand_empties},
     {peer_count, peer_empties}, 1.5},
    {"  beside an atomic count by hand", {our_count, hand_empties}, {hand_atomic, hand_empties}, {}},
    {"entry and return, over an untraced call", {}, {hand_pair, untraced}, {peer_pair, untraced}},
    {"latency of a function, over empty pair", {our_latency, hand_pair}, {hand_latency, hand_pair},
     {peer_latency, peer_pair}, 1.3},
    {"@[str(arg1)] = count(), 24 bytes, over empty", {our_text, hand_empty}, {hand_text, hand_empty},
     {peer_text, peer_empty}, 0, 0.25, long_texts},
    {"@[ustack] = count(), depth 14, over empty", {our_stack, deep_hand_empty}, {}, {peer_stack, deep_peer_empty}, 0, 0.25},
    {"count() where mov comes first, over untraced", {our_mov, mov_untraced}, {}, {peer_mov, mov_untraced}, 0, 0.1},
    {"count() where sub comes first, over untraced", {our_sub, sub_untraced}, {}, {peer_sub, sub_untraced}, 0, 0.1},
};

double median(std::vector<double> values) {
  if (values.empty()) return NAN;
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string symbol(const Subject& subject) {
  const bool is_deep = std::string_view(subject.function) == "deep";
  return fmt::format("{}_{}", is_deep ? "nop" : subject.function, subject.slot);
}

std::string filled(std::string script, const std::string& place, unsigned copy) {
  for (size_t at = 0; (at = script.find(":F", at)) != std::string::npos; at += place.size())
    script.replace(at, 2, ":" + place);
  if (const size_t at = script.find("@N"); at != std::string::npos) script.replace(at, 2, fmt::format("@n{}", copy));
  return script;
}

// "bpftrace v0.27.1"; empty when it can't be asked.
std::string version_of(const std::string& peer) {
  const auto asked = Running::start({peer, "--version"});
  return asked ? asked->line(20).value_or("") : "";
}

int release_of(std::string_view version) {
  int release = 0;
  if (const size_t at = version.find("v0."); at != std::string_view::npos)
    std::from_chars(version.data() + at + 3, version.data() + version.size(), release);
  return release;
}

// The process whose functions are called.
class Callee {
 public:
  explicit Callee(const std::string& path) : program_(Running::start({path})) {}
  bool started() const { return program_ != nullptr; }
  double call(const char* function, unsigned slot, uint64_t calls) {
    return ask(fmt::format("call {} {} {}\n", function, slot, calls), 30);
  }
  // Nanoseconds a call at this rate; how long it all took goes to `seconds`.
  double pace(unsigned slot, uint64_t rate, uint64_t calls, double& seconds) {
    return ask(fmt::format("pace nop {} {} {}\n", slot, rate, calls), 60, &seconds);
  }

 private:
  double ask(const std::string& question, double patience, double* second = nullptr) {
    if (!program_->tell(question)) return NAN;
    std::istringstream answer(program_->line(patience).value_or(""));
    double first = NAN, unused = 0;
    answer >> first >> (second != nullptr ? *second : unused);
    return first;
  }
  std::unique_ptr<Running> program_;
};

// A tracer at work.
std::unique_ptr<Running> trace(Who who, const Settings& settings, const std::string& script,
                               const std::string& output = "") {
  const std::string& path = who == Who::ours ? settings.zeektrace : settings.peer;
  auto tracer = Running::start({path, "-e", script}, output);
  // Some releases of bpftrace say it before they attach: the probes are waited for below, by what they cost.
  if (tracer && (who == Who::peer && !output.empty())) return tracer;  // which says it on its output
  if (tracer && tracer->says("Attach", 20)) return tracer;
  if (tracer) fmt::print(stderr, "bench_overhead: {}: {}\n", path, tracer->said());
  return nullptr;
}

// The peer's probes come one after the other: the last one is armed when its function has become slow.
void await_probe(Callee& callee, const char* function, unsigned slot) {
  for (int i = 0; i < 200 && callee.call(function, slot, 16) < 100; ++i) usleep(50'000);
}

std::string script_of(const std::vector<Subject>& all, Who who, const std::string& callee) {
  std::string script;
  for (const Subject& each : all)
    for (unsigned copy = 0; each.who == who && copy < each.copies; ++copy)
      script += filled(each.program, callee + ":" + symbol(each), copy) + "\n";
  return script;
}

void measure(std::vector<Subject>& all, Callee& callee, int rounds) {
  constexpr double slice_ns = 200'000;
  for (Subject& each : all) {
    callee.call(each.function, each.slot, 16);
    const double ns = callee.call(each.function, each.slot, 16);
    each.calls = static_cast<uint64_t>(std::clamp(slice_ns / ns, 8.0, 4000.0));
  }
  for (int round = 0; round < rounds; ++round)
    for (Subject& each : all) each.ns.push_back(callee.call(each.function, each.slot, each.calls));
}

double cost(const std::vector<Subject>& all, Above above) {
  if (above.subject == nothing) return NAN;
  std::vector<double> differences;
  for (size_t i = 0; i < all[above.subject].ns.size(); ++i)
    differences.push_back(all[above.subject].ns[i] - all[above.base].ns[i]);
  return median(differences) / all[above.subject].copies;
}

std::string shown(double value, const char* format = "{:.1f}") {
  return std::isnan(value) ? "" : fmt::format(fmt::runtime(format), value);
}

// Costs below this can't be told apart; in ratios they count as this.
constexpr double resolution_ns = 2;

// One line of the table; false when a limit is missed.
bool print_line(std::string_view what, double ours, double hand, double peer, double hand_limit, double peer_limit) {
  auto ratio_to = [&](double other) {  // NAN stays NAN
    return std::isnan(ours + other) ? NAN : std::max(ours, resolution_ns) / std::max(other, resolution_ns);
  };
  const double to_hand = ratio_to(hand), to_peer = ratio_to(peer);
  std::string limit, verdict;
  bool met = true;
  auto judge = [&](double ratio, double most, std::string_view whom) {
    if (most == 0) return;
    limit = fmt::format("{} of {}", most, whom);
    if (std::isnan(ratio)) return void(verdict = "no peer");
    met = ratio <= most;
    verdict = met ? "met" : "MISSED";
  };
  judge(to_hand, hand_limit, "hand");
  judge(to_peer, peer_limit, "bpftrace");
  fmt::print("{:<46} {:>9} {:>9} {:>9} {:>8} {:>9}  {:<16} {}\n", what, shown(ours), shown(hand), shown(peer),
             shown(to_hand, "{:.2f}"), shown(to_peer, "{:.3f}"), limit, verdict);
  std::fflush(stdout);
  return met;
}

// ---- printf ----

constexpr unsigned message_slot = 20;

std::string message_script(const std::string& callee) {
  return fmt::format("uprobe:{}:nop_{} {{ printf(\"%d %d\\n\", pid, arg0); }}", callee, message_slot);
}

struct MessageCost {
  std::vector<double> call, consumer;
};

// One second at 10,000 events a second.
void message_cost(Who who, const Settings& settings, Callee& callee, MessageCost& cost) {
  constexpr uint64_t rate = 10'000, calls = 10'000;
  double seconds = 0;
  const double without = callee.pace(message_slot, rate, calls, seconds);
  auto tracer = trace(who, settings, message_script(settings.callee), "/dev/null");
  if (!tracer) return;
  await_probe(callee, "nop", message_slot);
  const double before = tracer->cpu_ns();
  const double with = callee.pace(message_slot, rate, calls, seconds);
  usleep(100'000);
  cost.consumer.push_back((tracer->cpu_ns() - before) / calls);
  cost.call.push_back(with - without);
  tracer->end(10);
}

uint64_t lines_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<char> piece(1 << 20);
  uint64_t lines = 0;
  while (stream) {
    stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    lines += static_cast<uint64_t>(std::count(piece.begin(), piece.begin() + stream.gcount(), '\n'));
  }
  return lines;
}

struct MessageLoss {
  double percent = NAN;  // of the messages were not printed
  double offered = NAN;  // events a second: a busy machine does not make as many calls as it is asked for
};

// Three million events at a million a second.
constexpr double full_rate = 1'000'000;
MessageLoss message_loss(Who who, const Settings& settings, Callee& callee) {
  constexpr uint64_t calls = 3'000'000;
  const std::string file = fmt::format("/dev/shm/bench_overhead.{}", getpid());
  auto tracer = trace(who, settings, message_script(settings.callee), file);
  if (!tracer) return {};
  await_probe(callee, "nop", message_slot);
  usleep(200'000);
  const uint64_t before = lines_of(file);
  double seconds = 0;
  callee.pace(message_slot, static_cast<uint64_t>(full_rate), calls, seconds);
  tracer->end(20);
  const double printed = static_cast<double>(lines_of(file) - before);
  std::filesystem::remove(file);
  return {(calls - printed) / calls * 100, calls / seconds};
}

bool print_messages(const Settings& settings, Callee& callee, bool with_peer) {
  MessageCost ours, peer;
  for (int i = 0; i < 3; ++i) {
    message_cost(Who::ours, settings, callee, ours);
    if (with_peer) message_cost(Who::peer, settings, callee, peer);
  }
  bool met = print_line("printf at 10,000/s, in the call", median(ours.call), NAN, median(peer.call), 0, 0.1);
  met &= print_line("printf at 10,000/s, in the tracer", median(ours.consumer), NAN, median(peer.consumer), 0, 0.1);
  const MessageLoss our_loss = message_loss(Who::ours, settings, callee);
  const MessageLoss peer_loss = with_peer ? message_loss(Who::peer, settings, callee) : MessageLoss{};
  const bool all_printed = our_loss.percent == 0 && our_loss.offered > 0.95 * full_rate;
  fmt::print("{:<46} {:>8}% {:>9} {:>8}% {:>8} {:>9}  {:<16} {}\n", "printf at 1,000,000/s, events lost",
             shown(our_loss.percent, "{:.2f}"), "", shown(peer_loss.percent, "{:.2f}"), "", "", "none",
             all_printed ? "met" : "MISSED");
  fmt::print("{:<46} {:>9} {:>9} {:>9}\n", "  calls that were made, a second", shown(our_loss.offered, "{:.0f}"), "",
             shown(peer_loss.offered, "{:.0f}"));
  return met && all_printed;
}

bool read_settings(int argc, char** argv, Settings& settings) {
  if (const char* peer = std::getenv("ZEEKTRACE_BENCH_PEER")) settings.peer = peer;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--zeektrace") settings.zeektrace = std::filesystem::absolute(value);
    if (name == "--callee") settings.callee = std::filesystem::absolute(value);
    if (name == "--hand") settings.hand = value;
    if (name == "--peer") settings.peer = value;
    if (name == "--rounds") std::from_chars(value.data(), value.data() + value.size(), settings.rounds);
  }
  return argc % 2 == 1 && !settings.zeektrace.empty() && !settings.callee.empty() && !settings.hand.empty() &&
         settings.rounds > 0;
}

// Each copy is a program with maps of its own, as in a script.
bool attach_hand(std::vector<std::unique_ptr<Hand>>& hands, const Settings& settings, const std::vector<Subject>& all) {
  std::string problem;
  for (const Subject& each : all) {
    for (unsigned copy = 0; each.who == Who::hand && copy < each.copies; ++copy) {
      if (hands.size() <= copy) hands.push_back(Hand::load(settings.hand, problem));
      const uint64_t offset = function_offset(settings.callee, symbol(each));
      if (hands[copy] && hands[copy]->attach(each.program, settings.callee, offset)) continue;
      fmt::print(stderr, "bench_overhead: cannot attach {} by hand {}\n", each.program, problem);
      return false;
    }
  }
  return true;
}

int bench(const Settings& settings) {
  if (geteuid() != 0) return fmt::print(stderr, "bench_overhead: needs root: run it with sudo\n"), 2;
  Callee callee(settings.callee);
  if (!callee.started()) return fmt::print(stderr, "bench_overhead: cannot run {}\n", settings.callee), 2;
  const bool with_peer = access(settings.peer.c_str(), X_OK) == 0;
  std::vector<Subject> all = subjects();
  std::string problem;
  std::vector<std::unique_ptr<Hand>> hands;
  hands.push_back(Hand::load(settings.hand, problem));
  if (!hands[0]) return fmt::print("skip bench_overhead: no uprobe sessions here: {}\n", problem), 77;
  if (!attach_hand(hands, settings, all)) return 1;
  auto ours = trace(Who::ours, settings, script_of(all, Who::ours, settings.callee));
  if (!ours) return 1;
  auto peer = with_peer ? trace(Who::peer, settings, script_of(all, Who::peer, settings.callee)) : nullptr;
  if (peer)
    for (const Subject& each : all)
      if (each.who == Who::peer) await_probe(callee, each.function, each.slot);
  measure(all, callee, settings.rounds);
  ours->end(20);
  if (peer) peer->end(30);

  const std::string version = peer ? version_of(settings.peer) : "";
  fmt::print("nanoseconds a call, medians of {} interleaved rounds; beside {}\n", settings.rounds,
             version.empty() ? "no bpftrace" : version);
  fmt::print("{:<46} {:>9} {:>9} {:>9} {:>8} {:>9}  {:<16} {}\n", "", "ours", "by hand", "bpftrace", "to hand",
             "to peer", "at most", "");
  bool met = true;
  for (const Row& row : rows) {
    const bool is_judged = version.empty() || release_of(version) >= row.peer_since;
    met &= print_line(row.what, cost(all, row.ours), cost(all, row.hand), peer ? cost(all, row.peer) : NAN,
                      row.hand_limit, is_judged ? row.peer_limit : 0);
    if (!is_judged)
      fmt::print("  (at most {} of bpftrace's from 0.{} on, where texts may be long)\n", row.peer_limit, row.peer_since);
  }
  met &= print_messages(settings, callee, with_peer);
  return met ? 0 : 1;
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) {
  zeektrace::Settings settings;
  if (!zeektrace::read_settings(argc, argv, settings)) {
    fmt::print(stderr,
               "usage: bench_overhead --zeektrace PATH --callee PATH --hand OBJECT [--peer PATH] [--rounds N]\n");
    return 2;
  }
  return zeektrace::bench(settings);
}
