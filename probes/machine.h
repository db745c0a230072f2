// The machine as the providers see it: whose process, which kernel features (tried, never guessed from a version), where
// the kernel's files are, and the symbols of binaries, read once. Tests point its roots at directories of their own.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/registry.h"
#include "parser/result.h"

namespace zeektrace {

class Machine {
 public:
  struct Settings {
    std::optional<pid_t> pid;   // -p or -c: whose mappings resolve a bare library name, and whose events count
    std::string program;        // the executable that -c will run: until then /proc/PID/exe is zeektrace
    // --unsafe: return probes on binaries with C++ exceptions, uprobes inside of functions
    bool unsafe = false;
    std::string tracefs;        // "" to find it (mounted, or mounted privately for this process only)
    std::string kallsyms = "/proc/kallsyms";
    std::string zeek_layouts;   // a directory of entries for builds of Zeek (zeek/layout_text.h); "": none
    bool multi_links = true;    // false: do as on a kernel without uprobe_multi and kprobe_multi links
  };
  explicit Machine(Settings settings);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const Settings& settings() const;
  // What the user should know of the places that were found, a sentence each: clones, what is not probed and why.
  const std::vector<std::string>& notes() const;
  // Whether this kernel can walk user stacks by unwind tables.
  bool unwinds();
  // Features::private_stacks().
  bool has_private_stacks();
  // Whether the kernel describes its functions and types (BTF).
  bool has_kernel_types() const;
  // The kernel's types; null when it describes none.
  Records* kernel_types();
  // Where a symbol of the kernel is; nothing when it has none, or hides where.
  std::optional<uint64_t> kernel_address(std::string_view symbol);

  struct Inside;  // probes/ only
  Inside& inside() { return *inside_; }

 private:
  std::unique_ptr<Inside> inside_;
};

// The rows of every provider.
std::span<const Provider> all_providers();

// What `zeektrace -l PATTERN` lists: every attach point that the pattern names, and with `fields` their arguments.
// Without a provider in the pattern ("*malloc*" or "") all providers that can list are asked.
struct Listed {
  std::string name;
  std::string how;            // the mechanism's name
  std::vector<Field> fields;  // when asked for
  std::vector<std::string> places;  // then too: where exactly it is armed, if the script reads all of them, or none
  std::string remark;         // when fields are asked for: what such a probe misses; "" for nothing
};
Result<std::vector<Listed>> list_probes(Machine& machine, std::string_view pattern, bool with_fields);

// Notes how often the first few functions that a script probes are inlined, where probes don't see them; as far as that costs
// milliseconds: by the unit of a function alone, and where a binary has its debug information itself, not compressed.
void note_inlined(Machine& machine, const Program& program);

// Notes names in zeek: probes that no Zeek which runs declares.
void note_undeclared_zeek_names(Machine& machine, const Program& program);

}  // namespace zeektrace
