// What Machine keeps to itself and shares with the providers: everything is found when first asked for, and
// kept.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "probes/elf.h"
#include "probes/features.h"
#include "probes/kernel_symbols.h"
#include "probes/machine.h"
#include "probes/tracefs.h"
#include "probes/usdt_notes.h"

namespace zeektrace {

struct Machine::Inside {
  explicit Inside(Settings given)
      : settings(std::move(given)), features(settings.multi_links), kernel_symbols(settings.kallsyms) {}

  Settings settings;
  Features features;
  KernelSymbols kernel_symbols;

  // `shown` is what errors call the file.
  Result<std::shared_ptr<const Binary>> binary(const std::string& path, std::string_view shown,
                                               DebugFile debug_file);
  Result<std::shared_ptr<const UsdtNotes>> usdt_notes(const std::string& path, std::string_view shown);
  Result<const Tracefs*> tracefs();

 private:
  std::map<std::pair<std::string, DebugFile>, std::shared_ptr<const Binary>> binaries_;
  std::map<std::string, std::shared_ptr<const UsdtNotes>> usdt_notes_;  // by path
  std::optional<Tracefs> tracefs_;
};

}  // namespace zeektrace
