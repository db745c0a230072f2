#include "src/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>

#include "parser/registry.h"
#include "src/commands/commands.h"

namespace zeektrace {
namespace {

Error usage(std::string message, std::string hint = "zeektrace -h lists the options") {
  return {Error::Kind::script, std::move(message), std::move(hint), {}};
}

std::optional<uint64_t> whole_number(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Status set_script(Options& options, std::string_view text) {
  if (options.script) return usage("-e is given twice", "put both probes into one script");
  options.script = text;
  return Nothing{};
}

Status set_pid(Options& options, std::string_view text) {
  auto number = whole_number(text);
  if (!number || *number == 0 || *number > INT32_MAX) {
    return usage(fmt::format("-p wants the number of a process, not '{}'", text), "pidof NAME finds it");
  }
  options.pid = static_cast<pid_t>(*number);
  return Nothing{};
}

Status set_format(Options& options, std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& format : all_formats()) {
    names.push_back(format.name);
    if (format.name == name) options.format = &format;
  }
  if (options.format != nullptr && options.format->name == name) return Nothing{};
  return usage(fmt::format("-f: unknown format '{}'", name),
               fmt::format("known are {}", fmt::join(names, ", ")));
}

constexpr std::array bufferings = {Buffering{"line", _IOLBF}, Buffering{"full", _IOFBF}, Buffering{"none", _IONBF}};

Status set_buffering(Options& options, std::string_view name) {
  for (const Buffering& each : bufferings)
    if (each.name == name) return options.buffering = &each, Nothing{};
  return usage(fmt::format("-B: unknown mode '{}'", name), "known are line, full and none");
}

constexpr std::array rows = {
    OptionRow{'e', "execute", "SCRIPT", "run this text instead of a file", set_script},
    OptionRow{'l', "list", "",
              "list the probes that PATTERN names (all without one); with -v their arguments, too",
              [](Options& o, std::string_view) -> Status { return o.list = true, Nothing{}; }},
    OptionRow{'p', "pid", "PID", "trace this process only; end when it ends", set_pid},
    OptionRow{'c', "cmd", "CMD", "run this command, trace it only (not the processes that it starts), end when it ends",
              [](Options& o, std::string_view text) -> Status { return o.command = text, Nothing{}; }},
    OptionRow{0, "node", "GLOB", "trace the nodes of a Zeek cluster that are called so, also those that start later",
              [](Options& o, std::string_view text) -> Status { return o.node = text, Nothing{}; }},
    OptionRow{'f', "format", "FORMAT", "how answers are written: text or json", set_format},
    OptionRow{'B', "buffering", "MODE", "when answers are written: line, full (after each reading of messages) or none",
              set_buffering},
    OptionRow{'o', "output", "FILE", "write the answers to this file",
              [](Options& o, std::string_view text) -> Status { return o.output = text, Nothing{}; }},
    OptionRow{'q', "quiet", "", "do not say how many probes are attached",
              [](Options& o, std::string_view) -> Status { return o.quiet = true, Nothing{}; }},
    OptionRow{'v', "verbose", "",
              "say how each probe is attached, how long each stage took, and all of the verifier's log",
              [](Options& o, std::string_view) -> Status { return o.verbose = true, Nothing{}; }},
    OptionRow{'d', "debug", "", "print the script's tree and what was made of it, and stop",
              [](Options& o, std::string_view) -> Status { return o.dump = true, Nothing{}; }},
    OptionRow{0, "dry-run", "", "do everything up to the kernel's verifier, attach nothing",
              [](Options& o, std::string_view) -> Status { return o.dry_run = true, Nothing{}; }},
    OptionRow{0, "unsafe", "", "allow signal(), and return probes where a C++ exception that passes one ends the process",
              [](Options& o, std::string_view) -> Status { return o.unsafe = true, Nothing{}; }},
    OptionRow{0, "source", "", "show lines of the source in ustack, and functions that were inlined",
              [](Options& o, std::string_view) -> Status { return o.source = true, Nothing{}; }},
    OptionRow{'V', "version", "", "print the version",
              [](Options& o, std::string_view) -> Status { return o.version = true, Nothing{}; }},
    OptionRow{'h', "help", "", "print this",
              [](Options& o, std::string_view) -> Status { return o.help = true, Nothing{}; }},
};

std::string in_environment(std::string_view prefix, std::string_view setting) {
  std::string name(prefix);
  for (char c : setting) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Status read_environment(Options& options, const std::function<const char*(const char*)>& environment) {
  Settings tried;
  // Ours is read last: it wins over the name that users of bpftrace have set.
  for (std::string_view prefix : {"BPFTRACE_", "ZEEKTRACE_"}) {
    for (const SettingRow& row : setting_rows()) {
      const std::string name = in_environment(prefix, row.name);
      const char* text = environment(name.c_str());
      if (text == nullptr) continue;
      if (!row.apply(tried, text))
        return usage(fmt::format("{} is '{}'; it must be {}", name, text, row.values),
                     fmt::format("it stands for: {}", row.doc));
      options.environment.emplace_back(row.name, text);
    }
  }
  if (const char* text = environment("ZEEKTRACE_ZEEK_LAYOUTS")) options.zeek_layouts = text;
  return Nothing{};
}

const OptionRow* find_letter(char letter) {
  auto row = std::find_if(rows.begin(), rows.end(),
                          [&](const auto& r) { return r.letter != 0 && r.letter == letter; });
  return row == rows.end() ? nullptr : &*row;
}

const OptionRow* find_word(std::string_view word) {
  auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.word == word; });
  return row == rows.end() ? nullptr : &*row;
}

Error unknown_option(std::string_view given, std::string_view word) {
  std::vector<std::string_view> words;
  for (const auto& row : rows) words.push_back(row.word);
  auto near = near_matches(word, words);
  for (auto& name : near) name = "--" + name;
  if (near.empty()) return usage(fmt::format("unknown option {}", given));
  return usage(fmt::format("unknown option {}", given), did_you_mean(near));
}

// The arguments, one after the other.
class Reader {
 public:
  Reader(std::span<const std::string> arguments, Options& options) : left_(arguments), options_(options) {}

  Status read() {
    while (!left_.empty()) {
      std::string_view argument = take();
      Status status = Nothing{};
      if (argument == "--") {
        while (!left_.empty()) words_.emplace_back(take());
      } else if (argument.starts_with("--")) {
        status = read_word(argument);
      } else if (argument.size() > 1 && argument[0] == '-' &&
                 !std::isdigit(static_cast<unsigned char>(argument[1]))) {
        status = read_letters(argument);
      } else {
        words_.emplace_back(argument);
      }
      if (!status) return status;
    }
    return Nothing{};
  }
  std::vector<std::string>& words() { return words_; }

 private:
  std::string_view take() {
    std::string_view argument = left_.front();
    left_ = left_.subspan(1);
    return argument;
  }
  Status apply_with_next(const OptionRow& row, std::string_view given) {
    if (left_.empty()) return usage(fmt::format("{} wants {}", given, row.argument));
    return row.apply(options_, take());
  }
  // --pid 12, --pid=12
  Status read_word(std::string_view argument) {
    size_t equals = std::min(argument.find('='), argument.size());
    std::string_view name = argument.substr(0, equals);
    const OptionRow* row = find_word(name.substr(2));
    if (row == nullptr) return unknown_option(name, name.substr(2));
    bool has_value = equals < argument.size();
    if (row->argument.empty()) {
      if (has_value) return usage(fmt::format("{} takes no argument", name));
      return row->apply(options_, {});
    }
    return has_value ? row->apply(options_, argument.substr(equals + 1)) : apply_with_next(*row, name);
  }
  // -lv, -p 12, -p12
  Status read_letters(std::string_view argument) {
    for (size_t i = 1; i < argument.size(); ++i) {
      std::string given = fmt::format("-{}", argument[i]);
      const OptionRow* row = find_letter(argument[i]);
      if (row == nullptr) return unknown_option(argument.size() == 2 ? given : argument, argument.substr(1));
      if (!row->argument.empty()) {
        if (i + 1 < argument.size()) return row->apply(options_, argument.substr(i + 1));
        return apply_with_next(*row, given);
      }
      if (auto status = row->apply(options_, {}); !status) return status;
    }
    return Nothing{};
  }

  std::span<const std::string> left_;
  Options& options_;
  std::vector<std::string> words_;
};

Status place_command_words(Options& options, std::vector<std::string>& words) {
  const Command& command = *options.subcommand;
  words.erase(words.begin(), words.begin() + 1 + std::ranges::count(command.name, ' '));
  const size_t most = command.takes_name ? 1 : 0;
  if (words.size() > most)
    return usage(fmt::format("{} takes no '{}'", command.name, words[most]), fmt::format("a script of that name is ./{}", command.name));
  if (options.pid || options.command) return usage(fmt::format("{} takes neither -p nor -c", command.name));
  options.params = std::move(words);
  return Nothing{};
}

// Words that are no options: FILE and ARGs, or -l's pattern.
Status place_words(Options& options, std::vector<std::string> words) {
  if (options.help || options.version) return Nothing{};
  if (options.list) {
    if (options.script) return usage("-l and -e do not go together");
    if (words.size() > 1) return usage("-l takes one pattern", "quote it: -l 'uprobe:libc:*alloc*'");
    if (!words.empty()) options.pattern = words[0];
    return Nothing{};
  }
  if (options.pid && options.command)
    return usage("-p and -c do not go together", "trace a process or a command");
  if (!options.node.empty() && (options.pid || options.command))
    return usage("--node goes with neither -p nor -c", "it finds the processes by their nodes' names");
  options.subcommand = options.script ? nullptr : find_command(words);
  if (options.subcommand != nullptr) return place_command_words(options, words);
  if (!options.script) {
    if (words.empty()) return usage("give a script: a FILE, or -e SCRIPT");
    options.file = words[0];
    words.erase(words.begin());
  }
  options.params = std::move(words);
  return Nothing{};
}

}  // namespace

std::span<const OptionRow> option_rows() { return rows; }

Result<Options> parse_options(std::span<const std::string> arguments,
                              const std::function<const char*(const char*)>& environment) {
  Options options;
  options.format = &all_formats()[0];
  Reader reader(arguments, options);
  if (auto status = reader.read(); !status) return status.error();
  if (auto status = place_words(options, std::move(reader.words())); !status) return status.error();
  if (auto status = read_environment(options, environment); !status) return status.error();
  return options;
}

std::string help_text() {
  std::string text =
      "zeektrace FILE [ARG…]        run a script (- reads it from standard input); ARGs are $1, $2 …\n"
      "zeektrace -e SCRIPT [ARG…]   run this text\n"
      "zeektrace -l [PATTERN]       list what can be probed\n";
  for (const auto& command : all_commands()) text += fmt::format("zeektrace {:<19}{}\n", command.name, command.doc);
  text += "\n";
  for (const auto& row : rows) {
    std::string letter = row.letter != 0 ? fmt::format("-{}, ", row.letter) : "    ";
    std::string left =
        fmt::format("{}--{}{}{}", letter, row.word, row.argument.empty() ? "" : " ", row.argument);
    text += fmt::format("  {:<24} {}\n", left, row.doc);
  }
  text += "\nFrom the environment:\n";
  for (const SettingRow& row : setting_rows())
    if (!row.values.empty()) text += fmt::format("  {:<28} {}\n", in_environment("ZEEKTRACE_", row.name), row.doc);
  text += fmt::format("  {:<28} {}\n", "ZEEKTRACE_ZEEK_LAYOUTS", "directory of entries that `zeektrace zeek layout` has made");
  text +=
      "\nExit status: 0, or what the script's exit() gives; 1: wrong script or usage; 2: this machine can't "
      "or may\n"
      "not do it; 134: a bug of zeektrace.\n";
  return text;
}

}  // namespace zeektrace
