// tracepoint: the kernel's own static probes, as tracefs names and describes them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "parser/registry.h"
#include "probes/attach.h"
#include "probes/glob.h"
#include "probes/inside.h"
#include "probes/perf_event.h"
#include "probes/providers.h"
#include "probes/tracepoint_format.h"

namespace zeektrace {

namespace {

std::string event_file(const AttachPoint& point, std::string_view file) {
  return fmt::format("events/{}/{}/{}", point.target, point.symbol, file);
}

// The program belongs to the event, not to the perf event's CPU or process: it runs wherever the tracepoint
// is passed.
Result<Links> attach_events(const AttachRequest& request) {
  auto tracefs = request.machine.inside().tracefs();
  if (!tracefs) return tracefs.error();
  const int cpu = online_cpus().front();
  Links links;
  for (size_t i = 0; i < request.probe.points.size(); i++) {
    const AttachPoint& point = request.probe.points[i];
    auto text = (*tracefs)->read(event_file(point, "id"));
    if (!text) return text.error();
    perf_event_attr attr = {};
    attr.type = PERF_TYPE_TRACEPOINT;
    attr.sample_period = 1;
    if (std::from_chars(text->data(), text->data() + text->size(), attr.config).ec != std::errc())
      return Error{Error::Kind::machine, fmt::format("the id of {} is not a number: '{}'", point.name, *text),
                   "", nullptr};
    const int link = link_perf_event(attr, -1, cpu, request.program, request.probe.first_point + i);
    if (link < 0) return perf_event_error(-link, fmt::format("cannot attach {}", point.name));
    links.add(link);
  }
  return links;
}

constexpr Mechanism tracepoint_event = {
    .name = "perf event", .section = "tracepoint", .has_cookie = true, .attach = attach_events};

AttachPoint make_point(std::string category, std::string event) {
  AttachPoint point;
  point.provider = &provider(ProviderRow::tracepoint);
  point.how = &tracepoint_event;
  point.name = fmt::format("{}:{}:{}", point.provider->name, category, event);
  point.target = std::move(category);
  point.symbol = std::move(event);
  return point;
}

std::vector<std::string> matching(const std::vector<std::string>& names, std::string_view pattern) {
  std::vector<std::string> kept;
  for (const std::string& name : names)
    if (glob_matches(pattern, name)) kept.push_back(name);
  return kept;
}

Error no_such(std::string_view what, std::string_view wanted, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string hint = did_you_mean(near_matches(wanted, views));
  if (hint.empty()) hint = "zeektrace -l 'tracepoint:*' lists them";
  return Error{Error::Kind::script, fmt::format("there is no {} '{}'", what, wanted), hint, nullptr};
}

}  // namespace

Points expand_tracepoint(Machine& machine, std::string_view target) {
  const size_t colon = target.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == target.size())
    return Error{Error::Kind::script, fmt::format("tracepoint:{} does not name an event", target),
                 "write tracepoint:SUBSYSTEM:EVENT, such as tracepoint:sched:sched_switch", nullptr};
  const std::string category_pattern(target.substr(0, colon));
  const std::string event_pattern(target.substr(colon + 1));
  auto tracefs = machine.inside().tracefs();
  if (!tracefs) return tracefs.error();
  if (!is_glob(target) && event_pattern.find('/') == std::string::npos &&
      (*tracefs)->has(fmt::format("events/{}/{}/id", category_pattern, event_pattern)))
    return std::vector<AttachPoint>{make_point(category_pattern, event_pattern)};

  auto all_categories = (*tracefs)->directories("events");
  if (!all_categories) return all_categories.error();
  const auto categories = matching(*all_categories, category_pattern);
  if (categories.empty()) return no_such("tracepoint subsystem", category_pattern, *all_categories);
  std::vector<AttachPoint> points;
  std::vector<std::string> seen;
  for (const std::string& category : categories) {
    auto events = (*tracefs)->directories("events/" + category);
    if (!events) return events.error();
    seen.insert(seen.end(), events->begin(), events->end());
    for (std::string& event : matching(*events, event_pattern)) {
      // The events of ftrace itself have no id that perf could take.
      if (category == "ftrace" || !(*tracefs)->has(fmt::format("events/{}/{}/id", category, event))) continue;
      points.push_back(make_point(category, std::move(event)));
    }
  }
  if (points.empty()) return no_such("tracepoint in " + category_pattern, event_pattern, seen);
  return points;
}

Fields tracepoint_fields(Machine& machine, const AttachPoint& point) {
  auto tracefs = machine.inside().tracefs();
  if (!tracefs) return tracefs.error();
  auto text = (*tracefs)->read(event_file(point, "format"));
  if (!text) return text.error();
  return parse_tracepoint_format(*text);
}

Fields tracepoint_described_fields(Machine& machine, const AttachPoint& point) {
  auto fields = tracepoint_fields(machine, point);
  BtfTypes* types = machine.inside().btf();
  if (!fields || types == nullptr) return fields;
  std::vector<Field> described;
  for (Field& field : *fields) {
    if (!field.has_description) continue;
    constexpr std::string_view keyword = "struct ";
    if (auto record = types->find(std::string_view(field.type.pointee->name).substr(keyword.size()))) {
      field.type = Type::pointer(*std::move(record));
      field.has_description = false;
      described.push_back(std::move(field));
    }
  }
  return described;
}

}  // namespace zeektrace
