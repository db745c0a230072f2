// Paths of control groups by their numbers, as hierarchy:path. A number is the inode of the group's directory (on 64-bit
// machines); the hierarchies are those that are mounted. Looked up when a path is printed, and remembered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace zeektrace {

class CgroupPaths {
 public:
  // `mounts` is /proc/self/mountinfo, which tests replace.
  explicit CgroupPaths(std::string mounts = "/proc/self/mountinfo") : mounts_(std::move(mounts)) {}
  // "unified:/system.slice"; of several hierarchies, joined by commas; "" when there is none. `hierarchy` is a glob; ""
  // means all. Version 2's is called unified.
  std::string path(uint64_t number, const std::string& hierarchy);

 private:
  struct Hierarchy {
    std::string name;
    std::string root;
    std::map<uint64_t, std::string> known;
  };
  void read_mounts();
  static void read(Hierarchy& hierarchy);

  std::string mounts_;
  bool has_mounts_ = false;
  std::vector<Hierarchy> hierarchies_;
};

}  // namespace zeektrace
