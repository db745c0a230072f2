#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "probes/zeek/zeeks.h"

namespace zeektrace {
namespace {

// The texts of a file of /proc in which each ends with a NUL.
std::vector<std::string> texts_of(pid_t pid, std::string_view file) {
  std::ifstream in(fmt::format("/proc/{}/{}", pid, file), std::ios::binary);
  std::vector<std::string> texts;
  for (std::string text; std::getline(in, text, '\0');) texts.push_back(text);
  return texts;
}

}  // namespace

std::string zeek_node(pid_t pid) {
  constexpr std::string_view variable = "CLUSTER_NODE=", own_name = "zeek.";
  for (const std::string& text : texts_of(pid, "environ"))
    if (text.starts_with(variable) && text.size() > variable.size()) return text.substr(variable.size());
  // A supervised node has the command line of its supervisor: its own name goes first.
  std::string name;
  std::ifstream comm(fmt::format("/proc/{}/comm", pid));
  std::getline(comm, name);
  if (name.starts_with(own_name) && name.size() > own_name.size()) return name.substr(own_name.size());
  const auto arguments = texts_of(pid, "cmdline");
  std::string last;
  for (size_t i = 1; i + 1 < arguments.size(); i++)
    if (arguments[i] == "-p") last = arguments[i + 1];
  return last;
}

}  // namespace zeektrace
