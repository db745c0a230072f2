#include "probes/process_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

namespace zeektrace {

namespace {

std::string link_target(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t length = readlink(link.c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : "";
}

// "7f0c1a400000-7f0c1a428000 r-xp 00026000 fe:01 1311  /usr/lib/libc.so.6 (deleted)"
std::optional<MappedFile> read_mapping(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  unsigned long begin = 0;
  unsigned long end = 0;
  char rights[8] = {};
  const size_t slash = line.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string head(line.substr(0, slash));
  if (sscanf(head.c_str(), "%lx-%lx %7s", &begin, &end, rights) != 3 || rights[2] != 'x') return std::nullopt;
  constexpr std::string_view mark = " (deleted)";
  std::string_view path = line.substr(slash);
  const bool deleted = path.ends_with(mark);
  if (deleted) path.remove_suffix(mark.size());
  return MappedFile{std::string(path), deleted, begin, end};
}

}  // namespace

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

std::vector<MappedFile> mapped_code(pid_t pid) {
  std::vector<MappedFile> files;
  FILE* maps = fopen(fmt::format("/proc/{}/maps", pid).c_str(), "re");
  if (maps == nullptr) return files;
  char* line = nullptr;
  size_t capacity = 0;
  ssize_t length = 0;
  while ((length = getline(&line, &capacity, maps)) > 0) {
    auto file = read_mapping({line, static_cast<size_t>(length)});
    if (file && (files.empty() || files.back().path != file->path || files.back().deleted != file->deleted))
      files.push_back(*std::move(file));
  }
  free(line);
  fclose(maps);
  return files;
}

std::string path_of_mapping(pid_t pid, const MappedFile& file) {
  const std::string executable = fmt::format("/proc/{}/exe", pid);
  if (link_target(executable) == file.path + (file.deleted ? " (deleted)" : "") && is_file(executable)) return executable;
  const std::string mapping = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, file.begin, file.end);
  return is_file(mapping) ? mapping : "";
}

std::string root_of(pid_t pid) {
  const std::string process = fmt::format("/proc/{}", pid);
  struct stat status = {};
  if (stat((process + "/ns/mnt").c_str(), &status) != 0 || stat((process + "/root").c_str(), &status) != 0)
    return "";
  if (same_file(process + "/ns/mnt", "/proc/self/ns/mnt") && same_file(process + "/root", "/proc/self/root"))
    return "";
  return process + "/root";
}

// An absolute link in a container means a file of the container, but the kernel follows it from our root when we go
// through /proc/PID/root. So the file is looked for by openat2 (Linux 5.6), which stays in the root; then for a path
// without links that leads to the same file: the one that the kernel knows for it, from our root (a chroot) or from
// theirs (another mount namespace).
std::optional<std::string> resolve_in_root(const std::string& root, const std::string& path) {
  if (root.empty()) return is_file(path) ? std::optional(path) : std::nullopt;
  const int root_fd = open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root_fd < 0) return std::nullopt;
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const int fd = static_cast<int>(syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof(how)));
  const int failure = fd < 0 ? errno : 0;
  const std::string opened = fmt::format("/proc/self/fd/{}", fd);
  std::optional<std::string> found;
  if (fd >= 0 && is_file(opened)) {
    const std::string known_as = link_target(opened);
    const std::string root_known_as = link_target(fmt::format("/proc/self/fd/{}", root_fd));
    std::vector<std::string> candidates = {root + known_as};
    if (known_as.starts_with(root_known_as + "/")) candidates.push_back(root + known_as.substr(root_known_as.size()));
    candidates.insert(candidates.end(), {known_as, root + path});
    for (const std::string& candidate : candidates)
      if (!found && same_file(candidate, opened)) found = candidate;
  } else if (failure == ENOSYS && is_file(root + path)) {
    found = root + path;
  }
  if (fd >= 0) close(fd);
  close(root_fd);
  return found;
}

}  // namespace zeektrace
