#include "src/symbols.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "parser/program.h"
#include "probes/elf.h"
#include "src/files.h"

namespace zeektrace {
namespace {

constexpr uint64_t farthest_in_kernel = 1 << 20;  // no function of the kernel is larger
constexpr size_t most_open_files = 512;
constexpr size_t most_mappings = 8192;  // of one process
constexpr size_t most_ended_processes = 4096;

std::string address_text(uint64_t address) { return fmt::format("{:#x}", address); }

std::string with_offset(std::string name, uint64_t offset) {
  if (offset > 0) name += fmt::format("+{}", offset);
  return name;
}

// Next word of a line of /proc, and the rest.
std::string_view take_word(std::string_view& line) {
  size_t begin = std::min(line.find_first_not_of(' '), line.size());
  size_t end = std::min(line.find(' ', begin), line.size());
  std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

std::string_view take_line(std::string_view& text) {
  size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

uint64_t hexadecimal(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

// Of several names for one place the plainest one: malloc, not __libc_malloc.
size_t underscores(std::string_view name) { return std::min(name.find_first_not_of('_'), name.size()); }

std::string_view plainest(const Binary& binary, const FunctionSymbol& function) {
  auto [first, last] = std::equal_range(binary.functions.begin(), binary.functions.end(), function,
                                        [](const auto& a, const auto& b) { return a.address < b.address; });
  auto fewer = [](const auto& a, const auto& b) { return underscores(a.name) < underscores(b.name); };
  return std::min_element(first, last, fewer)->name;
}

}  // namespace

// ---- KernelNames ----

void KernelNames::add(uint64_t address, std::string_view name) {
  rows_.push_back({address, static_cast<uint32_t>(names_.size()), static_cast<uint32_t>(name.size())});
  names_ += name;
}

void KernelNames::sort() {
  auto name = [&](const Row& row) { return std::string_view(names_).substr(row.name, row.length); };
  std::stable_sort(rows_.begin(), rows_.end(), [&](const Row& a, const Row& b) {
    if (a.address != b.address) return a.address < b.address;
    return underscores(name(a)) < underscores(name(b));
  });
}

std::optional<KernelNames::Found> KernelNames::find(uint64_t address) const {
  auto after = std::upper_bound(rows_.begin(), rows_.end(), address,
                                [](uint64_t wanted, const Row& row) { return wanted < row.address; });
  if (after == rows_.begin() || address - after[-1].address >= farthest_in_kernel) return std::nullopt;
  uint64_t start = after[-1].address;
  auto row = std::lower_bound(rows_.begin(), after, start,
                              [](const Row& row, uint64_t wanted) { return row.address < wanted; });
  return Found{std::string_view(names_).substr(row->name, row->length), address - start};
}

// ---- Symbols ----

// A mapped file, kept open from the first time that it is seen; its symbols are read when the first name is
// asked for.
struct Symbols::File {
  int fd = -1;
  bool read = false;
  std::shared_ptr<const Binary> binary;
  std::unique_ptr<FileSourceFrames> frames;

  ~File() {
    if (fd >= 0) close(fd);
  }
  const Binary* symbols(const std::string& shown) {
    if (read) return binary.get();
    read = true;
    if (fd < 0) return nullptr;
    auto result = read_binary(path(), shown);
    if (result) binary = *result;
    return binary.get();
  }
  FileSourceFrames* source(const std::string& shown) {
    if (!frames && fd >= 0) frames = std::make_unique<FileSourceFrames>(path(), shown);
    return frames.get();
  }
  std::string path() const { return fmt::format("/proc/self/fd/{}", fd); }
};

Symbols::Symbols(SymbolsOptions options) : options_(std::move(options)) {}
Symbols::~Symbols() = default;

Symbols::File& Symbols::file(pid_t pid, const Mapping& mapping) {
  auto& file = files_[mapping.file];
  if (!file) file = std::make_unique<File>();
  if (file->fd < 0 && !file->read && files_.size() <= most_open_files) file->fd = open_mapped(pid, mapping);
  return *file;
}

const Symbols::Mappings& Symbols::observe(pid_t pid) {
  if (auto maps = read_file(fmt::format("/proc/{}/maps", pid)))
    for (const Mapping& mapping : parse_mappings(*maps)) mapped(pid, mapping);
  return processes_[static_cast<uint32_t>(pid)];
}

bool Symbols::mapped(pid_t pid, const Mapping& mapping) {
  Mappings& mappings = processes_[static_cast<uint32_t>(pid)];
  auto same = [&](const auto& known) {
    return known->begin == mapping.begin && known->end == mapping.end && known->offset == mapping.offset &&
           known->file == mapping.file;
  };
  auto overlaps = [&](const auto& known) { return known->begin < mapping.end && mapping.begin < known->end; };
  const auto newest = std::find_if(mappings.rbegin(), mappings.rend(), overlaps);
  if (newest != mappings.rend() && same(*newest)) return false;
  if (!mapping.has_file() && (newest == mappings.rend() || !(*newest)->has_file())) return false;
  // What comes and goes is known once.
  if (const auto known = std::ranges::find_if(mappings, same); known != mappings.end()) {
    std::rotate(known, known + 1, mappings.end());
    return true;
  }
  if (mappings.size() >= most_mappings) mappings.erase(mappings.begin());
  mappings.push_back(std::make_shared<const Mapping>(mapping));
  if (mapping.has_file()) file(pid, mapping);
  return true;
}

const Symbols::Mappings& Symbols::forked(pid_t parent, pid_t pid) {
  auto known = processes_.find(static_cast<uint32_t>(parent));
  Mappings inherited = known == processes_.end() ? Mappings() : known->second;
  return processes_[static_cast<uint32_t>(pid)] = std::move(inherited);
}

void Symbols::ended(pid_t pid) {
  ended_.push_back(static_cast<uint32_t>(pid));
  if (ended_.size() <= most_ended_processes) return;
  processes_.erase(ended_.front());
  ended_.pop_front();
}

Symbols::Mappings& Symbols::process(uint32_t tgid) {
  if (!processes_.contains(tgid)) observe(static_cast<pid_t>(tgid));
  return processes_[tgid];
}

std::string Symbols::shown_name(std::string_view name) {
  std::string_view plain = demangler_.demangle(name);
  return std::string(plain.empty() ? name : plain);
}

std::string Symbols::made_at_run_time(uint32_t tgid, uint64_t address, uint64_t inside) {
  auto known = perf_maps_.find(tgid);
  if (known == perf_maps_.end()) known = perf_maps_.emplace(tgid, PerfMap::of(static_cast<pid_t>(tgid))).first;
  auto found = known->second.find(inside);
  if (!found) return address_text(address);
  return with_offset(std::string(found->name), found->offset + (address - inside));
}

const Mapping* Symbols::mapping_of(uint32_t tgid, CodeAddress code) {
  const auto id = [](const Mapping& mapping) { return code_id(mapping.file, mapping.offset - mapping.begin); };
  const Mapping* newest = nullptr;  // of those that were ever there
  const Mapping* meant = nullptr;
  bool has_changed = false, is_ambiguous = false;
  for (const auto& each : process(tgid)) {
    if (code.address < each->begin || code.address >= each->end) continue;
    const auto same_code = [&](const Mapping& a) { return a.file == each->file && a.offset - a.begin == each->offset - each->begin; };
    has_changed = has_changed || (newest != nullptr && !same_code(*newest));
    newest = each.get();
    if (id(*each) != code.id) continue;
    is_ambiguous = is_ambiguous || (meant != nullptr && !same_code(*meant));
    meant = each.get();
  }
  if (meant != nullptr) return is_ambiguous ? nullptr : meant;
  // Within containers the kernel calls files otherwise than /proc does; on some kernels there are no ids. With one mapping
  // there since the beginning that makes no difference.
  return has_changed || (code.id != 0 && !sees_all_) ? nullptr : newest;
}

std::optional<Symbols::Place> Symbols::place_of(uint32_t tgid, const Mapping& mapping, uint64_t inside) {
  if (!mapping.has_file()) return std::nullopt;
  return Place{file(static_cast<pid_t>(tgid), mapping), mapping, inside - mapping.begin + mapping.offset};
}

std::string Symbols::user(uint32_t tgid, CodeAddress code, bool is_return) {
  const uint64_t address = code.address;
  if (address == stack_ends_here) return "[the frames above could not be found]";
  const uint64_t inside = is_return && address > 0 ? address - 1 : address;
  const Mapping* mapping = mapping_of(tgid, {inside, code.id});
  const auto place = mapping != nullptr ? place_of(tgid, *mapping, inside) : std::nullopt;
  const Binary* binary = place ? place->file.symbols(mapping->path) : nullptr;
  const auto at = binary != nullptr ? binary->address_at(place->offset) : std::nullopt;
  const FunctionSymbol* function = at ? binary->function_at(*at) : nullptr;
  if (function != nullptr)
    return with_offset(shown_name(plainest(*binary, *function)), *at - function->address + (address - inside));
  const bool is_unknown_file = mapping == nullptr && code.id > id_without_file;
  return is_unknown_file ? address_text(address) : made_at_run_time(tgid, address, inside);
}

std::vector<std::string> Symbols::user_frames(uint32_t tgid, CodeAddress code, bool is_return) {
  std::string name = user(tgid, code, is_return);
  if (!options_.source || code.address == stack_ends_here) return {std::move(name)};
  const uint64_t inside = is_return && code.address > 0 ? code.address - 1 : code.address;
  const Mapping* mapping = mapping_of(tgid, {inside, code.id});
  const auto place = mapping != nullptr ? place_of(tgid, *mapping, inside) : std::nullopt;
  FileSourceFrames* source = place ? place->file.source(mapping->path) : nullptr;
  if (source == nullptr) return {std::move(name)};
  std::vector<std::string> shown;
  const auto& frames = source->at(place->offset, !is_return);
  for (size_t i = 0; i < frames.size(); i++) {
    shown.push_back(i + 1 < frames.size() ? shown_name(frames[i].function) + " (inlined)" : std::move(name));
    if (frames[i].line != 0) shown.back() += fmt::format(" at {}:{}", frames[i].file, frames[i].line);
  }
  if (shown.empty()) shown.push_back(std::move(name));
  return shown;
}

std::vector<std::string> Symbols::source_trouble() const {
  std::vector<std::string> all;
  for (const auto& [identity, file] : files_)
    if (file->frames && !file->frames->trouble().empty()) all.push_back("no lines: " + file->frames->trouble());
  return all;
}

void Symbols::read_kernel() {
  if (kernel_) return;
  kernel_.emplace();
  auto text = read_file(options_.kallsyms);
  if (!text) {
    trouble_ = fmt::format("kernel addresses have no names: {}", text.error().text());
    return;
  }
  bool hidden = true;
  for (std::string_view rest = *text; !rest.empty();) {
    // ffffffff81000000 T _stext    [module]
    std::string_view line = take_line(rest);
    std::string_view address = take_word(line), kind = take_word(line), name = take_word(line);
    name = name.substr(0, name.find('\t'));
    if (kind.size() != 1 || std::string_view("tTwW").find(kind[0]) == std::string_view::npos) continue;
    uint64_t value = hexadecimal(address);
    if (value == 0) continue;
    hidden = false;
    kernel_->add(value, name);
  }
  kernel_->sort();
  if (hidden) {
    trouble_ = fmt::format(
        "kernel addresses have no names: {} shows every address as 0 "
        "(run as root, or set kernel.kptr_restrict to 0)",
        options_.kallsyms);
  }
}

std::string Symbols::kernel(uint64_t address, bool is_return) {
  read_kernel();
  uint64_t inside = is_return && address > 0 ? address - 1 : address;
  auto found = kernel_->find(inside);
  if (!found) return address_text(address);
  return with_offset(std::string(found->name), found->offset + (address - inside));
}

}  // namespace zeektrace
