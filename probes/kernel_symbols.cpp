#include "probes/kernel_symbols.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <unordered_set>

#include "probes/glob.h"

namespace zeektrace {

namespace {

// "ffffffff81000000 T name" and, in a module, "\t[module]" after it.
KernelSymbols::Line parse_line(std::string_view text) {
  KernelSymbols::Line line;
  const auto number = std::from_chars(text.data(), text.data() + text.size(), line.address, 16);
  const auto rest = static_cast<size_t>(number.ptr - text.data());
  if (text.size() < rest + 4) return line;
  const char type = text[rest + 1];
  line.is_function = type == 't' || type == 'T' || type == 'w' || type == 'W';
  line.name = text.substr(rest + 3);
  if (const size_t tab = line.name.find('\t'); tab != std::string_view::npos) {
    line.module = line.name.substr(tab + 1);
    line.name = line.name.substr(0, tab);
    if (line.module.size() > 2) line.module = line.module.substr(1, line.module.size() - 2);
  }
  return line;
}

}  // namespace

void KernelSymbols::for_each(
    const std::function<bool(const Line&)>& visit) const {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  std::string pending;
  char chunk[65536];
  bool go_on = true;
  ssize_t got = 0;
  while (go_on && (got = read(fd, chunk, sizeof(chunk))) > 0) {
    pending.append(chunk, static_cast<size_t>(got));
    size_t start = 0;
    for (size_t end; go_on && (end = pending.find('\n', start)) != std::string::npos; start = end + 1) {
      const Line line = parse_line(std::string_view(pending).substr(start, end - start));
      go_on = visit(line);
    }
    pending.erase(0, start);
  }
  close(fd);
}

bool KernelSymbols::has(std::string_view wanted, std::string_view wanted_module) const {
  bool found = false;
  for_each([&](const Line& line) {
    found = line.is_function && line.name == wanted && (wanted_module.empty() || line.module == wanted_module);
    return !found;
  });
  return found;
}

std::optional<uint64_t> KernelSymbols::address(std::string_view wanted) {
  const auto known = addresses_.find(wanted);
  if (known != addresses_.end()) return known->second;
  std::optional<uint64_t> found;
  for_each([&](const Line& line) {
    if (line.name == wanted && line.address != 0) found = line.address;
    return !found;
  });
  addresses_.emplace(wanted, found);
  return found;
}

std::vector<KernelFunction> KernelSymbols::matching(std::string_view name_glob,
                                                    std::string_view module_glob) const {
  std::vector<KernelFunction> functions;
  std::unordered_set<std::string> seen;
  for_each([&](const Line& line) {
    if (line.is_function && glob_matches(name_glob, line.name) &&
        (module_glob.empty() || glob_matches(module_glob, line.module)) && seen.emplace(line.name).second)
      functions.push_back({std::string(line.name), std::string(line.module), line.address});
    return true;
  });
  return functions;
}

}  // namespace zeektrace
