#include "probes/machine.h"

#include <algorithm>

#include "probes/inside.h"

namespace zeektrace {

Machine::Machine(Settings settings) : inside_(std::make_unique<Inside>(std::move(settings))) {}
Machine::~Machine() = default;

const Machine::Settings& Machine::settings() const { return inside_->settings; }
const std::vector<std::string>& Machine::notes() const { return inside_->notes; }

void Machine::Inside::note(std::string sentence) {
  if (std::find(notes.begin(), notes.end(), sentence) == notes.end()) notes.push_back(std::move(sentence));
}

Result<std::shared_ptr<const Binary>> Machine::Inside::binary(const std::string& path, std::string_view shown,
                                                              DebugFile debug_file) {
  if (const auto known = binaries_.find({path, debug_file}); known != binaries_.end()) return known->second;
  auto read = read_binary(path, shown, debug_file);
  if (read) binaries_.emplace(std::pair(path, debug_file), *read);
  return read;
}

Result<const Tracefs*> Machine::Inside::tracefs() {
  if (!tracefs_) {
    auto found = Tracefs::find(settings.tracefs);
    if (!found) return found.error();
    tracefs_ = *std::move(found);
  }
  return &*tracefs_;
}

}  // namespace zeektrace
