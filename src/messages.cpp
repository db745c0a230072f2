#include "src/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "src/actions.h"

namespace zeektrace {

namespace {

constexpr uint64_t messages_between_looks = 64;
constexpr std::chrono::milliseconds patience{40};  // what was sent before Ctrl-C has this long to be printed

bool is_zero(const MapRow& row) {
  return std::ranges::all_of(row.values, [](const std::vector<std::byte>& value) {
    return std::ranges::all_of(value, [](std::byte byte) { return byte == std::byte{}; });
  });
}

}  // namespace

Messages::Messages(const Program& program, Tracer& tracer, Output& output, const Names& names,
                   std::function<bool()> ending)
    : program_(program), tracer_(tracer), output_(output), names_(names), ending_(std::move(ending)) {
  for (const Record& record : program.records) texts_.emplace_back(record);
}

Status Messages::drain() {
  Status status = Nothing{};
  auto drained = tracer_.drain([&](Bytes message) {
    if (++received_ % messages_between_looks == 0) look_for_the_end();
    if (deaf_ && patience_) ++late_;
    if (deaf_ || !status) return;
    if (const Record* record = find_record(program_, message)) {
      status = act(*record, message);
    } else {
      ++malformed_;
    }
  });
  return status ? drained : status;
}

void Messages::look_for_the_end() {
  if (deaf_ || (!patience_ && !ending_())) return;
  auto now = std::chrono::steady_clock::now();
  if (!patience_) patience_ = now + patience;
  if (now >= *patience_) deaf_ = true;
}

void Messages::listen_again() {
  deaf_ = false;
  patience_.reset();
}

Status Messages::act(const Record& record, Bytes message) {
  switch (record.kind) {
    case Record::Kind::printf: output_.said("printf", text_of(record, message)); break;
    case Record::Kind::error: output_.complained("ERROR", place_of(record), text_of(record, message)); break;
    case Record::Kind::warning: output_.complained("WARNING", place_of(record), text_of(record, message)); break;
    case Record::Kind::assertion:
      output_.complained("ERROR", place_of(record), record.format);
      exit_status_ = 1;
      deaf_ = true;
      break;
    case Record::Kind::packet: return packets_.write(record.format, message.subspan(record.fields.front().offset), names_.boot_time);
    case Record::Kind::cat: cat(text_of(record, message)); break;
    case Record::Kind::system: system(text_of(record, message)); break;
    case Record::Kind::join: output_.said("join", joined(record, message)); break;
    case Record::Kind::print_value:
      for (const auto& value : decode_fields(record, message, names_)) output_.value(value);
      break;
    case Record::Kind::print_map: return print_map(program_.maps[record.map], {record.top, record.div});
    case Record::Kind::clear: cleared_.insert(record.map); return tracer_.clear(program_.maps[record.map]);
    case Record::Kind::zero: return tracer_.zero(program_.maps[record.map]);
    case Record::Kind::time: output_.said("time", time_text(record.format)); break;
    case Record::Kind::exit: exit(record, message); break;
  }
  return Nothing{};
}

const std::string& Messages::text_of(const Record& record, Bytes message) {
  text_.clear();
  texts_[static_cast<size_t>(&record - program_.records.data())].append(message, names_, text_);
  return text_;
}

// "script.bt:3:9-62"
std::string Messages::place_of(const Record& record) const {
  const auto begin = program_.source->position(record.span.begin);
  return fmt::format("{}:{}:{}-{}", program_.source->name(), begin.line, begin.column,
                     begin.column + (record.span.end - record.span.begin));
}

void Messages::cat(const std::string& path) {
  auto text = file_text(path);
  if (text) output_.said("cat", *text);
  else complain(text.error());
}

// What was printed so far comes before what the command prints by itself.
void Messages::system(const std::string& command) {
  auto text = command_output(command);
  if (text) output_.said("syscall", *text);
  else complain(text.error());
}

void Messages::complain(const Error& error) { say(stderr, error.text() + "\n"); }

Status Messages::print_map(const MapDef& map, const Shown& shown) {
  if (!map.is_in_kernel() || map.is_of_call) return Nothing{};
  auto rows = tracer_.read(map);
  if (!rows) return rows.error();
  // One without a key is an array of one, which holds 0 then: as little as a map with keys has any.
  const auto number = static_cast<uint32_t>(&map - program_.maps.data());
  if (map.keys.empty() && cleared_.contains(number) && std::ranges::all_of(*rows, is_zero)) return Nothing{};
  output_.table(decode_table(map, *rows, shown, names_));
  return Nothing{};
}

void Messages::exit(const Record& record, Bytes message) {
  deaf_ = true;
  int status = 0;
  for (const auto& value : decode_fields(record, message, names_)) {
    if (const auto* number = std::get_if<Signed>(&value)) status = static_cast<int>(number->value);
    if (const auto* number = std::get_if<Unsigned>(&value)) status = static_cast<int>(number->value);
  }
  // The first one ends the script; one that names a status, in END perhaps, still sets it.
  if (!exit_status_ || !record.fields.empty()) exit_status_ = status;
}

std::string joined(const Record& record, Bytes message) {
  const size_t room = record.fields.front().type.size / join_texts;
  std::string text;
  for (size_t i = 0; i < join_texts; i++) {
    const auto* begin = reinterpret_cast<const char*>(message.data()) + record.fields.front().offset + i * room;
    const std::string_view one(begin, strnlen(begin, room));
    if (one == std::string_view(&join_ends, 1)) break;
    if (i > 0) text += record.format;
    text += one;
  }
  return text + "\n";
}

namespace {

std::string formatted_time(const std::string& format, std::time_t seconds) {
  std::tm parts = {};
  localtime_r(&seconds, &parts);
  std::array<char, 4096> text;
  return {text.data(), std::strftime(text.data(), text.size(), format.c_str(), &parts)};
}

}  // namespace

std::string time_text(const std::string& format) { return formatted_time(format, std::time(nullptr)); }

std::string moment_text(const std::string& format, uint64_t since_boot, int64_t boot_time) {
  constexpr int64_t second = 1'000'000'000, microsecond = 1'000;
  const int64_t moment = static_cast<int64_t>(since_boot) + boot_time;
  std::string filled;
  for (size_t i = 0; i < format.size(); i++) {
    if (format[i] != '%' || i + 1 == format.size()) {
      filled += format[i];
    } else if (format[++i] == 'f') {
      filled += fmt::format("{:06}", moment % second / microsecond);
    } else {
      filled += {'%', format[i]};
    }
  }
  return formatted_time(filled, moment / second);
}

int64_t boot_time() {
  auto nanoseconds = [](clockid_t id) {
    timespec now = {};
    clock_gettime(id, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  };
  return nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_BOOTTIME);
}

}  // namespace zeektrace
