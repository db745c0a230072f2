#include "probes/zeek/layout_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace zeektrace {
namespace {

constexpr std::string_view heading = "zeek-layout";
constexpr uint32_t form = 1;

bool is_known(std::string_view member) {
  return std::ranges::any_of(zeek_members(), [&](const ZeekMember& row) { return row.name == member; });
}

std::optional<uint32_t> number_in(std::string_view text) {
  uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

class Reader {
 public:
  explicit Reader(const std::string& file) { entry_.file = file; }

  // What is wrong with it; "" when it is well.
  std::string take(std::string_view line) {
    std::istringstream words{std::string(line.substr(0, line.find('#')))};
    std::string key, value, more;
    if (!(words >> key)) return "";
    if (!(words >> value) || words >> more) return "a line is a name and a value";
    if (!has_heading_) {
      if (key != heading) return fmt::format("it does not begin with '{} {}'", heading, form);
      if (number_in(value) != form) return fmt::format("'{} {}' is a form that this zeektrace does not know", heading, value);
      return has_heading_ = true, "";
    }
    if (key == "release") return entry_.release.empty() ? (entry_.release = value, "") : "it has two releases";
    if (key == "build-id") return entry_.build_ids.push_back(value), "";
    const auto number = number_in(value);
    if (!is_known(key)) return fmt::format("no member is called '{}'", key);
    if (!number) return fmt::format("'{}' is no offset", value);
    return entry_.members.emplace(key, *number).second ? "" : fmt::format("{} comes twice", key);
  }

  std::string whats_missing() const {
    if (!has_heading_) return "it is empty";
    if (entry_.release.empty()) return "it names no release";
    return entry_.build_ids.empty() ? "it names no build-id" : "";
  }
  ZeekLayoutEntry take() && { return std::move(entry_); }

 private:
  ZeekLayoutEntry entry_;
  bool has_heading_ = false;
};

Error wrong(const std::string& where, std::string_view what) {
  return Error{Error::Kind::machine, fmt::format("{}: {}", where, what),
               "`zeektrace zeek layout BIN` writes such a file; take this one away if it is none", nullptr};
}

}  // namespace

std::string zeek_layout_text(const ZeekLayout& layout) {
  std::string text = fmt::format("{} {}\n# from {}\nrelease {}\n", heading, form, layout.source, layout.release);
  text += layout.build_id.empty() ? "# build-id: this build has none\n" : fmt::format("build-id {}\n", layout.build_id);
  for (const auto& [name, offset] : layout.members) text += fmt::format("{} {}\n", name, offset);
  return text;
}

Result<ZeekLayoutEntry> parse_zeek_layout(std::string_view text, const std::string& file) {
  Reader reader(file);
  for (size_t line = 1; !text.empty(); line++) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const std::string what = reader.take(text.substr(0, end)); !what.empty())
      return wrong(fmt::format("{}:{}", file, line), what);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (const std::string what = reader.whats_missing(); !what.empty()) return wrong(file, what);
  return std::move(reader).take();
}

Result<std::optional<ZeekLayoutEntry>> find_zeek_layout(const std::string& directory, std::string_view build_id) {
  std::optional<ZeekLayoutEntry> found;
  std::error_code failed;
  for (const auto& file : std::filesystem::directory_iterator(directory, failed)) {
    if (file.path().filename().string().starts_with(".")) continue;
    std::ifstream in(file.path());
    std::stringstream text;
    text << in.rdbuf();
    if (!in) return wrong(file.path(), "it can't be read");
    auto entry = parse_zeek_layout(text.str(), file.path());
    if (!entry) return entry.error();
    if (std::ranges::find(entry->build_ids, build_id) == entry->build_ids.end()) continue;
    if (found) return wrong(file.path(), fmt::format("{} is for the same build", found->file));
    found = *std::move(entry);
  }
  return found;
}

}  // namespace zeektrace
