#include "probes/zeek/allocator.h"

#include <fmt/format.h>

#include <algorithm>

#include "probes/inside.h"
#include "probes/needed.h"
#include "probes/process_files.h"
#include "probes/registers.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {

namespace {

// Which argument says how much; two of them are multiplied.
struct Giver {
  std::string_view name;
  uint8_t size = 0;
  uint8_t times = 0;  // 0: alone
};
// C's, and the operators new of libraries whose operators do not go through malloc(): jemalloc and tcmalloc, which define
// both. libstdc++'s do, and lie in another file.
constexpr Giver givers[] = {
    {"malloc", 0},          {"calloc", 0, 1},
    {"aligned_alloc", 1},   {"memalign", 1},
    {"posix_memalign", 2},  {"_Znwm", 0},
    {"_Znam", 0},           {"_ZnwmRKSt9nothrow_t", 0},
    {"_ZnamRKSt9nothrow_t", 0}, {"_ZnwmSt11align_val_t", 0},
    {"_ZnamSt11align_val_t", 0},
};
constexpr std::string_view takers[] = {
    "free", "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "_ZdlPvSt11align_val_t", "_ZdlPvmSt11align_val_t",
};

struct File {
  std::string open;
  std::string shown;
};

// As the dynamic linker looks for a symbol: the program, then its libraries.
std::vector<File> files_of(Machine& machine, const ZeekBinary& zeek) {
  const auto& settings = machine.settings();
  std::vector<File> files = {{zeek.open, zeek.shown}};
  if (settings.pid && settings.program.empty()) {
    // What is mapped does not tell the order: C's library has malloc() too, and comes last.
    for (const MappedFile& mapped : mapped_code(*settings.pid))
      files.push_back({path_of_mapping(*settings.pid, mapped), mapped.path});
    std::stable_partition(files.begin() + 1, files.end(),
                          [](const File& file) { return file.shown.find("/libc.so") == std::string::npos; });
  } else {
    for (std::string& path : with_libraries(zeek.open)) files.push_back({path, path});
  }
  std::erase_if(files, [](const File& file) {
    return file.open.empty() || file.shown.starts_with('[') || file.shown.find("/ld-linux") != std::string::npos;
  });
  return files;
}

std::vector<AllocatorFunction> functions_in(const File& file, const Binary& binary, bool giving) {
  std::vector<AllocatorFunction> found;
  auto add = [&](std::string_view name) {
    for (const FunctionSymbol& symbol : binary.functions) {
      if (symbol.name != name) continue;
      const auto offset = binary.file_offset(symbol.address);
      const bool new_place = offset && std::ranges::none_of(found, [&](const auto& each) { return each.file_offset == *offset; });
      if (new_place) found.push_back({file.open, file.shown, name, *offset});
    }
  };
  if (giving)
    for (const Giver& giver : givers) add(giver.name);
  else
    for (const std::string_view taker : takers) add(taker);
  return found;
}

}  // namespace

Result<std::vector<AllocatorFunction>> allocator_functions(Machine& machine, const ZeekBinary& zeek, bool giving) {
  for (const File& file : files_of(machine, zeek)) {
    auto binary = machine.inside().binary(file.open, file.shown, DebugFile::skip);
    if (!binary) continue;  // another one will have it
    auto found = functions_in(file, **binary, giving);
    const std::string_view first = giving ? givers[0].name : takers[0];
    if (!found.empty() && found.front().name == first) return found;
  }
  return Error{Error::Kind::script, fmt::format("{} and its libraries have no malloc()", zeek.shown),
               "probe the allocator's own functions, such as uprobe:LIBRARY:je_malloc", nullptr};
}

Field allocator_field(std::string_view function, bool giving) {
  const Type word = Type::integer(8, false);
  const auto& registers = pt_regs::function_args;
  if (!giving) return {"args.address", word, ContextOffset{registers[0]}};
  const auto giver = std::ranges::find(givers, function, &Giver::name);
  if (giver == std::end(givers)) bug(fmt::format("{} gives no memory", function));
  if (giver->times != 0) return {"args.size", word, Product{registers[giver->size], registers[giver->times]}};
  return {"args.size", word, ContextOffset{registers[giver->size]}};
}

}  // namespace zeektrace
