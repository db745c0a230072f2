// .gnu_debugdata: a small ELF file, compressed by xz, that Fedora and its kin leave in a stripped program; it holds the names
// of functions that are not exported, and nothing else (gdb's manual, "MiniDebugInfo"). BCC's reader (0.26) passes it by.
#pragma once

#include <optional>
#include <string>

namespace zeektrace {

// The file unpacked, in memory: its path (/proc/self/fd/N) is good as long as this lives.
class MiniDebugFile {
 public:
  // Nothing when there is none, or when it is damaged.
  static std::optional<MiniDebugFile> unpack(const std::string& path);
  MiniDebugFile(MiniDebugFile&& other) noexcept;
  MiniDebugFile& operator=(MiniDebugFile&&) = delete;
  ~MiniDebugFile();
  std::string path() const;

 private:
  explicit MiniDebugFile(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace zeektrace
