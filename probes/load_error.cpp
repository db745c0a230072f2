#include "probes/load_error.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "probes/perf_event.h"
#include "probes/verifier_log.h"

namespace zeektrace {

namespace {

constexpr size_t log_size = 16 << 20;  // untouched pages cost nothing

// The library offers no context pointer with its printing function.
thread_local std::string* listening = nullptr;

int listen(libbpf_print_level level, const char* format, va_list args) {
  if (listening == nullptr || level == LIBBPF_DEBUG) return 0;
  char text[1024];
  const int length = vsnprintf(text, sizeof(text), format, args);
  if (length > 0) listening->append(text, std::min<size_t>(static_cast<size_t>(length), sizeof(text) - 1));
  return length;
}

// The name in quotes that follows `what` in a line with `fate`: "libbpf: prog 'x': BPF program load failed:
// …".
std::string name_in(std::string_view text, std::string_view what, std::string_view fate) {
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    start = end + 1;
    const size_t name = line.find(what);
    if (name == std::string_view::npos || line.find(fate) == std::string_view::npos) continue;
    const std::string_view rest = line.substr(name + what.size());
    return std::string(rest.substr(0, rest.find('\'')));
  }
  return "";
}

const Probe* probe_of(const Program& program, std::string_view function) {
  for (const Probe& probe : program.probes)
    if (probe.function == function) return &probe;
  return nullptr;
}

std::string script_map_of(const Program& program, std::string_view map) {
  for (const MapDef& def : program.maps)
    if (bpf_map_name(def) == map) return "@" + def.name;
  return fmt::format("the map {}", map);
}

}  // namespace

LoadLog::LoadLog() : buffer_(new char[log_size]) {
  buffer_[0] = '\0';
  listening = &library_;
  libbpf_set_print(listen);
}

LoadLog::~LoadLog() { listening = nullptr; }

size_t LoadLog::size() const { return log_size; }

Error LoadLog::rejected(int error_number, const Program& program, const std::string& function) const {
  const Rejection rejection = explain_rejection(buffer_.get(), *program.source);
  const Probe* probe = probe_of(program, function);
  const std::string name = probe == nullptr ? function : probe->points.front().name;
  std::string place = program.source->name();
  uint32_t line = rejection.line;
  if (line == 0 && probe != nullptr && probe->syntax != nullptr)
    line = program.source->position(probe->syntax->span.begin).line;
  if (line != 0) place += fmt::format(":{}", line);
  if (rejection.message.find("maps per program") != std::string::npos)
    return Error{Error::Kind::machine,
                 fmt::format("the program for {} at {} uses more than the 64 maps that the kernel allows", name,
                             place),
                 "spread its statements over several probes on the same place", nullptr};
  const auto says = [&](std::string_view sign) { return rejection.message.find(sign) != std::string::npos; };
  if (says("combined stack size") || says("the call stack of"))
    return Error{Error::Kind::machine,
                 fmt::format("the program for {} at {} needs more than the 512 bytes of stack that BPF has for it and what it calls",
                             name, place),
                 "walks up a stack (ustack, zstack) need much of it, and so do loops: take the stack outside of them, let fewer stand "
                 "in one another, or spread the statements over several probes on the same place",
                 nullptr};
  if (error_number == E2BIG || says("too large") || says("too complex"))
    return Error{
        Error::Kind::machine,
        fmt::format("the kernel's verifier rejects the program for {} at {}: it is too long to be checked",
                    name, place),
        "loops within loops and conditions multiply: make the block shorter, spread it over several probes on the same "
        "place, or shorten its strings (ZEEKTRACE_MAX_STRLEN)",
        nullptr};
  return Error{Error::Kind::machine,
               fmt::format("the kernel's verifier rejects the program for {} at {}: {}", name, place,
                           rejection.message),
               "-v shows the verifier's whole log", nullptr};
}

Error LoadLog::explain(int error_number, const Program& program) const {
  const std::string function = name_in(library_, "prog '", "load failed");
  const std::string map = name_in(library_, "map '", "failed to create");
  if (!map.empty() && error_number != EPERM) {
    std::string hint;
    if (error_number == ENOMEM || error_number == E2BIG)
      hint = "ask for fewer keys (ZEEKTRACE_MAX_MAP_KEYS), or for shorter strings (ZEEKTRACE_MAX_STRLEN)";
    return errno_error(error_number, fmt::format("the kernel cannot make {}", script_map_of(program, map)),
                       hint);
  }
  if (!function.empty() && buffer_[0] != '\0') return rejected(error_number, program, function);
  if (error_number == EPERM || error_number == EACCES)
    return errno_error(error_number, "the kernel does not let us load BPF programs", privilege_hint());
  Error error = errno_error(error_number, "the kernel does not take the compiled script");
  std::string last = library_;
  while (last.ends_with('\n')) last.pop_back();
  last.erase(0, last.rfind('\n') + 1);
  if (!last.empty())
    error.cause = std::make_shared<const Error>(Error{Error::Kind::machine, last, "", nullptr});
  return error;
}

}  // namespace zeektrace
