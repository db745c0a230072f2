#include "src/node_names.h"

#include <fmt/format.h>

namespace zeektrace {
namespace {

constexpr int most_questions = 64;      // a process that is asked so often in vain is no node
constexpr size_t most_names = 100'000;  // processes come and go

}  // namespace

bool NodeNames::ask(pid_t pid) {
  std::string name = look_up_(pid);
  if (name.empty()) return false;
  if (names_.size() >= most_names) names_.erase(names_.begin());
  told_(pid, name);
  names_[pid] = std::move(name);
  return true;
}

void NodeNames::appeared(pid_t pid) {
  if (names_.erase(pid) > 0) told_(pid, "");
  nameless_.erase(pid);
  if (!ask(pid)) nameless_[pid] = 1;
}

void NodeNames::ended(pid_t pid) {
  if (nameless_.erase(pid) > 0) ask(pid);
  told_(pid, "");
}

void NodeNames::ask_again() {
  for (auto each = nameless_.begin(); each != nameless_.end();) {
    const bool done = ask(each->first) || ++each->second > most_questions;
    each = done ? nameless_.erase(each) : std::next(each);
  }
}

std::string NodeNames::name(uint32_t tgid) {
  const auto pid = static_cast<pid_t>(tgid);
  if (!names_.contains(pid)) ask(pid);
  const auto known = names_.find(pid);
  return known == names_.end() ? fmt::format("pid {}", tgid) : known->second;
}

}  // namespace zeektrace
