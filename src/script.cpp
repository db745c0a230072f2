#include "src/script.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "parser/parse.h"
#include "src/files.h"

namespace zeektrace {

Result<Source> load_script(const Options& options) {
  if (options.script) return Source("<command line>", *options.script);
  bool standard_input = options.file == "-";
  auto text = standard_input ? read_all(STDIN_FILENO, "standard input", max_script_bytes)
                             : read_file(options.file, max_script_bytes);
  if (text) return Source(standard_input ? "<standard input>" : options.file, std::move(*text));
  Error error = text.error();
  error.kind = Error::Kind::script;
  if (error.hint.empty()) error.hint = "give a script's file, or -e and its text";
  return error;
}

Status check_process(pid_t pid) {
  auto status = read_file(fmt::format("/proc/{}/status", pid));
  if (!status) {
    return Error{Error::Kind::machine,
                 fmt::format("-p: there is no process {}", pid),
                 "pidof NAME finds its number",
                 {}};
  }
  size_t at = status->find("\nTgid:");
  int process = at == std::string::npos ? pid : std::atoi(status->c_str() + at + 6);
  if (process == pid) return Nothing{};
  return Error{Error::Kind::machine,
               fmt::format("-p: {} is a thread of process {}", pid, process),
               fmt::format("use -p {}; /tid == {}/ picks the thread", process, pid),
               {}};
}

}  // namespace zeektrace
