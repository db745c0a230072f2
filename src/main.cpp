// zeektrace FILE: options → source → parse → check → emit → load → session. Each stage takes the value of the
// one before.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "probes/machine.h"
#include "probes/tracer.h"
#include "src/commands/commands.h"
#include "src/hold.h"
#include "src/listing.h"
#include "src/options.h"
#include "src/pid_namespace.h"
#include "src/script.h"
#include "src/session.h"

namespace zeektrace {
namespace {

// What the kernel gives us must not land on the number of a stream that our caller has closed. Such a stream
// refuses what it is for, so that answers which nobody gets are an error still.
void hold_closed_streams() {
  constexpr int refusing[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int fd = 0; fd < 3; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", refusing[fd]) != fd) std::_Exit(2);
  }
}

int report(const Error& error) {
  say(stderr, fmt::format("zeektrace: {}\n", error.text()));
  return error.kind == Error::Kind::script ? 1 : 2;
}

int report(const Source& source, const Diagnostics& diagnostics) {
  constexpr size_t most = 20;  // who has made more of them reads the first
  const auto& all = diagnostics.all();
  for (size_t i = 0; i < std::min(all.size(), most); ++i) say(stderr, render(source, all[i]));
  if (all.size() > most) say(stderr, fmt::format("and {} more errors\n", all.size() - most));
  return 1;
}

// All of an answer that needs no session.
int answer(std::string_view text, std::FILE* out = stdout) {
  bool written = std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
  return written ? 0 : report(errno_error(errno, "can't write the answer"));
}

void tell_notes(const Machine& machine, const Options& options) {
  if (options.quiet) return;
  for (const auto& note : machine.notes()) say(stderr, fmt::format("note: {}\n", note));
}

// For -v: how long each stage took.
class Stages {
 public:
  explicit Stages(bool told) : told_(told) {}
  void done(std::string_view stage) {
    auto now = std::chrono::steady_clock::now();
    double took = std::chrono::duration<double, std::milli>(now - last_).count();
    if (told_) say(stderr, fmt::format("{:<6} {:6.1f} ms\n", stage, took));
    last_ = now;
  }

 private:
  bool told_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Machine::Settings settings(const Options& options, std::optional<pid_t> pid, std::string program = "") {
  Machine::Settings settings;
  settings.pid = pid;
  settings.program = std::move(program);
  settings.unsafe = options.unsafe;
  settings.zeek_layouts = options.zeek_layouts;
  return settings;
}

// The command of -c, held back. Nothing for -d and --dry-run: they run nothing.
Result<std::optional<Child>> start_child(const Options& options) {
  std::optional<Child> none;
  if (!options.command || options.dump || options.dry_run) return none;
  auto words = split_words(*options.command);
  if (!words) return words.error();
  auto child = Child::start(std::move(*words));
  if (!child) return child.error();
  return std::optional<Child>(std::move(*child));
}

// A script may ask what only the running command can tell.
Status hold_if_asked(const Ast& ast, std::optional<Child>& child) {
  const std::string function = child ? function_to_hold_at(ast, all_providers()) : "";
  if (function.empty()) return Nothing{};
  return run_and_hold(*child, function);
}

Result<std::FILE*> open_output(const Options& options) {
  if (options.output.empty()) return stdout;
  std::FILE* out = std::fopen(options.output.c_str(), "we");
  if (out == nullptr) return errno_error(errno, fmt::format("-o: can't write {}", options.output));
  return out;
}

Result<Tracer> load(const Object& object, const Program& program, Machine& machine, const Options& options) {
  std::string log;
  auto tracer = Tracer::load(object.elf, program, machine, &log);
  if (!tracer && options.verbose && !log.empty()) say(stderr, log + "\n");
  if (tracer && options.verbose) {
    for (const auto& line : tracer->describe()) say(stderr, line + "\n");
  }
  return tracer;
}

int run(const Options& options) {
  Stages stages(options.verbose);
  auto source = load_script(options);
  if (!source) return report(source.error());
  Diagnostics diagnostics;
  auto ast = parse(*source, diagnostics);
  if (!ast) return report(*source, diagnostics);
  stages.done("parse");

  if (options.pid) {
    if (auto status = check_process(*options.pid); !status) return report(status.error());
  }
  if (options.pid || options.command) {
    if (auto status = check_proc(); !status) return report(status.error());
  }
  auto child = start_child(options);
  if (!child) return report(child.error());
  if (auto status = hold_if_asked(*ast, *child); !status) return report(status.error());
  auto pid = *child ? (*child)->pid() : options.pid;
  bool yet_to_run = *child && !(*child)->is_stopped();
  Machine machine(settings(options, pid, yet_to_run ? (*child)->program() : ""));
  CheckOptions check_options{.params = options.params, .environment = options.environment};
  check_options.pid_namespace = own_pid_namespace();
  if (pid) {
    auto only = only_process(*pid);
    if (!only) return report(only.error());
    check_options.only_pid = only->pid;
    check_options.only_pid_namespace = only->in;
  }
  check_options.only_nodes = !options.node.empty();
  check_options.unwinds = machine.unwinds();
  check_options.has_private_stacks = machine.has_private_stacks();
  check_options.has_kernel_types = machine.has_kernel_types();
  check_options.unsafe = options.unsafe;
  check_options.kernel_types = [&machine] { return machine.kernel_types(); };
  check_options.kernel_address = [&machine](std::string_view symbol) { return machine.kernel_address(symbol); };
  if (*child) check_options.child_pid = static_cast<uint32_t>((*child)->pid());
  auto program = check(*source, *ast, all_builtins(), all_providers(), machine, check_options, diagnostics);
  if (!program) return report(program.error());
  if (!diagnostics.empty()) return report(*source, diagnostics);
  if (!options.quiet) note_inlined(machine, *program);
  if (!options.quiet && !*child) note_undeclared_zeek_names(machine, *program);
  tell_notes(machine, options);
  if (!options.quiet)
    for (const std::string& note : program->notes) say(stderr, fmt::format("note: {}\n", note));
  stages.done("check");

  auto object = emit(*program, all_builtins());
  if (!object) return report(object.error());
  stages.done("emit");
  if (options.dump) return answer(fmt::format("{}\n{}", dump(*ast), object_facts(*object)));

  auto out = open_output(options);
  if (!out) return report(out.error());
  if (options.buffering != nullptr) std::setvbuf(*out, nullptr, options.buffering->mode, BUFSIZ);
  auto tracer = load(*object, *program, machine, options);
  if (!tracer) return report(tracer.error());
  stages.done("load");
  if (options.dry_run) return 0;

  auto output = options.format->make(*out, stderr, options.quiet);
  auto status = run_session(*program, *tracer, *output, *child ? &**child : nullptr,
                            {*out, options.pid, options.quiet, options.verbose, options.node,
                             options.source || program->settings.show_debug_info,
                             object->loss_sites});
  return status ? *status : report(status.error());
}

int list(const Options& options) {
  if (options.pid) {
    if (auto status = check_process(*options.pid); !status) return report(status.error());
  }
  Machine machine(settings(options, options.pid));
  auto listed = list_probes(machine, options.pattern, options.verbose);
  if (!listed) return report(listed.error());
  int status = answer(listing_text(*listed));
  tell_notes(machine, options);
  return status;
}

int run_command(const Options& options) {
  auto text = options.subcommand->run(options);
  if (!text) return report(text.error());
  auto out = open_output(options);
  return out ? answer(*text, *out) : report(out.error());
}

int zeektrace_main(std::span<const std::string> arguments) {
  auto options = parse_options(arguments, [](const char* name) -> const char* { return std::getenv(name); });
  if (!options) return report(options.error());
  if (options->help) return answer(help_text());
  if (options->version) return answer(fmt::format("zeektrace {}\n", ZEEKTRACE_VERSION));
  if (options->subcommand != nullptr) return run_command(*options);
  return options->list ? list(*options) : run(*options);
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) {
  zeektrace::hold_closed_streams();
  std::vector<std::string> arguments(argv + (argc > 0), argv + argc);
  return zeektrace::zeektrace_main(arguments);
}
