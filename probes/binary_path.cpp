#include "probes/binary_path.h"

#include <bcc/bcc_proc.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

namespace zeektrace {

namespace {

std::string_view file_name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_file(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat first = {};
  struct stat second = {};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// "" for a process that sees the same files as we do, or when we may not know.
std::string root_of(pid_t pid) {
  const std::string process = fmt::format("/proc/{}", pid);
  struct stat status = {};
  if (stat((process + "/ns/mnt").c_str(), &status) != 0 || stat((process + "/root").c_str(), &status) != 0)
    return "";
  if (same_file(process + "/ns/mnt", "/proc/self/ns/mnt") && same_file(process + "/root", "/proc/self/root"))
    return "";
  return process + "/root";
}

Result<BinaryPath> existing(std::string shown, const std::string& root) {
  BinaryPath path{shown, root + shown};
  if (is_file(path.open)) return path;
  const int failure = access(path.open.c_str(), F_OK) == 0 ? EISDIR : errno;
  Error error = errno_error(
      failure, fmt::format("cannot open {}{}", shown, root.empty() ? "" : " (in the process's root)"));
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

// The file of this name that the process has mapped, as the process calls it.
std::optional<std::string> mapped_file(pid_t pid, std::string_view name) {
  FILE* maps = fopen(fmt::format("/proc/{}/maps", pid).c_str(), "re");
  if (maps == nullptr) return std::nullopt;
  std::optional<std::string> found;
  char* line = nullptr;
  size_t capacity = 0;
  ssize_t length = 0;
  while (!found && (length = getline(&line, &capacity, maps)) > 0) {
    std::string_view text(line, static_cast<size_t>(length));
    if (text.ends_with('\n')) text.remove_suffix(1);
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos || text.ends_with(" (deleted)")) continue;
    const std::string_view path = text.substr(slash);
    if (names_file(name, file_name_of(path))) found = path;
  }
  free(line);
  fclose(maps);
  return found;
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
  for (const char* directory : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64",
                                "/lib", "/usr/lib", "/usr/local/lib"})
    if (is_file(fmt::format("{}/{}", directory, name))) return fmt::format("{}/{}", directory, name);
  return std::nullopt;
}

std::optional<std::string> program_in_path(std::string_view name) {
  const char* path = getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" : path;
  while (!rest.empty()) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    const std::string candidate = fmt::format("{}/{}", directory, name);
    if (!directory.empty() && is_file(candidate) && access(candidate.c_str(), X_OK) == 0)
      return absolute(candidate);
  }
  return std::nullopt;
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

Result<BinaryPath> find_binary(std::string_view name, std::optional<pid_t> pid) {
  const std::string root = pid ? root_of(*pid) : "";
  if (name.empty())
    return Error{Error::Kind::script, "the program or library is missing",
                 "write uprobe:PATH:FUNCTION, such as uprobe:libc:malloc", nullptr};
  if (pid && access(fmt::format("/proc/{}", *pid).c_str(), F_OK) != 0)
    return Error{Error::Kind::machine, fmt::format("there is no process {}", *pid), "it may have ended",
                 nullptr};
  if (name.find('/') != std::string_view::npos) {
    if (root.empty()) return existing(absolute(name), "");
    return name.starts_with('/') ? existing(std::string(name), root)
                                 : existing(fmt::format("/{}", name), fmt::format("/proc/{}/cwd", *pid));
  }
  if (pid)
    if (const auto mapped = mapped_file(*pid, name)) return existing(*mapped, root);
  if (root.empty()) {
    const bool library_first = names_library(name);
    if (library_first)
      if (const auto library = library_of_this_machine(name)) return existing(*library, root);
    if (const auto program = program_in_path(name)) return existing(*program, root);
    if (!library_first)
      if (const auto library = library_of_this_machine(name)) return existing(*library, root);
    if (is_file(std::string(name))) return existing(absolute(name), root);
  }
  return Error{
      Error::Kind::script,
      pid ? fmt::format("process {} has no file '{}' mapped, and there is no such program or library", *pid,
                        name)
          : fmt::format("there is no program '{}' in $PATH, and no such library", name),
      "give its path", nullptr};
}

}  // namespace zeektrace
