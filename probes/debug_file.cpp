#include "probes/debug_file.h"

#include <elfutils/libdwelf.h>
#include <fmt/format.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

namespace zeektrace {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view debug_directory = "/usr/lib/debug";

std::string build_id(const ElfFile& file) {
  const void* bytes = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(file.handle(), &bytes);
  return size > 0 ? std::string(static_cast<const char*>(bytes), static_cast<size_t>(size)) : "";
}

std::optional<uint32_t> checksum(const std::string& path) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) return std::nullopt;
  std::vector<unsigned char> block(1U << 18);
  uLong sum = crc32(0, nullptr, 0);
  size_t got = 0;
  while ((got = std::fread(block.data(), 1, block.size(), file.get())) > 0)
    sum = crc32(sum, block.data(), static_cast<uInt>(got));
  return static_cast<uint32_t>(sum);
}

// "/proc/12/root" of "/proc/12/root/usr/bin/x"; "" for a path of our own.
std::string root_of(const std::string& path) {
  constexpr std::string_view proc = "/proc/", root = "/root/";
  const size_t at = path.find(root);
  if (!path.starts_with(proc) || at == std::string::npos) return "";
  return path.substr(0, at + root.size() - 1);
}

bool belongs(const std::string& candidate, const std::string& wanted_id, GElf_Word wanted_sum) {
  std::error_code error;
  if (!fs::is_regular_file(candidate, error)) return false;
  auto file = ElfFile::open(candidate, candidate);
  if (!file) return false;
  if (!wanted_id.empty()) return build_id(*file) == wanted_id;
  return checksum(candidate) == wanted_sum;
}

}  // namespace

std::string build_id_path(const ElfFile& binary) {
  const std::string id = build_id(binary);
  if (id.size() < 2) return "";
  std::string digits;
  for (const char byte : id) digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("{}/.build-id/{}/{}.debug", debug_directory, digits.substr(0, 2), digits.substr(2));
}

std::optional<std::string> find_debug_file(const ElfFile& binary, const std::string& path) {
  std::vector<std::string> candidates;
  const std::string root = root_of(path);
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  const fs::path directory = error ? fs::path(path).parent_path() : real.parent_path();
  auto add_below = [&](const std::string& below) {
    if (!root.empty()) candidates.push_back(root + below);
    candidates.push_back(below);
  };
  const std::string id = build_id(binary);
  if (!id.empty()) add_below(build_id_path(binary));
  GElf_Word sum = 0;
  if (const char* link = dwelf_elf_gnu_debuglink(binary.handle(), &sum); link != nullptr) {
    candidates.push_back(directory / link);
    candidates.push_back(directory / ".debug" / link);
    std::string inside = directory.string();
    if (!root.empty() && inside.starts_with(root)) inside = inside.substr(root.size());
    add_below(fmt::format("{}{}/{}", debug_directory, inside, link));
  }
  for (const std::string& candidate : candidates)
    if (belongs(candidate, id, sum)) return candidate;
  return std::nullopt;
}

}  // namespace zeektrace
