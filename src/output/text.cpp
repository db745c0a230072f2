// Text for a terminal, in the layout that users of the language know: `@map[k1, k2]: value`, histograms with
// a bar of 52 columns, an empty line after each map.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "src/output/output.h"

namespace zeektrace {
namespace {

constexpr int bar_columns = 52;

std::string number_text(const std::variant<int64_t, uint64_t>& number) {
  return std::visit([](auto value) { return fmt::to_string(value); }, number);
}

// A multiple of a power of 1024 is written with that power's letter: 2048 is 2K, 1280 stays 1280.
std::string power_label(__int128 bound) {
  int power = 0;
  for (; bound != 0 && bound % 1024 == 0; bound /= 1024) ++power;
  std::string label = fmt::to_string(static_cast<int64_t>(bound));
  if (power > 0) label += " KMGTPE"[power];
  return label;
}

// Only steps that are whole K or M give bounds written so.
std::string linear_label(__int128 bound, int64_t step) {
  constexpr int64_t kilo = 1024, mega = 1024 * 1024;
  auto number = static_cast<int64_t>(bound);
  if (number == 0 || step == 0 || step % kilo != 0) return fmt::to_string(number);
  if (number % mega == 0) return fmt::format("{}M", number / mega);
  if (number % kilo == 0) return fmt::format("{}K", number / kilo);
  return fmt::to_string(number);
}

std::string bucket_label(const Histogram& histogram, const Histogram::Bucket& bucket) {
  auto bound = [&](__int128 value) {
    return histogram.linear ? linear_label(value, histogram.step) : power_label(value);
  };
  if (!bucket.has_low) return fmt::format("(..., {})", bound(bucket.high));
  if (!bucket.has_high) return fmt::format("[{}, ...)", bound(bucket.low));
  const bool is_one = histogram.linear ? histogram.step == 1 : bucket.high - bucket.low == 1;
  if (is_one) return fmt::format("[{}]", bound(bucket.low));
  return fmt::format("[{}, {})", bound(bucket.low), bound(bucket.high));
}

std::string histogram_text(const Histogram& histogram) {
  uint64_t highest = 1;
  for (const auto& bucket : histogram.buckets) highest = std::max(highest, bucket.count);
  std::string text;
  for (const auto& bucket : histogram.buckets) {
    // In 128 bits: a count can be anything.
    auto bar = static_cast<size_t>(static_cast<unsigned __int128>(bucket.count) * bar_columns / highest);
    text += fmt::format("{:<16}{:>8} |{:<52}|\n", bucket_label(histogram, bucket), bucket.count,
                        std::string(bar, '@'));
  }
  return text;
}

// ---- a time series: a line an interval, a star where its value stands between the least and the largest ----

constexpr int64_t star_columns = 51;
using Number = std::variant<int64_t, uint64_t>;

__int128 wide(const Number& number) {
  return std::visit([](auto n) { return static_cast<__int128>(n); }, number);
}

std::string clock_text(int64_t nanoseconds, uint64_t interval) {
  constexpr int64_t second = 1'000'000'000, millisecond = 1'000'000, microsecond = 1'000;
  const std::time_t whole = nanoseconds / second;
  std::tm parts = {};
  localtime_r(&whole, &parts);
  const int64_t rest = nanoseconds % second;
  std::string text = fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (interval % second == 0) return text;
  if (interval % millisecond == 0) return text + fmt::format(".{:03}", rest / millisecond);
  if (interval % microsecond == 0) return text + fmt::format(".{:06}", rest / microsecond);
  return text + fmt::format(".{:09}", rest);
}

std::string series_text(const Series& series) {
  std::optional<Number> least, largest;
  for (const auto& point : series.points) {
    if (!point.value) continue;
    if (!least || wide(*point.value) < wide(*least)) least = point.value;
    if (!largest || wide(*point.value) > wide(*largest)) largest = point.value;
  }
  if (!least) return "";
  const __int128 range = wide(*largest) - wide(*least);
  auto column = [&](const __int128 number) {
    return range == 0 ? 0 : static_cast<size_t>((number - wide(*least)) * star_columns / range);
  };
  std::string head = "hh:mm:ss";
  const size_t clock_columns = clock_text(0, series.interval).size();
  if (clock_columns > head.size()) head += series.interval % 1'000'000 == 0 ? ".ms" : series.interval % 1'000 == 0 ? ".us" : ".ns";
  head.resize(std::max(clock_columns, head.size()), ' ');
  const std::string margin(head.size() + 1, ' '), line(star_columns, '_');
  const std::string bounds = fmt::format("{}{:<{}}{}\n", margin, number_text(*least), star_columns + 1, number_text(*largest));
  std::string text = fmt::format("{}{} |{}|\n", bounds, head, line);
  for (const auto& point : series.points) {
    std::string bar = "|" + std::string(star_columns, ' ') + "|";
    if (wide(*least) < 0 && wide(*largest) > 0) bar[column(0)] = '.';
    if (point.value) bar[column(wide(*point.value))] = '*';
    text += fmt::format("{:<{}} {} {}\n", clock_text(point.begin, series.interval), head.size(), bar,
                        point.value ? number_text(*point.value) : "-");
  }
  return text + fmt::format("{}v{}v\n{}", margin, line, bounds);
}

// (1, two), { .count = 1, .name = two }, [1,2]
std::string group_text(const Group& group) {
  if (group.is_list) {
    std::string text;
    for (const Item& each : group.items) text += (text.empty() ? "[" : ",") + value_text(each.value, 8);
    return text + "]";
  }
  const bool is_named = !group.names.empty();
  std::string text = is_named ? "{ " : "(";
  for (size_t i = 0; i < group.items.size(); i++) {
    if (i > 0) text += ", ";
    if (is_named) text += "." + group.names[i] + " = ";
    text += value_text(group.items[i].value, 8);
  }
  if (is_named) return text + " }";
  return text + (group.items.size() == 1 ? ",)" : ")");
}

}  // namespace

std::string value_text(const Value& value, int stack_indent) {
  return std::visit(Overloaded{
                        [](const Signed& v) { return fmt::to_string(v.value); },
                        [](const Unsigned& v) { return fmt::to_string(v.value); },
                        [](const Real& v) { return real_text(v); },
                        [](const Text& v) { return v.value; },
                        [](const Notation& v) { return v.text; },
                        [](const Buffer& v) { return buffer_text(v); },
                        [](const Series& v) { return "\n" + series_text(v); },
                        [](const Address& v) { return fmt::format("{:#x}", v.value); },
                        [](const Symbol& v) { return v.name; },
                        [&](const Stack& v) { return stack_text(v, stack_indent); },
                        [](const Histogram& v) { return "\n" + histogram_text(v); },
                        [](const Average& v) { return number_text(v.value); },
                        [](const Boolean& v) { return std::string(v.value ? "true" : "false"); },
                        [](const Group& v) { return group_text(v); },
                        [](const Statistics& v) {
                          return fmt::format("count {}, average {}, total {}", v.count,
                                             number_text(v.average), number_text(v.total));
                        },
                    },
                    value);
}

namespace {

std::string row_text(const Table& table, const Table::Row& row) {
  std::string text = "@" + table.name;
  if (table.keyed) {
    text += '[';
    for (size_t i = 0; i < row.key.size(); ++i) {
      if (i > 0) text += ", ";
      text += value_text(row.key[i], 4);
    }
    text += ']';
  }
  text += ": " + value_text(row.value, 8);
  if (text.back() != '\n') text += '\n';
  // What takes several lines stands apart from the next row.
  if (table.keyed &&
      (std::holds_alternative<Histogram>(row.value) || std::holds_alternative<Series>(row.value) || std::holds_alternative<Stack>(row.value))) {
    text += '\n';
  }
  return text;
}

class TextOutput final : public Output {
 public:
  TextOutput(std::FILE* out, std::FILE* err, bool quiet) : out_(out), err_(err), quiet_(quiet) {}

  void attached(size_t probes) override {
    if (!quiet_) say(fmt::format("Attached {} probe{}\n", probes, probes == 1 ? "" : "s"));
  }
  void said(std::string_view, std::string_view text) override { write(text); }
  void complained(std::string_view what, std::string_view where, std::string_view text) override {
    say(fmt::format("{}: {}: {}\n", where, what, text));
  }
  void value(const Value& value) override {
    std::string text = value_text(value, 8);
    if (!text.ends_with('\n')) text += '\n';
    write(text);
  }
  void table(const Table& table) override {
    if (table.rows.empty()) {
      if (!table.keyed && !quiet_) say(fmt::format("@{}: no values were counted\n", table.name));
      return;
    }
    std::string text;
    for (const auto& row : table.rows) text += row_text(table, row);
    if (!text.ends_with("\n\n")) text += '\n';
    write(text);
  }
  void lost(const Loss& loss) override { say(loss_text(loss) + "\n"); }

 private:
  void write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), out_); }
  // Answers written so far come first, where both go to one terminal.
  void say(std::string_view text) {
    std::fflush(out_);
    zeektrace::say(err_, text);
  }

  std::FILE* out_;
  std::FILE* err_;
  bool quiet_;
};

}  // namespace

std::unique_ptr<Output> make_text(std::FILE* out, std::FILE* err, bool quiet) {
  return std::make_unique<TextOutput>(out, err, quiet);
}

}  // namespace zeektrace
