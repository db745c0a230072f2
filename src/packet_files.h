// What skboutput() writes: files that tcpdump reads, made when the first packet comes. Packets begin with their IP header
// (LINKTYPE_RAW), since that is what the manual of this function promises.
#pragma once

#include <cstddef>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "parser/result.h"

namespace zeektrace {

class PacketFiles {
 public:
  // A message's fields: when it was (nanoseconds since boot), how long the packet is, and what was kept of it as a buffer.
  Status write(const std::string& path, std::span<const std::byte> fields, int64_t boot_time);

 private:
  struct Close {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  std::map<std::string, std::unique_ptr<FILE, Close>> files_;
};

}  // namespace zeektrace
