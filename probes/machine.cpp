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
bool Machine::has_private_stacks() { return inside_->features.private_stacks(); }
bool Machine::unwinds() { return inside_->features.unwinding(); }
bool Machine::has_kernel_types() const { return inside_->features.kernel_types(); }

Records* Machine::kernel_types() { return inside_->btf(); }
std::optional<uint64_t> Machine::kernel_address(std::string_view symbol) {
  return inside_->kernel_symbols.address(symbol);
}

BtfTypes* Machine::Inside::btf() {
  if (!btf_) {
    auto read = BtfTypes::of_kernel();
    btf_ = read ? *std::move(read) : nullptr;
  }
  return btf_->get();
}

Result<std::shared_ptr<const Binary>> Machine::Inside::binary(const std::string& path, std::string_view shown,
                                                              DebugFile debug_file) {
  if (const auto known = binaries_.find({path, debug_file}); known != binaries_.end()) return known->second;
  auto read = read_binary(path, shown, debug_file);
  if (read) binaries_.emplace(std::pair(path, debug_file), *read);
  return read;
}

Result<std::shared_ptr<const UsdtNotes>> Machine::Inside::usdt_notes(const std::string& path,
                                                                     std::string_view shown) {
  if (const auto known = usdt_notes_.find(path); known != usdt_notes_.end()) return known->second;
  auto read = read_usdt_notes(path, shown);
  if (read) usdt_notes_.emplace(path, *read);
  return read;
}

Result<Machine::Inside::DebugInformation*> Machine::Inside::debug_information(const std::string& path,
                                                                              std::string_view shown) {
  auto known = debug_information_.find(path);
  if (known == debug_information_.end()) {
    auto file = DwarfFile::open(path, shown);
    Result<DebugInformation> opened = file ? Result<DebugInformation>(DebugInformation{}) : file.error();
    if (file) {
      opened->file = *std::move(file);
      opened->types = std::make_unique<DwarfTypes>(*opened->file);
    }
    known = debug_information_.emplace(path, std::move(opened)).first;
  }
  if (!known->second) return known->second.error();
  return &*known->second;
}

Result<const Code*> Machine::Inside::code(const std::string& path) {
  if (const auto known = codes_.find(path); known != codes_.end()) return known->second.get();
  // A debug file's symbols tell functions from their parts; they are not worth reading for that alone.
  const bool has_all = binaries_.contains({path, DebugFile::read});
  auto read = binary(path, path, has_all ? DebugFile::read : DebugFile::skip);
  if (!read) return read.error();
  auto code = Code::open(*read);
  if (!code) return code.error();
  return codes_.emplace(path, *std::move(code)).first->second.get();
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
