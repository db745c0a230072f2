#include "probes/usdt_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>

#include "probes/elf_file.h"
#include "probes/usdt_arguments.h"

namespace zeektrace {

namespace {

constexpr uint32_t note_type = 3;  // _SDT_NOTE_TYPE, <sys/sdt.h> of SystemTap 4.8
constexpr std::string_view note_owner("stapsdt\0", 8);

// One note's content: three addresses, then three texts.
struct Note {
  uint64_t place = 0;
  uint64_t base = 0;  // where .stapsdt.base was when the program was linked
  uint64_t semaphore = 0;
  std::string_view provider, name, arguments;
};

std::optional<std::string_view> take_text(std::string_view& rest) {
  const size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

std::optional<Note> parse_note(std::string_view content) {
  uint64_t addresses[3];
  if (content.size() < sizeof(addresses)) return std::nullopt;
  std::memcpy(addresses, content.data(), sizeof(addresses));
  content.remove_prefix(sizeof(addresses));
  Note note{addresses[0], addresses[1], addresses[2], {}, {}, {}};
  for (std::string_view* text : {&note.provider, &note.name, &note.arguments}) {
    const auto found = take_text(content);
    if (!found) return std::nullopt;
    *text = *found;
  }
  return note;
}

std::vector<Note> notes_in(Elf_Scn* section) {
  std::vector<Note> notes;
  for (Elf_Data* data = elf_getdata(section, nullptr); data != nullptr; data = elf_getdata(section, data)) {
    const std::string_view bytes(static_cast<const char*>(data->d_buf), data->d_size);
    GElf_Nhdr header;
    size_t name = 0, content = 0;
    for (size_t at = 0; (at = gelf_getnote(data, at, &header, &name, &content)) != 0;) {
      if (header.n_type != note_type || bytes.substr(name, header.n_namesz) != note_owner) continue;
      if (auto note = parse_note(bytes.substr(content, header.n_descsz))) notes.push_back(*note);
    }
  }
  return notes;
}

struct Segment {
  uint64_t address, file_offset, size;
  bool is_code;
};

std::vector<Segment> segments_of(Elf* elf) {
  std::vector<Segment> segments;
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return segments;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr || header.p_type != PT_LOAD) continue;
    segments.push_back({header.p_vaddr, header.p_offset, header.p_filesz, (header.p_flags & PF_X) != 0});
  }
  return segments;
}

std::optional<uint64_t> file_offset(const std::vector<Segment>& segments, uint64_t address, bool is_code) {
  for (const Segment& segment : segments)
    if (segment.is_code == is_code && address >= segment.address && address - segment.address < segment.size)
      return address - segment.address + segment.file_offset;
  return std::nullopt;
}

// Variables by name; those that share their name with another one have no address.
std::map<std::string, std::optional<uint64_t>> variables_of(Elf* elf) {
  std::map<std::string, std::optional<uint64_t>> variables;
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_entsize == 0) continue;
    if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    for (size_t i = 0; data != nullptr && i < data->d_size / header.sh_entsize; i++) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF)
        continue;
      if (GELF_ST_TYPE(symbol.st_info) != STT_OBJECT) continue;
      const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
      if (name == nullptr) continue;
      auto [known, is_new] = variables.try_emplace(name, symbol.st_value);
      if (!is_new && known->second != symbol.st_value) known->second = std::nullopt;
    }
  }
  return variables;
}

void sort_places(std::vector<UsdtPlace>& places) {
  auto key = [](const UsdtPlace& place) { return std::tie(place.provider, place.name, place.file_offset); };
  std::stable_sort(places.begin(), places.end(),
                   [&](const UsdtPlace& a, const UsdtPlace& b) { return key(a) < key(b); });
  auto same = [&](const UsdtPlace& a, const UsdtPlace& b) { return key(a) == key(b); };
  places.erase(std::unique(places.begin(), places.end(), same), places.end());
}

void unify(std::vector<UsdtPlace>& places) {
  for (size_t begin = 0, end = 0; begin < places.size(); begin = end) {
    std::vector<std::vector<Field>*> fields;
    for (end = begin; end < places.size() && places[end].provider == places[begin].provider &&
                      places[end].name == places[begin].name;
         end++)
      fields.push_back(&places[end].fields);
    unify_usdt_arguments(fields);
  }
}

}  // namespace

Result<std::shared_ptr<const UsdtNotes>> read_usdt_notes(const std::string& path, std::string_view shown) {
  auto file = ElfFile::open(path, shown);
  if (!file) return file.error();
  auto found = std::make_shared<UsdtNotes>();
  GElf_Shdr header;
  Elf_Scn* section = file->section(".note.stapsdt", header);
  if (section == nullptr) return std::shared_ptr<const UsdtNotes>(std::move(found));
  GElf_Shdr base;
  const bool has_base = file->section(".stapsdt.base", base) != nullptr;
  const auto segments = segments_of(file->handle());
  std::optional<std::map<std::string, std::optional<uint64_t>>> variables;
  auto variable = [&](const std::string& name) -> std::optional<uint64_t> {
    if (!variables) variables = variables_of(file->handle());
    const auto known = variables->find(name);
    return known == variables->end() ? std::nullopt : known->second;
  };
  for (const Note& note : notes_in(section)) {
    const uint64_t moved = has_base ? base.sh_addr - note.base : 0;
    const uint64_t address = note.place + moved;
    const auto offset = file_offset(segments, address, true);
    if (note.place == 0 || !offset) continue;
    UsdtPlace place{std::string(note.provider), std::string(note.name), *offset, 0, {}};
    if (note.semaphore != 0) {
      const auto semaphore = file_offset(segments, note.semaphore + moved, false);
      if (!semaphore)
        return Error{Error::Kind::script,
                     fmt::format("{}: the semaphore of the probe {}:{} is not in the file", shown,
                                 note.provider, note.name),
                     "the kernel can raise it only when it is: put it into a section of initialised data",
                     nullptr};
      place.semaphore = *semaphore;
    }
    place.fields = parse_usdt_arguments(note.arguments, address, variable);
    found->places.push_back(std::move(place));
  }
  sort_places(found->places);
  unify(found->places);
  return std::shared_ptr<const UsdtNotes>(std::move(found));
}

}  // namespace zeektrace
