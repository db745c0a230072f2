#include "probes/source_frames.h"

#include <fmt/format.h>

#include <optional>

#include "probes/dwarf_file.h"

namespace zeektrace {
namespace {

constexpr size_t deepest_inlining = 256;
constexpr size_t most_units_in_memory = 48;  // a unit of Zeek takes some 1.5 MB, most of it its line table

std::optional<Dwarf_Die> child_around(Dwarf_Die parent, uint64_t address) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return std::nullopt;
  do {
    const int tag = tag_of(child);
    if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) && holds_address(child, address)) return child;
  } while (dwarf_siblingof(&child, &child) == 0);
  return std::nullopt;
}

// The bodies that were inlined at an address, outermost first.
std::vector<Dwarf_Die> inlined_around(Dwarf_Die function, uint64_t address) {
  std::vector<Dwarf_Die> chain;
  auto block = child_around(function, address);
  for (size_t depth = 0; block && depth < deepest_inlining; depth++) {
    if (tag_of(*block) == DW_TAG_inlined_subroutine) chain.push_back(*block);
    block = child_around(*block, address);
  }
  return chain;
}

std::string function_name(DwarfFile& file, Dwarf_Die die) {
  const std::string_view linkage = linkage_name_of(die);
  if (!linkage.empty()) return std::string(linkage);
  for (auto origin = completed_by(die); origin; origin = completed_by(die)) die = *origin;
  return file.qualified_name(die);
}

// Where an inlined function is called.
void set_call_place(Dwarf_Die inlined, SourceFrame& frame) {
  const auto line = number_of(inlined, DW_AT_call_line);
  const char* path = source_file_of(inlined, DW_AT_call_file);
  if (path == nullptr || !line) return;
  frame.file = path;
  frame.line = static_cast<int>(*line);
}

// The line that an address belongs to. Line 0 is code of no line (DWARF 5, §6.2.2).
void set_own_place(Dwarf_Die function, uint64_t address, SourceFrame& frame) {
  Dwarf_Die unit;
  if (dwarf_diecu(&function, &unit, nullptr, nullptr) == nullptr) return;
  Dwarf_Line* row = dwarf_getsrc_die(&unit, address);
  int line = 0;
  const char* path = row == nullptr ? nullptr : dwarf_linesrc(row, nullptr, nullptr);
  if (path == nullptr || dwarf_lineno(row, &line) != 0 || line == 0) return;
  frame.file = path;
  frame.line = line;
}

}  // namespace

std::vector<SourceFrame> source_frames(DwarfFile& file, uint64_t address, bool is_current) {
  auto function = file.function_at(address);
  if (!function) return {};
  std::vector<Dwarf_Die> chain = inlined_around(*function, address);
  std::optional<Dwarf_Die> next;  // what is called at the innermost frame's place
  while (is_current && !chain.empty() && entry_of(chain.back()) == address) {
    next = chain.back();
    chain.pop_back();
  }
  std::vector<SourceFrame> frames;
  for (size_t i = chain.size() + 1; i-- > 0;) {
    SourceFrame frame{function_name(file, i > 0 ? chain[i - 1] : *function), "", 0};
    if (next) {
      set_call_place(*next, frame);
    } else {
      set_own_place(*function, address, frame);
    }
    frames.push_back(std::move(frame));
    if (i > 0) next = chain[i - 1];
  }
  return frames;
}

FileSourceFrames::FileSourceFrames(std::string path, std::string shown)
    : path_(std::move(path)), shown_(std::move(shown)) {}
FileSourceFrames::~FileSourceFrames() = default;

DwarfFile* FileSourceFrames::opened() {
  if (file_ && file_->units_in_memory() >= most_units_in_memory) file_.reset();
  if (file_ || has_none_) return file_.get();
  auto file = DwarfFile::open(path_, shown_);
  has_none_ = !file;
  if (!file) return trouble_ = file.error().message, nullptr;
  file_ = *std::move(file);
  return file_.get();
}

const std::vector<SourceFrame>& FileSourceFrames::at(uint64_t file_offset, bool is_current) {
  auto [known, is_new] = known_.try_emplace({file_offset, is_current});
  DwarfFile* file = is_new ? opened() : nullptr;
  const auto address = file != nullptr ? file->address_of(file_offset) : std::nullopt;
  if (!address) return known->second;
  known->second = source_frames(*file, *address, is_current);
  has_lines_ = has_lines_ || !known->second.empty();
  // A piece of start-up code that nobody describes (_start) is in every program.
  std::string& trouble = file->unit_at(*address) ? trouble_ : undescribed_;
  if (known->second.empty() && trouble.empty())
    trouble = fmt::format("of {:#x} in {}: {}", *address, shown_, file->why_unknown(*address));
  return known->second;
}

}  // namespace zeektrace
