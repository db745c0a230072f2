#include "probes/needed.h"

#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

#include "probes/binary_path.h"
#include "probes/elf_file.h"

namespace zeektrace {

namespace {

constexpr size_t most_files = 256;

struct Dynamic {
  std::string interpreter;
  std::vector<std::string> libraries, folders;  // DT_NEEDED; DT_RUNPATH and DT_RPATH
};

std::vector<std::string> split_path(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(':'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

void put_origin(std::string& folder, const std::string& file) {
  const std::string origin = file.substr(0, file.rfind('/'));
  for (const std::string_view name : {"${ORIGIN}", "$ORIGIN"})
    if (const size_t at = folder.find(name); at != std::string::npos) folder.replace(at, name.size(), origin);
}

void read_dynamic(Elf* elf, Elf_Scn* scn, const GElf_Shdr& header, const std::string& path, Dynamic& into) {
  Elf_Data* data = elf_getdata(scn, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return;
  for (size_t i = 0; i < data->d_size / header.sh_entsize; i++) {
    GElf_Dyn entry;
    if (gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr) continue;
    if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RUNPATH && entry.d_tag != DT_RPATH) continue;
    const char* text = elf_strptr(elf, header.sh_link, entry.d_un.d_val);
    if (text == nullptr) continue;
    if (entry.d_tag == DT_NEEDED) {
      into.libraries.emplace_back(text);
      continue;
    }
    for (std::string& folder : split_path(text)) {
      put_origin(folder, path);
      into.folders.push_back(std::move(folder));
    }
  }
}

Dynamic dynamic_of(const std::string& path) {
  Dynamic dynamic;
  auto file = ElfFile::open(path, path);
  if (!file) return dynamic;
  Elf* elf = file->handle();
  for (Elf_Scn* scn = elf_nextscn(elf, nullptr); scn != nullptr; scn = elf_nextscn(elf, scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr) continue;
    if (header.sh_type == SHT_DYNAMIC) read_dynamic(elf, scn, header, path, dynamic);
    if (file->section_name(header) != ".interp") continue;
    const Elf_Data* data = elf_getdata(scn, nullptr);
    if (data != nullptr && data->d_size > 1) dynamic.interpreter = static_cast<const char*>(data->d_buf);
  }
  return dynamic;
}

std::string find_library(const std::string& name, const std::vector<std::string>& folders) {
  if (name.find('/') != std::string::npos) return name;
  const char* variable = std::getenv("LD_LIBRARY_PATH");
  for (const auto& list : {folders, split_path(variable == nullptr ? "" : variable)})
    for (const std::string& folder : list)
      if (std::string path = folder + "/" + name; access(path.c_str(), R_OK) == 0) return path;
  const auto found = find_binary(name, std::nullopt);
  return found ? found->open : "";
}

}  // namespace

std::vector<std::string> with_libraries(const std::string& program) {
  std::vector<std::string> files = {program};
  const auto add = [&](std::string path) {
    if (!path.empty() && std::find(files.begin(), files.end(), path) == files.end()) files.push_back(std::move(path));
  };
  for (size_t i = 0; i < files.size() && files.size() < most_files; i++) {
    const Dynamic dynamic = dynamic_of(files[i]);
    add(dynamic.interpreter);
    for (const std::string& library : dynamic.libraries) add(find_library(library, dynamic.folders));
  }
  return files;
}

}  // namespace zeektrace
