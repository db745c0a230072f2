#include "probes/tracefs.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "probes/perf_event.h"

namespace zeektrace {

namespace {

int open_directory(const char* path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

bool holds_events(int root) { return faccessat(root, "events", F_OK, 0) == 0; }

// A mount without a mount point. -errno when the kernel refuses.
int mount_privately() {
  const int context = fsopen("tracefs", FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  int mount = -1;
  if (fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
    mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
  const int failure = errno;
  close(context);
  return mount < 0 ? -failure : mount;
}

}  // namespace

Tracefs::Descriptor::~Descriptor() { close(fd); }

Result<Tracefs> Tracefs::find(const std::string& root) {
  if (!root.empty()) {
    const int fd = open_directory(root.c_str());
    if (fd < 0) return errno_error(errno, fmt::format("cannot open the tracing files in {}", root));
    return Tracefs(fd, root);
  }
  int refused = 0;
  for (const char* place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    const int fd = open_directory(place);
    if (fd < 0) continue;
    if (holds_events(fd)) return Tracefs(fd, place);
    if (errno == EACCES) refused = EACCES;
    close(fd);
  }
  const int mount = mount_privately();
  if (mount >= 0) return Tracefs(mount, "tracefs");
  const int failure = refused != 0 ? refused : -mount;
  if (failure == ENODEV)
    return Error{Error::Kind::machine,
                 "this kernel was built without tracing files (CONFIG_FTRACE), so that it has no "
                 "tracepoints to name",
                 "use a kernel with CONFIG_FTRACE", nullptr};
  std::string hint = privilege_hint();
  if (failure != EACCES && failure != EPERM)
    hint = "mount them: mount -t tracefs tracefs /sys/kernel/tracing";
  return errno_error(failure, "cannot read the kernel's tracing files", hint);
}

Result<std::string> Tracefs::read(const std::string& path) const {
  const int fd = openat(root_->fd, path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int failure = errno;
    return errno_error(failure, fmt::format("cannot open {}/{}", shown_, path),
                       failure == EACCES || failure == EPERM ? privilege_hint() : "");
  }
  std::string text;
  char chunk[4096];
  ssize_t got = 0;
  while ((got = ::read(fd, chunk, sizeof(chunk))) > 0) text.append(chunk, static_cast<size_t>(got));
  const int failure = got < 0 ? errno : 0;
  close(fd);
  if (failure != 0) return errno_error(failure, fmt::format("cannot read {}/{}", shown_, path));
  return text;
}

Result<std::vector<std::string>> Tracefs::directories(const std::string& path) const {
  const int fd = openat(root_->fd, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* directory = fd < 0 ? nullptr : fdopendir(fd);
  if (directory == nullptr) {
    const int failure = errno;
    if (fd >= 0) close(fd);
    return errno_error(failure, fmt::format("cannot list {}/{}", shown_, path),
                       failure == EACCES || failure == EPERM ? privilege_hint() : "");
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status = {};
    const bool is_directory =
        entry->d_type == DT_DIR || (entry->d_type == DT_UNKNOWN &&
                                    fstatat(fd, name.c_str(), &status, 0) == 0 && S_ISDIR(status.st_mode));
    if (is_directory) names.push_back(name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

bool Tracefs::has(const std::string& path) const { return faccessat(root_->fd, path.c_str(), F_OK, 0) == 0; }

}  // namespace zeektrace
