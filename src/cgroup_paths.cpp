#include "src/cgroup_paths.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace zeektrace {

namespace fs = std::filesystem;

// "36 35 0:31 / /sys/fs/cgroup rw,… - cgroup2 cgroup2 rw": the mount point is the fifth word; behind the dash are the type
// and the source, and last what a hierarchy of version 1 controls.
void CgroupPaths::read_mounts() {
  has_mounts_ = true;
  std::ifstream in(mounts_);
  for (std::string line; std::getline(in, line);) {
    std::istringstream before(line), behind(line.substr(std::min(line.find(" - "), line.size())));
    std::string word, point, dash, type, source, options;
    before >> word >> word >> word >> word >> point;
    behind >> dash >> type >> source >> options;
    if (!type.starts_with("cgroup")) continue;
    const bool is_second = type.ends_with('2');
    hierarchies_.push_back({is_second ? "unified" : fs::path(point).filename().string(), point, {}});
  }
}

void CgroupPaths::read(Hierarchy& hierarchy) {
  auto add = [&](const fs::path& directory) {
    struct stat found = {};
    if (stat(directory.c_str(), &found) != 0) return;
    const std::string path = directory.string().substr(hierarchy.root.size());
    hierarchy.known[found.st_ino] = path.empty() ? "/" : path;
  };
  add(hierarchy.root);
  std::error_code error;
  constexpr auto skip = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(hierarchy.root, skip, error), end; !error && at != end; at.increment(error))
    if (std::error_code ignored; at->is_directory(ignored)) add(at->path());
}

std::string CgroupPaths::path(uint64_t number, const std::string& hierarchy) {
  if (!has_mounts_) read_mounts();
  std::string text;
  for (Hierarchy& each : hierarchies_) {
    if (!hierarchy.empty() && fnmatch(hierarchy.c_str(), each.name.c_str(), 0) != 0) continue;
    if (!each.known.contains(number)) read(each);
    auto found = each.known.find(number);
    if (found != each.known.end()) text += fmt::format("{}{}:{}", text.empty() ? "" : ",", each.name, found->second);
  }
  return text;
}

}  // namespace zeektrace
