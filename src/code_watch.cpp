#include "src/code_watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <set>

#include "probes/unwind_tables.h"
#include "src/node_names.h"

namespace zeektrace {

Status CodeWatch::start(const Program& program, const std::string* command, Watch& watch) {
  auto events = MappingEvents::open();
  if (events) {
    events_.emplace(*std::move(events));
    if (auto status = watch.add_code(events_->wait_fd()); !status) return status;
  } else {
    symbols_.is_blind();
    trouble_ = fmt::format("code that was mapped while the script ran may have no names: {}", events.error().text());
  }
  if (tables_ != nullptr && tables_->wait_fd() >= 0) {
    if (auto status = watch.add_code(tables_->wait_fd()); !status) return status;
  }
  if (command != nullptr) {
    if (tables_ != nullptr) tables_->add_program(*command);
    return Nothing{};
  }
  take_processes();
  if (only_ || tables_ == nullptr) return Nothing{};
  std::set<std::string_view> files;
  for (const auto& probe : program.probes)
    for (const auto& point : probe.points)
      if (point.target.starts_with('/') && files.insert(point.target).second) tables_->add_program(point.target);
  return Nothing{};
}

// Tables for all that is mapped in a process that was asked for. Where every process counts, what is not known to be met
// gets its table when a walk meets it.
void CodeWatch::take_processes() {
  auto take_one = [&](pid_t pid) {
    if (nodes_ != nullptr) nodes_->appeared(pid);
    for (const auto& mapping : symbols_.observe(pid)) {
      if (tables_ == nullptr) continue;
      if (only_) tables_->add_file_of(pid, *mapping);
      tables_->add_range(pid, *mapping);
    }
  };
  if (only_) return take_one(*only_);
  std::error_code failure;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator entry("/proc", failure); !failure && entry != end; entry.increment(failure)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    const auto number = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (number.ec == std::errc() && number.ptr == name.data() + name.size() && pid != getpid()) take_one(pid);
  }
}

void CodeWatch::take(const MappingEvent& event) {
  if (only_ && event.pid != *only_) return;
  switch (event.kind) {
    case MappingEvent::Kind::mapped:
      if (!symbols_.mapped(event.pid, event.mapping) && !event.mapping.has_file()) break;
      if (tables_ == nullptr) break;
      if (only_ && event.mapping.has_file()) tables_->add_file_of(event.pid, event.mapping);
      tables_->add_range(event.pid, event.mapping);
      break;
    case MappingEvent::Kind::executed:
      if (nodes_ != nullptr) nodes_->appeared(event.pid);
      if (tables_ != nullptr) tables_->forget_process(event.pid);
      break;
    case MappingEvent::Kind::forked:
      if (nodes_ != nullptr) nodes_->appeared(event.pid);
      for (const auto& mapping : symbols_.forked(event.parent, event.pid))
        if (tables_ != nullptr) tables_->add_range(event.pid, *mapping);
      break;
    case MappingEvent::Kind::ended:
      symbols_.ended(event.pid);
      if (nodes_ != nullptr) nodes_->ended(event.pid);
      if (tables_ != nullptr) tables_->forget_process(event.pid);
      break;
  }
}

void CodeWatch::catch_up() {
  if (events_)
    for (const MappingEvent& event : events_->read()) take(event);
  if (events_ && events_->lost() > 0) symbols_.is_blind();
}

void CodeWatch::serve() {
  catch_up();
  if (nodes_ != nullptr) nodes_->ask_again();
  if (tables_ != nullptr) tables_->serve();
}

std::string CodeWatch::trouble() const {
  if (!trouble_.empty() || !events_ || events_->lost() == 0) return trouble_;
  return fmt::format("{} announcements of mapped code were lost: some addresses may have no names", events_->lost());
}

}  // namespace zeektrace
