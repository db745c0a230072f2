#include "probes/mini_debug.h"

#include <fmt/format.h>
#include <lzma.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "probes/elf_file.h"

namespace zeektrace {

namespace {

constexpr uint64_t most_memory = 64 << 20;  // xz -9's dictionary
constexpr size_t most_bytes = 128 << 20;    // of the unpacked file: it names functions only

bool unpack_into(int fd, const Elf_Data& packed) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, most_memory + (1 << 20), 0) != LZMA_OK) return false;
  std::vector<uint8_t> piece(256 << 10);
  stream.next_in = static_cast<const uint8_t*>(packed.d_buf);
  stream.avail_in = packed.d_size;
  lzma_ret result = LZMA_OK;
  while (result == LZMA_OK && stream.total_out < most_bytes) {
    stream.next_out = piece.data();
    stream.avail_out = piece.size();
    result = lzma_code(&stream, LZMA_FINISH);
    const size_t length = piece.size() - stream.avail_out;
    if (write(fd, piece.data(), length) != static_cast<ssize_t>(length)) result = LZMA_PROG_ERROR;
  }
  lzma_end(&stream);
  return result == LZMA_STREAM_END;
}

}  // namespace

std::optional<MiniDebugFile> MiniDebugFile::unpack(const std::string& path) {
  auto file = ElfFile::open(path, path);
  GElf_Shdr header;
  Elf_Scn* scn = file ? file->section(".gnu_debugdata", header) : nullptr;
  Elf_Data* packed = scn == nullptr ? nullptr : elf_rawdata(scn, nullptr);
  if (packed == nullptr || packed->d_buf == nullptr) return std::nullopt;
  MiniDebugFile unpacked(memfd_create("gnu_debugdata", MFD_CLOEXEC));
  if (unpacked.fd_ < 0 || !unpack_into(unpacked.fd_, *packed)) return std::nullopt;
  return unpacked;
}

MiniDebugFile::MiniDebugFile(MiniDebugFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

MiniDebugFile::~MiniDebugFile() {
  if (fd_ >= 0) close(fd_);
}

std::string MiniDebugFile::path() const { return fmt::format("/proc/self/fd/{}", fd_); }

}  // namespace zeektrace
