// A binary's debug information, its own or that of a separate debug file (found by build id or by its debug link; nothing
// is downloaded), read piece by piece as questions are asked: which function's entry covers an address, how a type is
// called, where a type that is only declared here is defined. Units are read when something in them is asked for; all of
// them only for a name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/result.h"
#include "probes/dwarf_die.h"
#include "probes/elf_file.h"

namespace zeektrace {

class DwarfFile {
 public:
  // `shown` is what errors call the binary. An Error of kind script when there is no debug information.
  static Result<std::unique_ptr<DwarfFile>> open(const std::string& path, std::string_view shown);
  DwarfFile(const DwarfFile&) = delete;
  DwarfFile& operator=(const DwarfFile&) = delete;
  ~DwarfFile();

  // Offset in the file → address; all addresses here are those that the file itself gives. Nothing: it is no code.
  std::optional<uint64_t> address_of(uint64_t file_offset) const;
  std::optional<Dwarf_Die> unit_at(uint64_t address);
  // The function whose code the address is, as it was compiled (no abstract or inlined instance).
  std::optional<Dwarf_Die> function_at(uint64_t address);
  // Why function_at() knows no function there.
  std::string why_unknown(uint64_t address);
  // Where a function begins in the file; several functions may share the code.
  std::vector<Dwarf_Die> functions_at_entry(uint64_t address);

  // "zeek::Obj", "std::vector<int, std::allocator<int> >", "f()::Local".
  std::string qualified_name(Dwarf_Die die);
  // The namespace, class or function that an entry stands in.
  std::optional<Dwarf_Die> enclosing(Dwarf_Die die);
  // Definitions of a type in all units; `conflicting` when they differ in size.
  struct Definition {
    Dwarf_Die die;
    bool conflicting = false;
  };
  std::optional<Definition> find_type(std::string_view qualified_name);

  // How often each function was inlined, by the hash of its name (dwarf_lines.h).
  const std::unordered_map<uint64_t, uint32_t>& inlined();

  // What the frame's canonical address is at this place: register (DWARF's number) plus offset.
  struct FrameAddress {
    unsigned reg = 0;
    int64_t offset = 0;
  };
  std::optional<FrameAddress> canonical_frame_address(uint64_t address);

  const std::vector<Dwarf_Die>& units();
  // Of how many units something has been kept.
  size_t units_in_memory() const { return read_.size(); }
  // -fdebug-types-section: what a member function returns stands in the type unit of its class alone.
  bool has_type_units();

 private:
  struct UnitRange {
    uint64_t low, high;
    uint32_t unit;
  };
  struct Function {
    uint64_t low, high;
    Dwarf_Die die;
  };
  // A namespace, class or function that names may stand in: [start, end) of its entries. In order of start; `parent` is
  // an index, or `none`.
  struct Scope {
    Dwarf_Off start, end;
    uint32_t parent;
    Dwarf_Die die;
  };
  struct Unit {
    std::vector<Function> functions;  // by low
    std::vector<Scope> scopes;
    bool has_local_functions = false;  // those that stand inside of others (GCC: lambdas, members of local classes)
  };
  static constexpr uint32_t none = UINT32_MAX;

  DwarfFile(ElfFile binary, std::optional<ElfFile> separate, Dwarf* dwarf);
  const Unit& unit_of(Dwarf_Die die);
  void read_units();
  static void read_scope(Dwarf_Die parent, uint32_t parent_scope, Unit& unit, unsigned depth);
  static void read_function(Dwarf_Die die, Unit& unit);
  static void read_local_functions(Dwarf_Die parent, Unit& unit, unsigned depth);
  std::span<const Function> functions_around(uint64_t address);
  void read_type_names();
  void read_names_in(Dwarf_Die parent, const std::string& prefix, unsigned depth);
  void add_type_name(Dwarf_Die die, std::string_view name);

  ElfFile binary_;
  std::optional<ElfFile> separate_;
  Dwarf* dwarf_ = nullptr;
  Dwarf_CFI* frames_ = nullptr;
  Dwarf_CFI* debug_frames_ = nullptr;
  bool units_read_ = false;
  bool has_type_units_ = false;
  std::vector<Dwarf_Die> units_;
  std::map<uint32_t, std::string> missing_;  // units whose contents stand in a .dwo file that can't be read
  std::vector<UnitRange> ranges_;  // by low
  std::map<const void*, Unit> read_;  // by libdw's own unit
  bool names_read_ = false;
  bool inlined_read_ = false;
  std::unordered_map<uint64_t, uint32_t> inlined_;
  std::unordered_map<uint64_t, Definition> types_;  // by the hash of the compact name
};

// Where a function is entered. One that is split (.cold) names its main part first.
std::optional<uint64_t> entry_of(Dwarf_Die function);

// A name without the blanks that tell nothing: "std::vector<int, std::allocator<int> >" and "std::vector<int,
// std::allocator<int>>" are one.
std::string compact_name(std::string_view name);

}  // namespace zeektrace
