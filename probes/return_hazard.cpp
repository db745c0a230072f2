// Which binaries a return probe would endanger; the rule is told in elf.h.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "probes/elf.h"
#include "probes/elf_file.h"

namespace zeektrace {

namespace {

// The routine that the unwinder calls for a frame with a language-specific handler. Names: libsupc++
// eh_personality.cc, Rust library/std/src/sys/personality, gcc/ada/raise-gcc.c, phobos' _d_eh_personality,
// libobjc exception.c.
std::string_view language_of_personality(std::string_view symbol) {
  if (symbol.find("personality") == std::string_view::npos) return {};
  if (symbol.find("gcc_personality") != std::string_view::npos) return {};
  if (symbol.find("gxx_personality") != std::string_view::npos) return "C++ exceptions";
  if (symbol.find("rust_eh_personality") != std::string_view::npos) return "Rust panics";
  if (symbol.find("gnat_personality") != std::string_view::npos) return "Ada exceptions";
  if (symbol.find("d_eh_personality") != std::string_view::npos ||
      symbol.find("dmd_personality") != std::string_view::npos)
    return "D exceptions";
  if (symbol.find("objc_personality") != std::string_view::npos) return "Objective-C exceptions";
  return {};
}

// All symbols, defined here or elsewhere: a program that uses libstdc++.so only refers to its personality
// routine.
std::string_view language_of_symbols(const ElfFile& file) {
  for (Elf_Scn* scn = elf_nextscn(file.handle(), nullptr); scn != nullptr;
       scn = elf_nextscn(file.handle(), scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || header.sh_entsize == 0) continue;
    if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* data = elf_getdata(scn, nullptr);
    if (data == nullptr) continue;
    for (size_t i = 0; i < data->d_size / header.sh_entsize; i++) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) continue;
      const char* name = elf_strptr(file.handle(), header.sh_link, symbol.st_name);
      if (name == nullptr) continue;
      if (const auto language = language_of_personality(name); !language.empty()) return language;
    }
  }
  return {};
}

// Changes of stacks: the kernel takes what lies below another stack for dead and forgets its return (TODO in
// handle_trampoline, kernel/events/uprobes.c of 6.18). The C library itself defines these.
constexpr std::string_view switches_stacks[] = {"makecontext", "swapcontext", "setcontext", "sigaltstack"};

bool refers_to_stack_switch(const ElfFile& file) {
  for (Elf_Scn* scn = elf_nextscn(file.handle(), nullptr); scn != nullptr; scn = elf_nextscn(file.handle(), scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || header.sh_entsize == 0) continue;
    if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* data = elf_getdata(scn, nullptr);
    for (size_t i = 0; data != nullptr && i < data->d_size / header.sh_entsize; i++) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr || symbol.st_shndx != SHN_UNDEF) continue;
      const char* name = elf_strptr(file.handle(), header.sh_link, symbol.st_name);
      const std::string_view bare = name == nullptr ? std::string_view() : std::string_view(name);
      if (std::find(std::begin(switches_stacks), std::end(switches_stacks), bare.substr(0, bare.find('@'))) !=
          std::end(switches_stacks))
        return true;
    }
  }
  return false;
}

// What remains of a statically linked run-time when the symbols are gone: the mangled type name of
// libsupc++'s own type descriptors, the path that rustc gives its library's sources.
std::string_view language_of_read_only_data(const ElfFile& file) {
  GElf_Shdr header;
  Elf_Scn* scn = file.section(".rodata", header);
  Elf_Data* data = scn == nullptr ? nullptr : elf_rawdata(scn, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  const std::string_view bytes(static_cast<const char*>(data->d_buf), data->d_size);
  if (bytes.find("N10__cxxabiv1") != std::string_view::npos) return "C++ exceptions";
  if (bytes.find("/rustc/") != std::string_view::npos) return "Rust panics";
  return {};
}

std::optional<ReturnHazard> hazard_of_file(const std::string& path) {
  auto file = ElfFile::open(path, path);
  if (!file) return std::nullopt;  // it was read a moment ago; attaching will tell what is wrong
  GElf_Shdr header;
  for (const std::string_view section : {".gopclntab", ".note.go.buildid", ".data.rel.ro.gopclntab"})
    if (file->section(section, header) != nullptr)
      return ReturnHazard{
          true,
          "Go moves its stacks while they grow, and would crash when it meets the return address that the kernel's "
          "return probe puts there"};
  const bool has_tables = file->section(".gcc_except_table", header) != nullptr;
  std::string_view language = language_of_symbols(*file);
  if (language.empty() && has_tables) language = language_of_read_only_data(*file);
  if (language.empty() && refers_to_stack_switch(*file))
    return ReturnHazard{false,
                        "it changes stacks (coroutines, or signal handlers with a stack of their own), of which the kernel's "
                        "return probe would lose count"};
  if (language.empty()) return std::nullopt;
  return ReturnHazard{
      false, fmt::format("it uses {}, and one that passes through a function with the kernel's return probe could not be "
                         "unwound and would end the process",
                         language)};
}

// DT_SONAME, which libraries have and programs do not.
std::string shared_object_name(const ElfFile& file) {
  GElf_Shdr header;
  Elf_Scn* scn = file.section(".dynamic", header);
  Elf_Data* data = scn == nullptr ? nullptr : elf_getdata(scn, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return "";
  for (size_t i = 0; i < data->d_size / header.sh_entsize; i++) {
    GElf_Dyn entry;
    if (gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr || entry.d_tag != DT_SONAME) continue;
    const char* name = elf_strptr(file.handle(), header.sh_link, entry.d_un.d_val);
    return name == nullptr ? "" : name;
  }
  return "";
}

bool is_c_library(std::string_view name) {
  for (const std::string_view prefix : {"libc.so", "libm.so", "libpthread.so", "librt.so", "libdl.so", "ld-linux",
                                        "libc.musl", "ld-musl"})
    if (name.starts_with(prefix)) return true;
  return false;
}

// Functions of the C library that run code of their caller's: comparators, visitors, initialisers, handlers at exit, a
// thread's or the program's main function, constructors of what is loaded. (glibc 2.36, its manual and elf/, nptl/.)
constexpr std::string_view calls_back[] = {
    "qsort", "qsort_r", "__qsort_r", "bsearch", "lfind", "lsearch", "tsearch", "__tsearch", "tfind", "tdelete", "twalk",
    "twalk_r", "tdestroy", "ftw", "ftw64", "nftw", "nftw64", "scandir", "scandir64", "scandirat", "scandirat64", "glob",
    "glob64", "fts_open", "fts_read", "fts_children", "fts64_open", "fts64_read", "fts64_children", "dl_iterate_phdr",
    "__dl_iterate_phdr", "pthread_once", "__pthread_once", "call_once", "exit", "quick_exit", "__cxa_finalize",
    "__libc_start_main", "__libc_start_call_main", "__libc_start_main_impl", "start_thread", "clone", "clone3", "dlopen",
    "dlmopen", "dlclose", "argp_parse", "fork", "makecontext", "swapcontext", "setcontext", "svc_run", "callrpc",
    "_dl_init", "_dl_fini", "msort_with_tmp", "msort_with_tmp.part.0", "quicksort", "_quicksort",
};

// A C++ run-time among the files that the process has mapped: a plugin of a C program can bring it.
bool has_cxx_mapped(pid_t pid) {
  FILE* maps = fopen(fmt::format("/proc/{}/maps", pid).c_str(), "re");
  if (maps == nullptr) return false;
  bool found = false;
  char* line = nullptr;
  size_t capacity = 0;
  while (!found && getline(&line, &capacity, maps) > 0)
    found = strstr(line, "libstdc++") != nullptr || strstr(line, "libc++abi") != nullptr;
  free(line);
  fclose(maps);
  return found;
}

}  // namespace

std::optional<ReturnHazard> return_hazard(const Binary& binary) { return hazard_of_file(binary.path); }

std::optional<ReturnHazard> callback_hazard(const Binary& library, const std::vector<std::string>& functions,
                                            const TracedProgram& program) {
  auto file = ElfFile::open(library.path, library.path);
  if (!file) return std::nullopt;
  const std::string name = shared_object_name(*file);
  if (name.empty()) return std::nullopt;  // a program calls nobody back but itself
  std::string culprit = name;
  if (is_c_library(name)) {
    auto caller = std::find_if(functions.begin(), functions.end(), [](const std::string& function) {
      return std::find(std::begin(calls_back), std::end(calls_back), function) != std::end(calls_back);
    });
    if (caller == functions.end()) return std::nullopt;
    culprit = *caller;
  }
  const char* ending =
      "what that throws could not pass through a function with the kernel's return probe, and would end the process";
  if (program.executable.empty())
    return ReturnHazard{false, fmt::format("{} can call back into C++ code of any process, and {}", culprit, ending)};
  if (!hazard_of_file(program.executable) && !(program.process && has_cxx_mapped(*program.process))) return std::nullopt;
  return ReturnHazard{
      false, fmt::format("{} can call back into this program, which uses C++ exceptions or the like; {}", culprit, ending)};
}

}  // namespace zeektrace
