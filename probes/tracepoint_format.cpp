#include "probes/tracepoint_format.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace zeektrace {

namespace {

// "\tfield:unsigned char comm[16];\toffset:8;\tsize:16;\tsigned:0;"
struct Line {
  std::string_view declaration;
  uint32_t offset = 0;
  uint32_t size = 0;
  bool is_signed = false;
};

std::optional<std::string_view> part(std::string_view line, std::string_view label) {
  const size_t start = line.find(label);
  if (start == std::string_view::npos) return std::nullopt;
  const std::string_view rest = line.substr(start + label.size());
  const size_t end = rest.find(';');
  return end == std::string_view::npos ? std::nullopt : std::optional(rest.substr(0, end));
}

std::optional<uint32_t> number(std::optional<std::string_view> text) {
  uint32_t value = 0;
  if (!text || text->empty() ||
      std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc())
    return std::nullopt;
  return value;
}

std::optional<Line> parse_line(std::string_view text) {
  const auto declaration = part(text, "field:");
  const auto offset = number(part(text, "\toffset:"));
  const auto size = number(part(text, "\tsize:"));
  if (!declaration || !offset || !size) return std::nullopt;
  return Line{*declaration, *offset, *size, part(text, "\tsigned:") == "1"};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

struct Declaration {
  std::string_view type;  // "const char *", "__data_loc char[]"
  std::string_view name;
  bool is_array = false;
  uint32_t count = 0;  // of the array's elements; 0: it does not say
};

Declaration parse_declaration(std::string_view text) {
  Declaration parsed;
  text = trim(text);
  if (text.ends_with(']')) {
    parsed.is_array = true;
    const size_t bracket = text.rfind('[');
    std::from_chars(text.data() + std::min(bracket + 1, text.size()), text.data() + text.size(), parsed.count);
    text = trim(text.substr(0, bracket));
  }
  const size_t before = text.find_last_of(" *]");
  parsed.name = before == std::string_view::npos ? text : text.substr(before + 1);
  parsed.type = trim(text.substr(0, text.size() - parsed.name.size()));
  return parsed;
}

std::string_view without_const(std::string_view type) { return type.starts_with("const ") ? type.substr(6) : type; }

// Characters; bytes without a sign are data.
bool is_char(std::string_view type) { return without_const(type) == "char"; }

bool is_byte(std::string_view type) {
  type = without_const(type);
  return type == "unsigned char" || type == "u8" || type == "__u8" || type == "uint8_t";
}

// What stands in an array whose length the kernel tells only with the record: "__data_loc u32[]".
Type element_type(std::string_view declared) {
  struct Width {
    std::string_view type;
    uint32_t size;
    bool is_signed;
  };
  constexpr Width widths[] = {{"char", 1, true}, {"u16", 2, false}, {"__u16", 2, false}, {"u32", 4, false}, {"__u32", 4, false},
                              {"int", 4, true}, {"unsigned int", 4, false}, {"unsigned", 4, false}, {"u64", 8, false},
                              {"__u64", 8, false}, {"unsigned long", 8, false}, {"long", 8, true}};
  for (const Width& each : widths)
    if (each.type == without_const(declared)) return Type::integer(each.size, each.is_signed);
  return Type::integer(1, false);
}

// System call events store every argument in 8 bytes, of which a narrower parameter fills only the lower
// ones.
struct Narrow {
  std::string_view type;
  uint32_t size;
  bool is_signed;
};
constexpr Narrow narrow_types[] = {
    {"int", 4, true},      {"unsigned int", 4, false}, {"unsigned", 4, false}, {"u32", 4, false},
    {"__u32", 4, false},   {"s32", 4, true},           {"__s32", 4, true},     {"pid_t", 4, true},
    {"uid_t", 4, false},   {"gid_t", 4, false},        {"key_t", 4, true},     {"key_serial_t", 4, true},
    {"umode_t", 2, false}, {"qid_t", 4, false},        {"rwf_t", 4, true},     {"mqd_t", 4, true},
    {"timer_t", 4, true},
};

Type integer_type(const Line& line, std::string_view declared) {
  if (line.size == 8)
    for (const Narrow& narrow : narrow_types)
      if (narrow.type == declared) return Type::integer(narrow.size, narrow.is_signed);
  return Type::integer(line.size, line.is_signed);
}

// Of an array of numbers; nothing for what is none, or does not say how many there are.
std::optional<uint32_t> element_size(const Declaration& declaration, const Line& line) {
  if (!declaration.is_array) return std::nullopt;
  if (is_byte(declaration.type)) return 1;
  if (declaration.count == 0 || line.size % declaration.count != 0) return std::nullopt;
  const uint32_t size = line.size / declaration.count;
  return size == 1 || size == 2 || size == 4 || size == 8 ? std::optional(size) : std::nullopt;
}

Field make_field(const Line& line) {
  const Declaration declaration = parse_declaration(line.declaration);
  Field field;
  field.name = fmt::format("args.{}", declaration.name);
  field.where = ContextOffset{line.offset};
  const Type character = Type::integer(1, true);
  const bool integer_size = line.size == 1 || line.size == 2 || line.size == 4 || line.size == 8;
  if (declaration.type.starts_with("__data_loc")) {
    std::string_view element = trim(declaration.type.substr(10));
    if (element.ends_with("[]")) element = trim(element.substr(0, element.size() - 2));
    field.type = Type::pointer(element_type(element));
    field.where = DataLocation{line.offset};
  } else if (declaration.type.starts_with("__rel_loc")) {
    field.type = Type::pointer(character);
    field.where =
        Unavailable{fmt::format("the place of '{}' is relative, which is not read yet", declaration.name)};
  } else if (declaration.is_array && is_char(declaration.type)) {
    field.type = Type::string(line.size);
  } else if (const auto element = element_size(declaration, line)) {
    field.type = Type::array(Type::integer(*element, line.is_signed), line.size / *element);
  } else if (!declaration.is_array && declaration.type.ends_with('*') && line.size == 8) {
    const std::string_view pointee = trim(declaration.type.substr(0, declaration.type.size() - 1));
    field.type = Type::pointer(is_char(pointee) ? character : is_byte(pointee) ? Type::integer(1, false) : Type::integer(8, false));
    if (const std::string_view record = without_const(pointee); record.starts_with("struct ")) {
      Type named = Type::integer(8, false);
      named.name = record;
      field.type = Type::pointer(std::move(named));
      field.has_description = true;
    }
  } else if (!declaration.is_array && integer_size) {
    field.type = integer_type(line, declaration.type);
  } else {
    field.type = Type::integer(8, false);
    field.where = Unavailable{fmt::format("'{}' is {} bytes of {}, which is no integer or string",
                                          declaration.name, line.size, declaration.type)};
  }
  return field;
}

}  // namespace

std::vector<Field> parse_tracepoint_format(std::string_view text) {
  std::vector<Field> fields;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto line = parse_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line) continue;
    Field field = make_field(*line);
    if (!field.name.starts_with("args.common_")) fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace zeektrace
