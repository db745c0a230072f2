#include "probes/binary_path.h"

#include <bcc/bcc_proc.h>
#include <dirent.h>
#include <fmt/format.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "probes/elf_file.h"
#include "probes/process_files.h"

namespace zeektrace {

namespace {

constexpr const char* library_directories[] = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64",
                                               "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"};
constexpr std::string_view default_path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

std::string_view file_name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Error script_error(std::string message, std::string hint) {
  return Error{Error::Kind::script, std::move(message), std::move(hint), nullptr};
}

// `root`: as root_of() gives it.
Result<BinaryPath> existing(const std::string& path, const std::string& root) {
  if (auto found = resolve_in_root(root, path)) return BinaryPath{path, *std::move(found), ""};
  const std::string seen = root + path;
  const int failure = access(seen.c_str(), F_OK) == 0 ? EISDIR : errno;
  Error error =
      errno_error(failure, fmt::format("cannot open {}{}", path, root.empty() ? "" : " (in the process's root)"));
  if (failure == ENOENT || failure == ENOTDIR || failure == EISDIR) error.kind = Error::Kind::script;
  if (failure == EACCES) error.hint = "reading it takes root: sudo zeektrace …";
  return error;
}

std::string absolute(std::string_view path) {
  std::string text(path);
  char directory[PATH_MAX];
  if (text.starts_with('/') || getcwd(directory, sizeof(directory)) == nullptr) return text;
  while (text.starts_with("./")) text.erase(0, 2);
  return fmt::format("{}/{}", directory, text);
}

bool names_library(std::string_view name) {
  return name.starts_with("lib") || name.find(".so") != std::string_view::npos;
}

// Through the dynamic linker's cache; a version ("libfoo.so.2") that it does not have is looked for where
// libraries are.
std::optional<std::string> library_of_this_machine(std::string_view name) {
  std::string stem(name.starts_with("lib") ? name.substr(3) : name);
  if (const size_t suffix = stem.find(".so"); suffix != std::string::npos) stem.erase(suffix);
  if (stem.empty()) return std::nullopt;
  char* cached = bcc_procutils_which_so(stem.c_str(), 0);
  const std::string path = cached == nullptr ? "" : cached;
  free(cached);
  if (!path.empty() && (names_file(name, file_name_of(path)) || !names_library(name))) return path;
  for (const char* directory : library_directories)
    if (is_file(fmt::format("{}/{}", directory, name))) return fmt::format("{}/{}", directory, name);
  return std::nullopt;
}

std::optional<std::string> program_in_path(std::string_view name) {
  const char* path = getenv("PATH");
  std::string_view rest = path == nullptr ? default_path : path;
  while (!rest.empty()) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    const std::string candidate = fmt::format("{}/{}", directory, name);
    if (!directory.empty() && is_file(candidate) && access(candidate.c_str(), X_OK) == 0)
      return absolute(candidate);
  }
  return std::nullopt;
}

// A library's name without its version, in the root of a process that has not loaded it.
std::optional<std::string> library_in_root(const std::string& root, std::string_view name) {
  for (const char* directory : library_directories) {
    DIR* entries = opendir(fmt::format("{}{}", root, directory).c_str());
    if (entries == nullptr) continue;
    std::string found;
    while (const dirent* entry = readdir(entries)) {
      const std::string_view file = entry->d_name;  // of several versions the first by the alphabet
      if (names_file(name, file) && (found.empty() || file < found)) found = file;
    }
    closedir(entries);
    if (!found.empty()) return fmt::format("{}/{}", directory, found);
  }
  return std::nullopt;
}

std::optional<std::string> program_in_root(const std::string& root, std::string_view name) {
  for (std::string_view rest = default_path; !rest.empty();) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    std::string candidate = fmt::format("{}/{}", directory, name);
    if (resolve_in_root(root, candidate)) return candidate;
  }
  return std::nullopt;
}

// By its bare name, in the files that a process sees.
std::optional<std::string> find_by_name(std::string_view name, const std::string& root) {
  if (!root.empty())
    return names_library(name) ? library_in_root(root, name) : program_in_root(root, name);
  const bool library_first = names_library(name);
  if (library_first)
    if (auto library = library_of_this_machine(name)) return library;
  if (auto program = program_in_path(name)) return program;
  if (!library_first)
    if (auto library = library_of_this_machine(name)) return library;
  if (is_file(std::string(name))) return absolute(name);
  return std::nullopt;
}

// A program without an interpreter (ld.so) has all its code in its own file. False when it can't be read.
bool is_linked_statically(const std::string& program) {
  auto file = ElfFile::open(program, program);
  size_t count = 0;
  if (!file || elf_getphdrnum(file->handle(), &count) != 0) return false;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(file->handle(), static_cast<int>(i), &header) != nullptr && header.p_type == PT_INTERP) return false;
  }
  return count > 0;
}

Error has_no_libraries(std::string_view name, std::string_view who, std::string_view program) {
  return script_error(fmt::format("{} is linked statically: it runs no code of the machine's {}", who, name),
                      fmt::format("what it uses of it is in its own file: uprobe:{}:FUNCTION", program));
}

// What the process has mapped goes before what is at that path now: a file that was replaced is not what runs.
Result<BinaryPath> mapped(pid_t pid, const MappedFile& file, const std::string& root) {
  if (!file.deleted)
    if (auto path = existing(file.path, root)) return path;
  BinaryPath path{file.path, path_of_mapping(pid, file), ""};
  if (path.open.empty())
    return Error{Error::Kind::machine,
                 fmt::format("{} was deleted or replaced after process {} had started, and may not be reached through /proc",
                             file.path, pid),
                 "it takes CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE; or restart the process", nullptr};
  if (file.deleted)
    path.note = fmt::format("{} was deleted or replaced after process {} had started: the file that it runs is probed",
                            file.path, pid);
  return path;
}

Result<BinaryPath> find_path_in_process(std::string_view name, pid_t pid) {
  const std::string root = root_of(pid);
  const bool in_its_directory = !root.empty() && !name.starts_with('/');
  const std::string path = in_its_directory ? fmt::format("/{}", name) : absolute(name);
  auto found = existing(path, in_its_directory ? fmt::format("/proc/{}/cwd", pid) : root);
  if (in_its_directory) return found;
  // The kernel tells mappings by their paths without links.
  char* real = found ? realpath(found->open.c_str(), nullptr) : nullptr;
  const std::string real_path = real == nullptr ? "" : real;
  free(real);
  for (const MappedFile& file : mapped_code(pid))
    if (file.deleted && (file.path == path || file.path == real_path)) return mapped(pid, file, root);
  return found;
}

Result<BinaryPath> find_name_in_process(std::string_view name, pid_t pid) {
  const std::string root = root_of(pid);
  const auto files = mapped_code(pid);
  for (const MappedFile& file : files)
    if (names_file(name, file_name_of(file.path))) return mapped(pid, file, root);
  const auto path = find_by_name(name, root);
  if (!path)
    return script_error(
        fmt::format("process {} has no file '{}' mapped, and there is no such program or library", pid, name),
        "give its path");
  const std::string executable = fmt::format("/proc/{}/exe", pid);
  if (names_library(name) && is_linked_statically(executable))
    return has_no_libraries(name, fmt::format("process {}", pid), files.empty() ? executable : files.front().path);
  auto found = existing(*path, root);
  if (found)
    found->note = fmt::format("process {} has not loaded {}: its probes fire only if it does, or runs it", pid, found->shown);
  return found;
}

}  // namespace

bool names_file(std::string_view wanted, std::string_view file_name) {
  if (wanted == file_name) return true;
  if (!names_library(wanted)) return false;
  // "libc" is libc.so.6 and libc-2.31.so; "libfoo.so" is libfoo.so.3.
  if (!file_name.starts_with(wanted) || file_name.find(".so") == std::string_view::npos) return false;
  const std::string_view rest = file_name.substr(wanted.size());
  if (rest.starts_with(".so") || (rest.starts_with('.') && wanted.find(".so") != std::string_view::npos))
    return true;
  return rest.size() > 1 && rest[0] == '-' && std::isdigit(static_cast<unsigned char>(rest[1])) != 0;
}

Result<BinaryPath> find_binary(std::string_view name, std::optional<pid_t> pid, const std::string& program) {
  if (name.empty())
    return script_error("the program or library is missing", "write uprobe:PATH:FUNCTION, such as uprobe:libc:malloc");
  if (pid && access(fmt::format("/proc/{}", *pid).c_str(), F_OK) != 0)
    return Error{Error::Kind::machine, fmt::format("there is no process {}", *pid), "it may have ended",
                 nullptr};
  const bool is_path = name.find('/') != std::string_view::npos;
  // The command of -c is not running yet: until then its process is ours.
  if (pid && program.empty()) return is_path ? find_path_in_process(name, *pid) : find_name_in_process(name, *pid);
  if (is_path) return existing(absolute(name), "");
  if (!program.empty() && names_file(name, file_name_of(program))) return existing(absolute(program), "");
  const auto path = find_by_name(name, "");
  if (!path)
    return script_error(fmt::format("there is no program '{}' in $PATH, and no such library", name), "give its path");
  if (!program.empty() && names_library(name) && is_linked_statically(program))
    return has_no_libraries(name, program, program);
  return existing(*path, "");
}

// A path may have colons, too. No function's name has a single one, so the longest file it can be is meant.
BinaryTarget split_target(std::string_view target, std::optional<pid_t> pid) {
  const std::string root = pid ? root_of(*pid) : "";
  std::optional<size_t> first;
  std::optional<size_t> longest;
  for (size_t i = 0; i < target.size(); i++) {
    if (target[i] != ':') continue;
    if (i + 1 < target.size() && target[i + 1] == ':') {
      i++;
      continue;
    }
    const std::string_view path = target.substr(0, i);
    if (!first) first = i;
    else if (path.find('/') != std::string_view::npos && resolve_in_root(path.starts_with('/') ? root : "", std::string(path)))
      longest = i;
  }
  const size_t at = longest ? *longest : first.value_or(target.size());
  return {target.substr(0, at), target.substr(std::min(target.size(), at + 1))};
}

}  // namespace zeektrace
