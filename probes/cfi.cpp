#include "probes/cfi.h"

#include <dwarf.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

namespace zeektrace {

namespace {

constexpr uint64_t rbp = 6, rsp = 7, return_address = 16;  // System V ABI, AMD64 supplement, figure 3.36

// Bytes that are read front to back. Reading past the end gives zeros and is remembered.
class Reader {
 public:
  Reader(const uint8_t* begin, const uint8_t* end) : at_(begin), end_(end) {}
  bool done() const { return at_ >= end_ || bad_; }
  bool bad() const { return bad_; }
  const uint8_t* at() const { return at_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  template <class T>
  T fixed() {
    T value = {};
    if (left() < sizeof value) return fail<T>();
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  uint64_t uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = fixed<uint8_t>();
      if (shift < 64) value |= uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0 || bad_) return value;
    }
  }
  int64_t sleb() {
    int64_t value = 0;
    for (unsigned shift = 0;;) {
      const auto byte = fixed<uint8_t>();
      if (shift < 64) value |= static_cast<int64_t>(uint64_t{byte & 0x7fU} << shift);
      shift += 7;
      if ((byte & 0x80) != 0 && !bad_) continue;
      if (shift < 64 && (byte & 0x40) != 0) value |= -(int64_t{1} << shift);
      return value;
    }
  }
  std::string_view text() {
    const auto* nul = static_cast<const uint8_t*>(std::memchr(at_, 0, left()));
    if (nul == nullptr) return fail<std::string_view>();
    std::string_view value(reinterpret_cast<const char*>(at_), static_cast<size_t>(nul - at_));
    at_ = nul + 1;
    return value;
  }
  // The next `size` bytes.
  Reader part(uint64_t size) {
    if (size > left()) return fail<Reader>(Reader(end_, end_));
    Reader inner(at_, at_ + size);
    at_ += size;
    return inner;
  }

 private:
  template <class T>
  T fail(T value = {}) {
    bad_ = true;
    at_ = end_;
    return value;
  }
  const uint8_t* at_;
  const uint8_t* end_;
  bool bad_ = false;
};

// A section of frames: its bytes, and where they are in the process.
struct Section {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  uint64_t address = 0;
  bool is_eh = true;
};

struct Cie {
  uint64_t code_factor = 1;
  int64_t data_factor = 1;
  uint8_t encoding = DW_EH_PE_absptr;
  bool has_length = false;  // augmentation data in each FDE
  bool is_signal = false;
  Reader instructions{nullptr, nullptr};
};

struct Fde {
  uint64_t begin = 0;
  uint64_t end = 0;
  const Cie* cie = nullptr;
  Reader instructions{nullptr, nullptr};
};

// How the frame's registers are found, at one place.
struct Frame {
  enum class Saved : uint8_t { same, at_cfa, at_rbp, undefined, unusable };
  uint64_t cfa_register = rsp;
  int64_t cfa_offset = 0;
  CfaKind cfa = CfaKind::none;  // of an expression; none: register and offset
  int64_t expression_offset = 0;
  Saved rbp_saved = Saved::same, ra_saved = Saved::at_cfa;
  int64_t rbp_offset = 0, ra_offset = -8;
};

// DW_OP_breg6 x, deref (the frame of a function that realigns its stack), and the linker's expression for PLT entries:
// breg7 8, breg16 0, lit15, and, litN, ge, lit3, shl, plus. Any other is not understood.
void take_cfa_expression(Frame& frame, Reader expression) {
  frame.cfa = CfaKind::unusable;
  const auto first = expression.fixed<uint8_t>();
  const int64_t offset = expression.sleb();
  if (first == DW_OP_breg6 && expression.fixed<uint8_t>() == DW_OP_deref && expression.done() && !expression.bad()) {
    frame.cfa = CfaKind::frame_deref;
    frame.expression_offset = offset;
  } else if (first == DW_OP_breg7 && offset == 8 && expression.left() == 9) {
    const uint8_t* op = expression.at();
    const uint8_t expected[] = {DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and};
    const uint8_t tail[] = {DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};
    if (std::equal(expected, expected + 4, op) && op[4] >= DW_OP_lit0 && op[4] <= DW_OP_lit31 &&
        std::equal(tail, tail + 4, op + 5)) {
      frame.cfa = CfaKind::plt;
      frame.expression_offset = op[4] - DW_OP_lit0;
    }
  }
}

uint32_t rule_of(const Frame& frame, const Cie& cie) {
  if (cie.is_signal) return unwind_rule(CfaKind::signal);
  if (frame.ra_saved == Frame::Saved::undefined) return unwind_rule(CfaKind::end);
  const uint32_t unusable = unwind_rule(CfaKind::unusable);
  if (frame.ra_saved != Frame::Saved::at_cfa || frame.ra_offset != -8) return unusable;
  CfaKind kind = frame.cfa;
  int64_t offset = frame.expression_offset;
  if (kind == CfaKind::none) {
    if (frame.cfa_register != rsp && frame.cfa_register != rbp) return unusable;
    kind = frame.cfa_register == rsp ? CfaKind::stack : CfaKind::frame;
    offset = frame.cfa_offset;
  }
  if (kind == CfaKind::unusable || offset > most_cfa_offset || offset < -most_cfa_offset) return unusable;
  uint32_t saved = rbp_lost;
  if (frame.rbp_saved == Frame::Saved::same) saved = rbp_unchanged;
  if (frame.rbp_saved == Frame::Saved::at_rbp) saved = rbp_at_rbp;
  if (frame.rbp_saved == Frame::Saved::at_cfa && frame.rbp_offset % 8 == 0 && frame.rbp_offset < 0 &&
      -frame.rbp_offset / 8 <= int64_t{most_rbp_words})
    saved = static_cast<uint32_t>(-frame.rbp_offset / 8);
  return unwind_rule(kind, saved, offset);
}

// Runs the instructions of one CIE or FDE.
class Machine {
 public:
  Machine(const Cie& cie, Frame start) : cie_(cie), start_(start), frame(start) {}

  // `advanced(by)` is called before the place moves on. False when an instruction is not understood.
  template <class Advanced>
  bool run(Reader code, Advanced advanced) {
    while (!code.done()) {
      const auto op = code.fixed<uint8_t>();
      switch (op & 0xc0) {
        case DW_CFA_advance_loc: advanced((op & 0x3f) * cie_.code_factor); continue;
        case DW_CFA_offset: saved_at(op & 0x3f, static_cast<int64_t>(code.uleb()) * cie_.data_factor); continue;
        case DW_CFA_restore: restore(op & 0x3f); continue;
        default: break;
      }
      switch (op) {
        case DW_CFA_advance_loc1: advanced(code.fixed<uint8_t>() * cie_.code_factor); break;
        case DW_CFA_advance_loc2: advanced(code.fixed<uint16_t>() * cie_.code_factor); break;
        case DW_CFA_advance_loc4: advanced(code.fixed<uint32_t>() * cie_.code_factor); break;
        default:
          if (!define(op, code)) return false;
      }
    }
    return !code.bad();
  }

  const Cie& cie_;
  Frame start_;
  Frame frame;

 private:
  bool define(uint8_t op, Reader& code) {
    switch (op) {
      case DW_CFA_nop: return true;
      case DW_CFA_def_cfa: frame.cfa_register = code.uleb(); return cfa_at(static_cast<int64_t>(code.uleb()));
      case DW_CFA_def_cfa_sf: frame.cfa_register = code.uleb(); return cfa_at(code.sleb() * cie_.data_factor);
      case DW_CFA_def_cfa_register: frame.cfa_register = code.uleb(); return cfa_at(frame.cfa_offset);
      case DW_CFA_def_cfa_offset: return cfa_at(static_cast<int64_t>(code.uleb()));
      case DW_CFA_def_cfa_offset_sf: return cfa_at(code.sleb() * cie_.data_factor);
      case DW_CFA_def_cfa_expression: take_cfa_expression(frame, code.part(code.uleb())); return true;
      case DW_CFA_remember_state: remembered_.push_back(frame); return true;
      case DW_CFA_restore_state:
        if (remembered_.empty()) return false;
        frame = remembered_.back();
        remembered_.pop_back();
        return true;
      case DW_CFA_GNU_args_size: code.uleb(); return true;
      default: return define_register(op, code);
    }
  }

  bool define_register(uint8_t op, Reader& code) {
    const uint64_t which = code.uleb();
    switch (op) {
      case DW_CFA_offset_extended: saved_at(which, static_cast<int64_t>(code.uleb()) * cie_.data_factor); return true;
      case DW_CFA_offset_extended_sf: saved_at(which, code.sleb() * cie_.data_factor); return true;
      case DW_CFA_GNU_negative_offset_extended:
        saved_at(which, -static_cast<int64_t>(code.uleb()) * cie_.data_factor);
        return true;
      case DW_CFA_restore_extended: restore(which); return true;
      case DW_CFA_undefined: saved_as(which, Frame::Saved::undefined); return true;
      case DW_CFA_same_value: saved_as(which, Frame::Saved::same); return true;
      case DW_CFA_expression: {
        Reader expression = code.part(code.uleb());
        const bool at_rbp = expression.fixed<uint8_t>() == DW_OP_breg6 && expression.sleb() == 0 && expression.done();
        saved_as(which, at_rbp && which == rbp ? Frame::Saved::at_rbp : Frame::Saved::unusable);
        return true;
      }
      case DW_CFA_register:
      case DW_CFA_val_offset:
      case DW_CFA_val_offset_sf: code.uleb(); break;
      case DW_CFA_val_expression: code.part(code.uleb()); break;
      default: return false;
    }
    saved_as(which, Frame::Saved::unusable);
    return true;
  }

  bool cfa_at(int64_t offset) {
    frame.cfa_offset = offset;
    frame.cfa = CfaKind::none;
    return true;
  }
  void saved_as(uint64_t which, Frame::Saved how) {
    if (which == rbp) frame.rbp_saved = how;
    if (which == return_address) frame.ra_saved = how;
  }
  void saved_at(uint64_t which, int64_t offset) {
    saved_as(which, Frame::Saved::at_cfa);
    if (which == rbp) frame.rbp_offset = offset;
    if (which == return_address) frame.ra_offset = offset;
  }
  void restore(uint64_t which) {
    if (which == rbp) {
      frame.rbp_saved = start_.rbp_saved;
      frame.rbp_offset = start_.rbp_offset;
    } else if (which == return_address) {
      frame.ra_saved = start_.ra_saved;
      frame.ra_offset = start_.ra_offset;
    }
  }

  std::vector<Frame> remembered_;
};

// Reads the entries of a section.
class Entries {
 public:
  explicit Entries(const Section& section) : section_(section) {}

  std::vector<Fde> read() {
    std::vector<Fde> fdes;
    Reader all(section_.bytes, section_.bytes + section_.size);
    while (!all.done()) {
      uint64_t length = all.fixed<uint32_t>();
      wide_ = length == 0xffffffff;
      if (wide_) length = all.fixed<uint64_t>();
      if (length == 0) continue;  // the terminator; a linker may have put more behind it
      Reader entry = all.part(length);
      if (all.bad()) break;
      const uint8_t* id_at = entry.at();
      const uint64_t id = word(entry);
      if (is_cie(id)) continue;  // read when the first FDE asks for it
      const Cie* cie = cie_at(section_.is_eh ? id_at - id : section_.bytes + id);
      if (cie == nullptr) continue;
      if (auto fde = read_fde(entry, *cie)) fdes.push_back(*fde);
    }
    return fdes;
  }

 private:
  uint64_t word(Reader& reader) const {
    return wide_ && !section_.is_eh ? reader.fixed<uint64_t>() : reader.fixed<uint32_t>();
  }
  bool is_cie(uint64_t id) const { return section_.is_eh ? id == 0 : id == (wide_ ? ~uint64_t{0} : 0xffffffff); }

  // An address as encoded (DW_EH_PE_*). What is relative to anything but its own place is not used for code.
  std::optional<uint64_t> pointer(Reader& reader, uint8_t encoding) const {
    const uint64_t here = section_.address + static_cast<uint64_t>(reader.at() - section_.bytes);
    uint64_t value = 0;
    switch (encoding & 0x0f) {
      case DW_EH_PE_absptr:
      case DW_EH_PE_udata8:
      case DW_EH_PE_sdata8: value = reader.fixed<uint64_t>(); break;
      case DW_EH_PE_udata4: value = reader.fixed<uint32_t>(); break;
      case DW_EH_PE_sdata4: value = static_cast<uint64_t>(int64_t{reader.fixed<int32_t>()}); break;
      case DW_EH_PE_udata2: value = reader.fixed<uint16_t>(); break;
      case DW_EH_PE_sdata2: value = static_cast<uint64_t>(int64_t{reader.fixed<int16_t>()}); break;
      case DW_EH_PE_uleb128: value = reader.uleb(); break;
      case DW_EH_PE_sleb128: value = static_cast<uint64_t>(reader.sleb()); break;
      default: return std::nullopt;
    }
    if (encoding & DW_EH_PE_indirect) return std::nullopt;
    if ((encoding & 0x70) == DW_EH_PE_pcrel) return value + here;
    if ((encoding & 0x70) == DW_EH_PE_absptr) return value;
    return std::nullopt;
  }

  const Cie* cie_at(const uint8_t* at) {
    if (at < section_.bytes || at >= section_.bytes + section_.size) return nullptr;
    auto [found, is_new] = cies_.try_emplace(at);
    if (is_new) found->second = read_cie(at);
    return found->second ? &*found->second : nullptr;
  }

  std::optional<Cie> read_cie(const uint8_t* at) const {
    Reader reader(at, section_.bytes + section_.size);
    uint64_t length = reader.fixed<uint32_t>();
    const bool wide = length == 0xffffffff;
    if (wide) length = reader.fixed<uint64_t>();
    Reader entry = reader.part(length);
    const uint64_t id = wide && !section_.is_eh ? entry.fixed<uint64_t>() : entry.fixed<uint32_t>();
    if (reader.bad() || !is_cie(id)) return std::nullopt;
    Cie cie;
    const auto version = entry.fixed<uint8_t>();
    const std::string_view augmentation = entry.text();
    if (version == 4) entry.fixed<uint16_t>();  // sizes of addresses and segments
    cie.code_factor = entry.uleb();
    cie.data_factor = entry.sleb();
    const uint64_t column = version == 1 ? entry.fixed<uint8_t>() : entry.uleb();
    if (column != return_address || (!augmentation.empty() && augmentation[0] != 'z')) return std::nullopt;
    if (!augmentation.empty()) {
      cie.has_length = true;
      Reader data = entry.part(entry.uleb());
      for (const char letter : augmentation.substr(1)) {
        if (letter == 'R') cie.encoding = data.fixed<uint8_t>();
        else if (letter == 'L') data.fixed<uint8_t>();
        else if (letter == 'S') cie.is_signal = true;
        // (An encoding's upper bits say what it is relative to; its bytes are as many all the same.)
        else if (letter == 'P') { const auto encoding = data.fixed<uint8_t>(); pointer(data, encoding & 0x0f); }
        else return std::nullopt;
      }
    }
    if (entry.bad()) return std::nullopt;
    cie.instructions = entry;
    return cie;
  }

  std::optional<Fde> read_fde(Reader entry, const Cie& cie) const {
    const auto begin = pointer(entry, cie.encoding);
    const auto size = pointer(entry, cie.encoding & 0x0f);
    if (!begin || !size || *size == 0) return std::nullopt;
    if (cie.has_length) entry.part(entry.uleb());
    if (entry.bad()) return std::nullopt;
    return Fde{*begin, *begin + *size, &cie, entry};
  }

  const Section& section_;
  bool wide_ = false;
  std::map<const uint8_t*, std::optional<Cie>> cies_;
};

// A part of the file's code: where it is in the file.
struct Code {
  uint64_t address, size, offset;
};

// Gaps that are smaller are padding between functions, which nobody executes.
constexpr uint64_t alignment = 16;

class RowWriter {
 public:
  explicit RowWriter(std::vector<Code> code) : code_(std::move(code)) {}

  // False when there are too many.
  bool write(std::vector<Fde>& fdes) {
    std::stable_sort(fdes.begin(), fdes.end(), [](const Fde& a, const Fde& b) { return a.begin < b.begin; });
    uint64_t end = 0;  // of the code that has been described
    for (const Fde& fde : fdes) {
      const Code* code = code_at(fde.begin);
      // What has no place in the file was left out by the linker; of two that overlap the first counts.
      if (code == nullptr || fde.end > code->address + code->size || fde.begin < end) continue;
      if (end != 0 && fde.begin - end >= alignment) put(end, unwind_rule(CfaKind::none));
      describe(fde);
      end = fde.end;
      if (rows_.size() > most_unwind_rows) return false;
    }
    if (end != 0) put(end, unwind_rule(CfaKind::none));
    return true;
  }
  std::vector<UnwindRow> take() { return std::move(rows_); }

 private:
  const Code* code_at(uint64_t address) const {
    for (const Code& code : code_)
      if (address >= code.address && address - code.address < code.size) return &code;
    return nullptr;
  }

  void describe(const Fde& fde) {
    const Cie& cie = *fde.cie;
    auto stay = [](uint64_t) {};
    Machine first(cie, {});
    bool sound = first.run(cie.instructions, stay);
    Machine machine(cie, first.frame);
    uint64_t place = fde.begin;
    auto advanced = [&](uint64_t by) {
      put(place, rule_of(machine.frame, cie));
      place += by;
    };
    sound = sound && machine.run(fde.instructions, advanced);
    // Some end with a rule for the first place behind them.
    if (place < fde.end) put(place, sound ? rule_of(machine.frame, cie) : unwind_rule(CfaKind::unusable));
  }

  void put(uint64_t address, uint32_t rule) {
    const Code* code = code_at(address);
    if (code == nullptr) code = code_at(address - 1);  // just behind
    if (code == nullptr) return;
    const uint64_t place = address - code->address + code->offset;
    if (place > UINT32_MAX) return;
    if (!rows_.empty() && rows_.back().rule == rule && rows_.back().place <= place) return;
    if (!rows_.empty() && rows_.back().place == place) rows_.back().rule = rule;
    else rows_.push_back({static_cast<uint32_t>(place), rule});
  }

  std::vector<Code> code_;
  std::vector<UnwindRow> rows_;
};

std::optional<Section> find_section(Elf* elf, std::string_view wanted) {
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return std::nullopt;
  for (Elf_Scn* scn = elf_nextscn(elf, nullptr); scn != nullptr; scn = elf_nextscn(elf, scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* name = elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || wanted != name) continue;
    if ((header.sh_flags & SHF_COMPRESSED) != 0 && elf_compress(scn, 0, 0) < 0) return std::nullopt;
    const Elf_Data* data = elf_rawdata(scn, nullptr);
    if (data == nullptr || data->d_buf == nullptr) return std::nullopt;
    return Section{static_cast<const uint8_t*>(data->d_buf), data->d_size, header.sh_addr, wanted == ".eh_frame"};
  }
  return std::nullopt;
}

std::vector<Code> code_of(Elf* elf) {
  std::vector<Code> code;
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return code;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) != nullptr && header.p_type == PT_LOAD &&
        (header.p_flags & PF_X) != 0)
      code.push_back({header.p_vaddr, header.p_filesz, header.p_offset});
  }
  return code;
}

}  // namespace

Result<std::vector<UnwindRow>> read_unwind_rows(int fd) {
  elf_version(EV_CURRENT);
  std::unique_ptr<Elf, int (*)(Elf*)> elf(elf_begin(fd, ELF_C_READ_MMAP, nullptr), elf_end);
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF)
    return Error{Error::Kind::machine, "it is not an ELF file", "", nullptr};
  RowWriter writer(code_of(elf.get()));
  for (const std::string_view name : {".eh_frame", ".debug_frame"}) {
    const auto section = find_section(elf.get(), name);
    if (!section) continue;
    Entries entries(*section);
    auto fdes = entries.read();
    if (!writer.write(fdes))
      return Error{Error::Kind::machine, fmt::format("it has more than {} rows of unwind information", most_unwind_rows),
                   "", nullptr};
    auto rows = writer.take();
    if (!rows.empty()) return rows;
  }
  return std::vector<UnwindRow>{};
}

}  // namespace zeektrace
