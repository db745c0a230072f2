#include "src/session.h"

#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>

#include "probes/attach.h"
#include "probes/cxx_name.h"
#include "probes/glob.h"
#include "probes/unwind_tables.h"
#include "probes/zeek/zeeks.h"
#include "src/cgroup_paths.h"
#include "src/code_watch.h"
#include "src/losses.h"
#include "src/messages.h"
#include "src/node_names.h"
#include "src/symbols.h"
#include "src/watch.h"

namespace zeektrace {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds fastest_drain{10}, slowest_drain{50};
constexpr milliseconds between_sweeps{2000}, between_names{100};
// At a command, which may end soon; at all processes of the machine.
constexpr milliseconds between_looks{50}, between_searches{1000}, between_questions{20};
constexpr size_t most_links_first = 64;
constexpr int child_farewell_ms = 100;

// Whether the script keeps or sends a value of one of these two kinds.
bool holds(const Program& program, Type::Kind one, Type::Kind other) {
  auto matches = [&](const Type& type) { return type.kind == one || type.kind == other; };
  auto in_map = [&](const MapDef& map) {
    return matches(map.value) || std::any_of(map.keys.begin(), map.keys.end(), matches);
  };
  auto in_record = [&](const Record& record) {
    return std::any_of(record.fields.begin(), record.fields.end(),
                       [&](const auto& field) { return matches(field.type); });
  };
  return std::any_of(program.maps.begin(), program.maps.end(), in_map) ||
         std::any_of(program.records.begin(), program.records.end(), in_record);
}

bool names_user_code(const Program& program) {
  return holds(program, Type::Kind::ustack, Type::Kind::usym) || holds(program, Type::Kind::zustack, Type::Kind::zustack);
}
bool names_nodes(const Program& program) { return holds(program, Type::Kind::node, Type::Kind::node); }
bool names_kernel_code(const Program& program) {
  return holds(program, Type::Kind::kstack, Type::Kind::ksym);
}

// exit() wakes us; all else is fetched from time to time.
bool sends_messages(const Program& program) {
  return std::any_of(program.records.begin(), program.records.end(),
                     [](const Record& record) { return record.kind != Record::Kind::exit; });
}

// Of probes that run when we get a signal.
std::vector<int> probed_signals(const Program& program) {
  std::vector<int> numbers;
  for (const Probe& probe : program.probes)
    for (const AttachPoint& point : probe.points)
      if (probe.how->runs_in_tracer && point.gate != 0) numbers.push_back(static_cast<int>(point.gate));
  return numbers;
}

// C++ functions as their source calls them.
std::vector<std::string> demangled(std::vector<std::string> functions) {
  Demangler demangler;
  for (std::string& function : functions) {
    std::string_view plain = demangler.demangle(function);
    if (!plain.empty()) function = plain;
  }
  return functions;
}

// The number itself for one that nobody has.
std::string user_name(uint32_t number) {
  const passwd* found = getpwuid(number);
  return found != nullptr ? found->pw_name : fmt::to_string(number);
}

// Something to do again and again, less often while nothing changes.
struct Tick {
  bool wanted = false;
  milliseconds every{0};
  Clock::time_point next;

  void plan(milliseconds interval) {
    every = interval;
    next = Clock::now() + interval;
  }
  bool due() const { return wanted && Clock::now() >= next; }
};

std::optional<milliseconds> time_until(const Tick& tick) {
  if (!tick.wanted) return std::nullopt;
  auto left = std::chrono::ceil<milliseconds>(tick.next - Clock::now());
  return std::max(left, milliseconds{0});
}

std::optional<milliseconds> sooner(std::optional<milliseconds> a, std::optional<milliseconds> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

class Session {
 public:
  Session(const Program& program, Tracer& tracer, Output& output, Child* child, const SessionOptions& options,
          Watch watch)
      : program_(program),
        tracer_(tracer),
        output_(output),
        child_(child),
        options_(options),
        watch_(std::move(watch)),
        symbols_({.source = options.source}),
        code_(symbols_, tracer.unwind_tables(), needs_nodes() ? &nodes_ : nullptr,
              child != nullptr ? child->pid() : options.pid),
        demangled_functions_(demangled(program.point_functions)),
        names_{[this](uint64_t address, bool is_return) { return symbols_.kernel(address, is_return); },
               [this](uint32_t tgid, CodeAddress address, bool is_return) {
                 code_.catch_up();
                 return symbols_.user(tgid, address, is_return);
               },
               [this](uint32_t tgid, CodeAddress address, bool is_return) {
                 code_.catch_up();
                 return symbols_.user_frames(tgid, address, is_return);
               },
               [this](uint64_t hash) { return frames(hash); },
               [this](uint64_t hash) { return tracer_.script_stack(hash); },
               [this](uint32_t tgid) { return nodes_.name(tgid); }, program.point_names, demangled_functions_,
               [this](const std::string& format, uint64_t since_boot) { return moment_text(format, since_boot, names_.boot_time); },
               [this](uint64_t number, const std::string& hierarchy) { return cgroups_.path(number, hierarchy); },
               user_name, boot_time(), program.settings.str_trunc_trailer},
        messages_(program, tracer, output, names_, [this] { return asked_to_end(); }) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<int> run() {
    Status status = start();
    if (status && !over()) status = loop();
    if (status) status = finish();
    if (child_ != nullptr) {
      if (status) tell_child();  // else the error says more than how it ended
      child_->stop(child_farewell_ms);
    }
    if (reader_gone_) return 0;
    if (!status) return status.error();
    return messages_.exit_status().value_or(0);
  }

 private:
  bool over() const { return messages_.exit_status().has_value() || reader_gone_ || is_over_; }

  bool asked_to_end() const {
    return std::ferror(options_.out) != 0 || (!ending_ && watch_.signal_waiting());
  }

  Status start() {
    if (!options_.node.empty()) nodes_.tell([this](pid_t pid, const std::string& name) { take_node(pid, name); });
    if (names_user_code(program_) || needs_nodes()) {
      const std::string* command = child_ != nullptr && !child_->is_stopped() ? &child_->program() : nullptr;
      if (auto status = code_.start(program_, command, watch_); !status) return status;
      if (options_.verbose) say(stderr, stacks_text() + "\n");
    }
    if (auto status = watch_.add_signals(probed_signals(program_)); !status) return status;
    if (auto status = tracer_.run("BEGIN"); !status) return status;
    if (auto status = fetch(); !status || over()) return status;
    // Before it is said that probes are armed: the process may end right then.
    bool watched = child_ != nullptr || options_.pid.has_value();
    if (watched) {
      if (auto status = watch_.add_process(child_ != nullptr ? child_->pid() : *options_.pid); !status)
        return status;
    }
    if (auto status = arm(); !status) return status;
    if (int urgent = tracer_.wait_fd(); urgent >= 0) {
      if (auto status = watch_.add_messages(urgent); !status) return status;
    }
    drain_.wanted = sends_messages(program_);
    drain_.plan(fastest_drain);
    sweep_.wanted = tracer_.wants_sweeps();
    sweep_.plan(between_sweeps);
    naming_.wanted = needs_nodes();
    naming_.plan(between_names);
    looking_.wanted = tracer_.unseen_zeeks() > 0;
    looking_.plan(child_ != nullptr ? between_looks : between_searches);
    // A process of -p that had read its scripts was asked before anything was armed.
    if ((child_ != nullptr || options_.pid) && !options_.quiet) {
      const auto notes = tracer_.undeclared_zeek_names();
      asking_.wanted = child_ != nullptr ? notes != std::vector<std::string>() : !notes;
    }
    asking_.plan(between_questions);
    if (child_ != nullptr) {
      if (auto status = child_->release(); !status) return status;
    }
    // A tenth of a second now, while probes count, rather than when somebody waits for the answers.
    if (names_kernel_code(program_)) symbols_.read_kernel();
    return Nothing{};
  }

  std::vector<uint64_t> frames(uint64_t hash) {
    std::vector<uint64_t> frames = tracer_.frames(hash);
    has_deepest_ = has_deepest_ || (frames.size() >= max_stack_frames && frames.back() != stack_ends_here);
    return frames;
  }

  bool needs_nodes() const { return names_nodes(program_) || !options_.node.empty(); }

  void take_node(pid_t pid, const std::string& name) {
    const bool is_wanted = !name.empty() && glob_matches(options_.node, name);
    const auto status = tracer_.take_node(static_cast<uint32_t>(pid), is_wanted);
    if (!status) say(stderr, status.error().text() + "\n");
    if (is_wanted) ++nodes_taken_;
  }

  // How user stacks are walked.
  std::string stacks_text() const {
    if (UnwindTables* tables = tracer_.unwind_tables()) return tables->summary();
    if (program_.unwinds) return "no user stacks";
    return "user stacks: by frame pointers alone, since this kernel has no bpf_loop (Linux 5.17) or no BTF";
  }

  Status arm() {
    auto points = tracer_.arm();
    if (!points) return points.error();
    armed_ = true;
    tell_skipped();
    if (!options_.node.empty() && nodes_taken_ == 0 && !options_.quiet)
      say(stderr, fmt::format("note: no process is a node of Zeek's called {}; those that start are traced\n", options_.node));
    size_t count = *points;
    for (const auto& probe : program_.probes) {
      if (probe.how->runs_in_tracer) count += probe.points.size();
    }
    output_.attached(count);
    is_over_ = std::ranges::all_of(program_.probes, [](const Probe& probe) {
                 return probe.how->runs_in_tracer || probe.how->is_over_when_armed;
               }) && std::ranges::any_of(program_.probes, [](const Probe& probe) { return probe.how->is_over_when_armed; });
    return flush();
  }

  // Whether Zeeks that did not run when we began are what they are taken for.
  Status look() {
    const auto command = child_ != nullptr ? std::optional(child_->pid()) : std::nullopt;
    if (auto status = tracer_.look_at_unseen_zeeks(command); !status) return status;
    looking_.wanted = tracer_.unseen_zeeks() > 0;
    looking_.plan(looking_.every);
    return Nothing{};
  }

  Status sweep() {
    const auto full = tracer_.sweep();
    if (!full) return full.error();
    if (*full && !names_are_full_ && !options_.quiet)
      say(stderr, "note: the names of handlers and functions that the kernel side keeps have hardly any room left; others are read anew "
                  "each time, which costs some 0.2 us more\n");
    names_are_full_ = names_are_full_ || *full;
    sweep_.plan(between_sweeps);
    return Nothing{};
  }

  // What the script calls by name and the command's scripts don't have, once they have been read.
  void ask() {
    const auto notes = tracer_.undeclared_zeek_names();
    for (const std::string& note : notes.value_or(std::vector<std::string>())) say(stderr, fmt::format("note: {}\n", note));
    asking_.wanted = !notes;
    asking_.plan(between_questions);
  }

  std::optional<milliseconds> time_until_next() const {
    const auto next = sooner(sooner(time_until(drain_), time_until(sweep_)), sooner(time_until(naming_), time_until(looking_)));
    return sooner(next, time_until(asking_));
  }

  Status loop() {
    while (!over()) {
      auto events = watch_.wait(time_until_next());
      if (!events) return events.error();
      if (looking_.due())
        if (auto status = look(); !status) return status;
      if (asking_.due()) ask();
      if (naming_.due()) {
        nodes_.ask_again();
        naming_.plan(between_names);
      }
      if (sweep_.due()) {
        if (auto status = sweep(); !status) return status;
      }
      if (events->code) code_.serve();
      for (const int number : events->told)
        if (auto status = tracer_.run("self", number); !status) return status;
      if (events->message || drain_.due()) {
        uint64_t before = messages_.received();
        if (auto status = fetch(); !status) return status;
        bool busy = messages_.received() != before;
        drain_.plan(busy ? fastest_drain : std::min(drain_.every * 2, slowest_drain));
      }
      if (events->signal || events->process_ended) break;
    }
    return Nothing{};
  }

  Status finish() {
    ending_ = true;
    watch_.signals_end_at_once();
    code_.serve();
    if (asking_.wanted) ask();
    if (looking_.wanted)
      if (auto status = look(); !status) return status;
    if (looking_.wanted && child_ != nullptr && !options_.quiet)
      say(stderr, "note: the command ended too soon to see whether its classes are laid out as it is said of this release\n");
    // The kernel takes a moment for each link, and lets go of perf events one after the other: nobody waits for many.
    bool slow = tracer_.links() > most_links_first;
    if (armed_ && !slow) tracer_.disarm();
    auto status = tell_answers();
    if (armed_ && slow) {
      if (!options_.quiet) say(stderr, fmt::format("letting go of {} probes …\n", tracer_.links()));
      tracer_.disarm();
    }
    return status;
  }

  Status tell_answers() {
    if (auto status = fetch(); !status) return status;
    messages_.listen_again();
    if (auto status = tracer_.run("END"); !status) return status;
    if (auto status = fetch(); !status) return status;
    if (reader_gone_) return Nothing{};
    if (program_.settings.print_maps_on_exit)
      if (auto status = print_maps(); !status) return status;
    tell_losses();
    return flush();
  }

  Status print_maps() {
    std::vector<const MapDef*> maps;
    for (const auto& map : program_.maps) maps.push_back(&map);
    std::sort(maps.begin(), maps.end(), [](auto* a, auto* b) { return a->name < b->name; });
    for (const auto* map : maps) {
      if (auto status = messages_.print_map(*map, {}); !status) return status;
      if (auto status = flush(); !status || reader_gone_) return status;
    }
    return Nothing{};
  }

  void tell_losses() {
    for (const Loss& loss : losses(program_, options_.loss_sites, [this](uint32_t cell) { return tracer_.lost(cell); },
                                   [this](size_t probe) { return tracer_.missed(probe); }))
      output_.lost(loss);
    if (messages_.late() > 0 && !messages_.exit_status()) {
      output_.lost({messages_.late(), "event", "left out",
                    "they came faster than they could be printed at the end", "", ""});
    }
    if (messages_.malformed() > 0) {
      output_.lost(
          {messages_.malformed(), "event", "lost", "the message was cut short", "please report this", ""});
    }
    if (has_deepest_ && !options_.quiet)
      say(stderr, fmt::format("of a stack the innermost {} frames are kept; some may have more\n", max_stack_frames));
    for (const std::string& trouble : symbols_.source_trouble())
      if (!options_.quiet) say(stderr, trouble + "\n");
    for (const std::string& trouble : {symbols_.trouble(), code_.trouble()})
      if (!trouble.empty()) say(stderr, trouble + "\n");
  }

  void tell_skipped() {
    constexpr size_t most_named = 3;
    std::map<std::string_view, std::vector<std::string_view>> by_reason;
    for (const Skipped& each : tracer_.skipped()) by_reason[each.why].push_back(each.place);
    for (const std::string& note : tracer_.notes()) say(stderr, note + "\n");
    for (const auto& [why, places] : by_reason) {
      const auto end = places.begin() + static_cast<std::ptrdiff_t>(std::min(most_named, places.size()));
      std::string names = fmt::format("{}", fmt::join(places.begin(), end, ", "));
      if (places.size() > most_named) names += ", …";
      say(stderr, fmt::format("{} {} not probed: {} ({})\n", places.size(), places.size() == 1 ? "place is" : "places are",
                              why, names));
    }
  }

  // A command that ended badly has perhaps not done what it was run for.
  void tell_child() {
    auto status = child_->ended();
    bool interrupted = status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGINT;
    if (!status || *status == 0 || interrupted || options_.quiet) return;
    say(stderr, fmt::format("the command ended with {}\n", wait_status_text(*status)));
  }

  Status fetch() {
    if (auto status = messages_.drain(); !status) return status;
    return flush();
  }

  Status flush() {
    int why = std::fflush(options_.out) == 0 ? 0 : errno;
    if (why == 0 && std::ferror(options_.out) == 0) return Nothing{};
    pollfd stream{fileno(options_.out), POLLOUT, 0};
    if (why == EPIPE || (poll(&stream, 1, 0) == 1 && (stream.revents & POLLERR) != 0)) {
      reader_gone_ = true;
      return Nothing{};
    }
    if (why == 0) return Error{Error::Kind::machine, "can't write the answers", "is the disk full?", {}};
    return errno_error(why, "can't write the answers");
  }

  const Program& program_;
  Tracer& tracer_;
  Output& output_;
  Child* child_;
  const SessionOptions& options_;
  Watch watch_;
  Symbols symbols_;
  NodeNames nodes_{zeek_node};
  CodeWatch code_;
  std::vector<std::string> demangled_functions_;
  Names names_;
  CgroupPaths cgroups_;
  Messages messages_;
  Tick drain_;
  Tick sweep_;  // of what the dead leave behind in the kernel
  Tick naming_;  // of nodes that have been started
  Tick looking_;  // at Zeeks that have been started
  Tick asking_;   // the process, which has read its scripts perhaps
  uint64_t nodes_taken_ = 0;
  bool names_are_full_ = false;  // and it has been told
  bool armed_ = false;
  bool has_deepest_ = false;  // a stack was shown that has as many frames as are kept
  bool is_over_ = false;  // every probe has done all that it ever will
  bool ending_ = false;
  bool reader_gone_ = false;
};

}  // namespace

Result<int> run_session(const Program& program, Tracer& tracer, Output& output, Child* child,
                        const SessionOptions& options) {
  auto watch = Watch::make();
  if (!watch) return watch.error();
  return Session(program, tracer, output, child, options, std::move(*watch)).run();
}

}  // namespace zeektrace
