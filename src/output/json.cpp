// JSON, one object a line: {"type": T, "data": D}. Integers are exact, text that is not UTF-8 has its bad
// bytes replaced, histogram bounds are closed ("max" is in the bucket) and left out where a bucket is open.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "src/output/output.h"

namespace zeektrace {
namespace {

using Json = nlohmann::ordered_json;

Json number_json(const std::variant<int64_t, uint64_t>& number) {
  return std::visit([](auto value) { return Json(value); }, number);
}

Json bound_json(__int128 bound) {
  if (bound < 0) return static_cast<int64_t>(bound);
  return static_cast<uint64_t>(bound);
}

Json histogram_json(const Histogram& histogram) {
  Json rows = Json::array();
  for (const auto& bucket : histogram.buckets) {
    Json row = Json::object();
    if (bucket.has_low) row["min"] = bound_json(bucket.low);
    if (bucket.has_high) row["max"] = bound_json(bucket.high - 1);
    row["count"] = bucket.count;
    rows.push_back(std::move(row));
  }
  return rows;
}

Json series_json(const Series& series) {
  Json points = Json::array();
  for (const auto& point : series.points) {
    Json value = point.value ? number_json(*point.value) : Json();
    points.push_back({{"interval_start", point.begin}, {"value", std::move(value)}});
  }
  return points;
}

// JSON has no number for those that are not finite: they are texts.
Json real_json(const Real& real) {
  std::string text = real_text(real);
  if (!std::isfinite(real.value)) return text;
  return std::strtod(text.c_str(), nullptr);
}

Json value_json(const Value& value);

Json group_json(const Group& group) {
  Json json = group.names.empty() ? Json::array() : Json::object();
  for (size_t i = 0; i < group.items.size(); i++) {
    if (group.names.empty()) json.push_back(value_json(group.items[i].value));
    else json[group.names[i]] = value_json(group.items[i].value);
  }
  return json;
}

Json value_json(const Value& value) {
  return std::visit(Overloaded{
                        [](const Signed& v) { return Json(v.value); },
                        [](const Unsigned& v) { return Json(v.value); },
                        [](const Real& v) { return real_json(v); },
                        [](const Text& v) { return Json(v.value); },
                        [](const Notation& v) { return Json(v.text); },
                        [](const Buffer& v) { return Json(buffer_text(v)); },
                        [](const Series& v) { return series_json(v); },
                        [](const Address& v) { return Json(fmt::format("{:#x}", v.value)); },
                        [](const Symbol& v) { return Json(v.name); },
                        [](const Stack& v) { return Json(stack_text(v, 8)); },
                        [](const Histogram& v) { return histogram_json(v); },
                        [](const Average& v) { return number_json(v.value); },
                        [](const Boolean& v) { return Json(v.value); },
                        [](const Group& v) { return group_json(v); },
                        [](const Statistics& v) {
                          return Json{{"count", v.count},
                                      {"average", number_json(v.average)},
                                      {"total", number_json(v.total)}};
                        },
                    },
                    value);
}

// Keys are one string, their parts joined by commas.
std::string key_text(const std::vector<Value>& key) {
  std::string text;
  for (const auto& part : key) {
    if (&part != &key.front()) text += ',';
    if (const auto* stack = std::get_if<Stack>(&part)) {
      text += stack_text(*stack, 4);
      continue;
    }
    Json json = value_json(part);
    text += json.is_string() ? json.get<std::string>() : json.dump();
  }
  return text;
}

// As key_text(), but each part as JSON spells it: keys that differ look different, but for bytes that are no UTF-8.
std::string exact_key_text(const std::vector<Value>& key) {
  Json parts = Json::array();
  for (const auto& part : key) parts.push_back(value_json(part));
  return parts.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The table's rows as an object. Two keys may read the same ("a,b" and "c", "a" and "b,c"): the second is spelled
// exactly, and numbered should that not be enough. No row is lost.
Json rows_json(const Table& table) {
  Json object = Json::object();
  for (const auto& row : table.rows) {
    std::string name = Json(key_text(row.key)).dump(-1, ' ', false, Json::error_handler_t::replace);
    name = Json::parse(name).get<std::string>();  // with what is no UTF-8 replaced, as it will be printed
    if (object.contains(name)) name = exact_key_text(row.key);
    std::string unique = name;
    for (int i = 2; object.contains(unique); ++i) unique = fmt::format("{} #{}", name, i);
    object[unique] = value_json(row.value);
  }
  return object;
}

std::string_view type_word(Table::Kind kind) {
  switch (kind) {
    case Table::Kind::map: return "map";
    case Table::Kind::hist: return "hist";
    case Table::Kind::stats: return "stats";
    case Table::Kind::tseries: return "tseries";
  }
  return "map";
}

class JsonOutput final : public Output {
 public:
  JsonOutput(std::FILE* out, std::FILE* err, bool quiet) : out_(out), err_(err), quiet_(quiet) {}

  void attached(size_t probes) override {
    if (!quiet_) write("attached_probes", {{"probes", probes}});
  }
  void said(std::string_view what, std::string_view text) override { write(what, text); }
  void complained(std::string_view what, std::string_view where, std::string_view text) override {
    write(what == "ERROR" ? "errorf" : "warnf", {{"at", where}, {"text", text}});
  }
  void value(const Value& value) override { write("value", value_json(value)); }
  void table(const Table& table) override {
    Json content;
    if (table.keyed)
      content = rows_json(table);
    else if (!table.rows.empty())
      content = value_json(table.rows.front().value);
    else if (table.kind == Table::Kind::hist || table.kind == Table::Kind::tseries)
      content = Json::array();
    Json data = Json::object();
    data["@" + table.name] = std::move(content);
    write(type_word(table.kind), std::move(data));
  }
  void lost(const Loss& loss) override {
    Json data = {{"events", loss.count}, {"what", fmt::format("{} {}", loss.thing, loss.fate)}, {"why", loss.why}};
    if (!loss.where.empty()) data["where"] = loss.where;
    write("lost_events", std::move(data));
    std::fflush(out_);
    say(err_, loss_text(loss) + "\n");
  }

 private:
  void write(std::string_view type, Json data) {
    Json line = {{"type", type}, {"data", std::move(data)}};
    std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    std::fwrite(text.data(), 1, text.size(), out_);
  }

  std::FILE* out_;
  std::FILE* err_;
  bool quiet_;
};

}  // namespace

std::unique_ptr<Output> make_json(std::FILE* out, std::FILE* err, bool quiet) {
  return std::make_unique<JsonOutput>(out, err, quiet);
}

}  // namespace zeektrace
