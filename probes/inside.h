// What Machine keeps to itself and shares with the providers: everything is found when first asked for, and
// kept.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "probes/btf_types.h"
#include "probes/code.h"
#include "probes/dwarf_file.h"
#include "probes/dwarf_types.h"
#include "probes/elf.h"
#include "probes/features.h"
#include "probes/kernel_symbols.h"
#include "probes/machine.h"
#include "probes/tracefs.h"
#include "probes/usdt_notes.h"
#include "probes/zeek/types.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {

struct Machine::Inside {
  explicit Inside(Settings given)
      : settings(std::move(given)), features(settings.multi_links), kernel_symbols(settings.kallsyms) {}

  Settings settings;
  Features features;
  KernelSymbols kernel_symbols;
  std::vector<std::string> notes;

  // Said once, however often a target is expanded.
  void note(std::string sentence);

  // `shown` is what errors call the file.
  Result<std::shared_ptr<const Binary>> binary(const std::string& path, std::string_view shown,
                                               DebugFile debug_file);
  Result<std::shared_ptr<const UsdtNotes>> usdt_notes(const std::string& path, std::string_view shown);
  Result<const Tracefs*> tracefs();
  BtfTypes* btf();  // null when the kernel has none
  // A binary's debug information and the types in it; the error is kept as well.
  struct DebugInformation {
    std::unique_ptr<DwarfFile> file;
    std::unique_ptr<DwarfTypes> types;
  };
  Result<DebugInformation*> debug_information(const std::string& path, std::string_view shown);
  // To be decoded, with the symbols of the binary as it was read last.
  Result<const Code*> code(const std::string& path);

  // What zeek_binaries() has found, or why nothing; empty until it is asked for.
  std::optional<Result<std::vector<std::unique_ptr<const ZeekBinary>>>> zeeks;
  std::vector<const ZeekBinary*> unseen_zeeks;  // of them
  // The types of the scripts that run in each of them, once they have been asked for.
  std::map<const ZeekBinary*, std::unique_ptr<ZeekTypes>> zeek_types;

 private:
  std::map<std::string, Result<DebugInformation>> debug_information_;
  std::map<std::pair<std::string, DebugFile>, std::shared_ptr<const Binary>> binaries_;
  std::map<std::string, std::shared_ptr<const UsdtNotes>> usdt_notes_;  // by path
  std::map<std::string, std::unique_ptr<Code>> codes_;
  std::optional<Tracefs> tracefs_;
  std::optional<std::unique_ptr<BtfTypes>> btf_;
};

}  // namespace zeektrace
