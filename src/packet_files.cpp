#include "src/packet_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace zeektrace {
namespace {

// As libpcap reads them: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html
struct FileHeader {
  uint32_t magic = 0xa1b23c4d;  // times in nanoseconds
  uint16_t major = 2, minor = 4;
  uint32_t reserved[2] = {};
  uint32_t most_bytes = 262144;
  uint32_t link_type = 101;  // LINKTYPE_RAW
};
struct PacketHeader {
  uint32_t seconds = 0, nanoseconds = 0;
  uint32_t kept = 0, length = 0;
};
static_assert(sizeof(FileHeader) == 24 && sizeof(PacketHeader) == 16);

struct Fields {
  uint64_t when = 0, length = 0, kept = 0;
};

}  // namespace

Status PacketFiles::write(const std::string& path, std::span<const std::byte> bytes, int64_t boot_time) {
  auto& file = files_[path];
  bool is_good = true;
  if (!file) {
    file.reset(std::fopen(path.c_str(), "wbe"));
    const FileHeader header;
    is_good = file && std::fwrite(&header, sizeof header, 1, file.get()) == 1;
  }
  Fields fields;
  if (bytes.size() < sizeof fields) return Nothing{};
  std::memcpy(&fields, bytes.data(), sizeof fields);
  constexpr uint64_t second = 1'000'000'000;
  const uint64_t when = fields.when + static_cast<uint64_t>(boot_time);
  const auto kept = static_cast<uint32_t>(std::min<uint64_t>(fields.kept, bytes.size() - sizeof fields));
  const PacketHeader header{static_cast<uint32_t>(when / second), static_cast<uint32_t>(when % second), kept,
                            static_cast<uint32_t>(fields.length)};
  is_good = is_good && std::fwrite(&header, sizeof header, 1, file.get()) == 1 &&
            (kept == 0 || std::fwrite(bytes.data() + sizeof fields, kept, 1, file.get()) == 1) && std::fflush(file.get()) == 0;
  if (!is_good) return Error{Error::Kind::machine, fmt::format("skboutput: {} can't be written: {}", path, std::strerror(errno)), "", nullptr};
  return Nothing{};
}

}  // namespace zeektrace
