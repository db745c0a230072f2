// The kernel's tracing files: where they are mounted, or mounted by us for this process only (a mount that
// has no place in the file system and goes when its descriptor is closed).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "parser/result.h"

namespace zeektrace {

class Tracefs {
 public:
  // `root` "" searches; otherwise it is the directory.
  static Result<Tracefs> find(const std::string& root);

  // Of paths below the root.
  Result<std::string> read(const std::string& path) const;
  // Directories in a directory, sorted.
  Result<std::vector<std::string>> directories(const std::string& path) const;
  bool has(const std::string& path) const;

 private:
  explicit Tracefs(int root, std::string shown)
      : root_(std::make_shared<Descriptor>(root)), shown_(std::move(shown)) {}
  struct Descriptor {
    int fd;
    explicit Descriptor(int descriptor) : fd(descriptor) {}
    ~Descriptor();
  };
  std::shared_ptr<const Descriptor> root_;
  std::string shown_;  // what errors call it
};

}  // namespace zeektrace
