#include "parser/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "parser/checking.h"
#include "parser/mentions.h"

namespace zeektrace {
namespace {

// Each walk can only make more types known, through a chain of maps at worst; scripts need two or three.
constexpr int most_walks = 12;
constexpr size_t most_programs = 1024;

bool same_integer(const std::optional<Type>& a, const std::optional<Type>& b) {
  return a.has_value() == b.has_value() && (!a || a->spelling() == b->spelling());
}

// What tells a place from others: in a file the offset, whatever name led there; elsewhere the name.
std::string place_of(const AttachPoint& point) {
  bool in_file = point.target.starts_with('/');
  return fmt::format("{} {} {} {} {}", fmt::ptr(point.how), point.target, point.offset, in_file ? "" : point.name,
                     point.only ? point.only->pattern : "");
}

bool same_filter(const std::optional<NameFilter>& a, const std::optional<NameFilter>& b) {
  if (!a || !b) return !a && !b;
  return same_names(*a, *b) && same_location(a->object, b->object);
}

// Who describes the record that a type is, or leads to.
const Records* records_of(const Type& type) {
  return type.pointee ? records_of(*type.pointee) : type.records;
}

bool same_proof(const std::optional<Field::Proven>& x, const std::optional<Field::Proven>& y) {
  return x && y ? x->proof == y->proof && same_location(x->of, y->of) : !x && !y;
}

bool same_field(const Field& x, const Field& y) {
  return x.name == y.name && x.type.same_as(y.type) && records_of(x.type) == records_of(y.type) &&
         same_location(x.where, y.where) && same_integer(x.kept_as, y.kept_as) && same_proof(x.proven, y.proven);
}

const Field* field_named(const std::vector<Field>& fields, std::string_view name) {
  auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

// Of those that the script names: others may differ.
bool same_fields(const std::vector<Field>& a, const std::vector<Field>& b, const std::set<std::string>& mentioned) {
  return std::ranges::all_of(mentioned, [&](const std::string& name) {
    const Field* x = field_named(a, name);
    const Field* y = field_named(b, name);
    return x && y ? same_field(*x, *y) : x == y;
  });
}

bool wants_description(const std::vector<Field>& fields, const std::set<std::string>& mentioned) {
  return std::ranges::any_of(mentioned, [&](const std::string& name) {
    const Field* known = field_named(fields, name);
    return known ? known->has_description : name.starts_with("args.");
  });
}

// A word such as retval has the type that debug information tells, if it is one type for all points of a probe; else it
// stays the plain word that it is without.
void agree_on_types(std::vector<ExpandedPoint>& points, const std::set<std::string>& mentioned) {
  for (const std::string& name : mentioned) {
    const Field* plain = points.empty() ? nullptr : field_named(points.front().plain, name);
    if (!plain || !plain->has_description) continue;
    const Field* first = field_named(points.front().fields, name);
    bool agreed = std::ranges::all_of(points, [&](const ExpandedPoint& point) {
      const Field* here = field_named(point.fields, name);
      return first && here && here->type.same_as(first->type);
    });
    if (agreed) continue;
    for (ExpandedPoint& point : points)
      for (Field& field : point.fields)
        if (const Field* word = field_named(point.plain, field.name); word && field.name == name) field = *word;
  }
}

// The described ones join and replace; gives what they were before.
std::vector<Field> with_descriptions(std::vector<Field>& fields, std::vector<Field> described) {
  std::vector<Field> plain = fields;
  for (Field& each : described) {
    auto known = std::ranges::find(fields, each.name, &Field::name);
    if (known != fields.end())
      *known = std::move(each);
    else
      fields.push_back(std::move(each));
  }
  return plain;
}

}  // namespace

const std::vector<ExprPtr>& Checker::args(const Expr& expr) const {
  static const std::vector<ExprPtr> none;
  auto* call = std::get_if<Call>(&expr.node);
  return call ? call->args : none;
}

std::string_view Checker::word(const Expr& expr) const {
  auto* name = std::get_if<Name>(&expr.node);
  return name ? std::string_view(name->name) : "";
}

Result<Program> check(const Source& source, const Ast& ast, std::span<const Builtin> builtins,
                      std::span<const Provider> providers, Machine& machine, const CheckOptions& options,
                      Diagnostics& diagnostics) {
  return Checking(source, ast, builtins, providers, machine, options, diagnostics).run();
}

Checking::Checking(const Source& source, const Ast& ast, std::span<const Builtin> builtins,
                   std::span<const Provider> providers, Machine& machine, const CheckOptions& options,
                   Diagnostics& diagnostics)
    : source_(source),
      ast_(ast),
      builtins_(builtins),
      providers_(providers),
      machine_(machine),
      options_(options),
      diagnostics_(diagnostics),
      reports_(&diagnostics) {
  program_.source = &source;
  program_.ast = &ast;
  program_.pid_namespace = options.pid_namespace;
  program_.only_pid_namespace = options.only_pid_namespace;
  program_.unwinds = options.unwinds;
  program_.has_private_stacks = options.has_private_stacks;
  program_.has_kernel_types = options.has_kernel_types;
  program_.types.resize(ast.expressions);
}

Result<Program> Checking::run() {
  configure();
  Status expanded = expand_probes();
  if (!expanded) return expanded.error();
  define_types();
  // What the blocks do can be judged only when all of them have their probes.
  if (!diagnostics_.empty()) return std::move(program_);
  // Walks that only learn keep their complaints to themselves; the last one, which knows all types, speaks.
  Diagnostics ignored;
  reports_ = &ignored;
  declare_maps();
  for (int i = 0; i < most_walks; i++) {
    walk();
    bool settled = seen_ == known_;
    known_ = std::exchange(seen_, {});
    if (settled && !assume_integers()) break;
  }
  lay_out_maps();
  reports_ = &diagnostics_;
  walk();
  for (const std::string& header : ast_.own_includes)
    program_.notes.push_back(fmt::format("\"{}\" is not read, nor is any header: types come from the kernel's own description (BTF) and from "
                                         "the script itself", header));
  remember_calls();
  find_call_pairs();
  return std::move(program_);
}

// ---- probes ----

Status Checking::expand_probes() {
  for (const ProbeDecl& decl : ast_.probes) {
    places_.clear();
    const std::set<std::string> mentioned = mentioned_names(decl);
    std::vector<ExpandedPoint> points;
    missing_.clear();
    for (const AttachSpec& spec : decl.points)
      if (Status status = expand_points(spec, mentioned, points); !status) return status;
    report_missing(!points.empty());
    agree_on_types(points, mentioned);
    std::vector<Probe> groups;
    for (ExpandedPoint& point : points) add_to_group(groups, decl, mentioned, std::move(point));
    for (Probe& group : groups) program_.probes.push_back(std::move(group));
  }
  if (program_.probes.empty() && diagnostics_.empty())
    diagnostics_.add(Code::cannot_probe, ast_.probes.back().span, "none of the script's attach points is there");
  if (program_.probes.size() > most_programs)
    diagnostics_.add(Code::too_many_probes, ast_.probes.back().span, program_.probes.size(), most_programs);
  name_probes();
  return Nothing{};
}

Status Checking::expand_points(const AttachSpec& spec, const std::set<std::string>& mentioned,
                               std::vector<ExpandedPoint>& all) {
  const Provider* provider = find_provider(providers_, spec.provider);
  if (!provider) {
    std::vector<std::string_view> names;
    for (const Provider& each : providers_) names.push_back(each.name);
    diagnostics_.add(Code::unknown_probe, spec.span, spec.provider).hint =
        did_you_mean(near_matches(spec.provider, names));
    return Nothing{};
  }
  std::optional<std::string> target = fill_parameters(spec);
  if (!target) return Nothing{};
  auto refused = [&](const Error& error) -> Status {
    if (error.kind == Error::Kind::machine) return error;
    missing_.emplace_back(&spec, error);
    return Nothing{};
  };
  auto points = provider->expand(machine_, *target);
  if (!points) return refused(points.error());
  for (AttachPoint& point : *points) {
    except_earlier(point, all);
    if (!places_.insert(place_of(point)).second) continue;  // an earlier attach point of this probe names it, too
    auto fields = provider->fields(machine_, point);
    if (!fields) return refused(fields.error());
    ExpandedPoint expanded{{}, std::move(*fields), {}};
    if (provider->described_fields && wants_description(expanded.fields, mentioned)) {
      auto described = provider->described_fields(machine_, point);
      if (!described) return refused(described.error());
      expanded.plain = with_descriptions(expanded.fields, std::move(*described));
    }
    expanded.point = std::move(point);
    all.push_back(std::move(expanded));
  }
  return Nothing{};
}

// Scripts name what a function is called in one kernel or another (`f, f.constprop.*`): a glob that finds nothing is no
// error beside attach points of the same probe that are there.
void Checking::report_missing(bool others) {
  using Missing = Settings::Missing;
  const Missing wanted = options_.settings.missing_probes;
  for (const auto& [spec, error] : missing_) {
    if (wanted == Missing::error && !(others && spec->target.find('*') != std::string::npos))
      diagnostics_.add(Code::cannot_probe, spec->span, error.message).hint = error.hint;
    else if (wanted != Missing::ignore)
      program_.notes.push_back(fmt::format("{}:{} is left out: {}", spec->provider, spec->target, error.message));
  }
}

// What two globs of one probe match is met once, as what the first one names.
void Checking::except_earlier(AttachPoint& point, const std::vector<ExpandedPoint>& all) {
  if (!point.only) return;
  for (const ExpandedPoint& each : all) {
    const AttachPoint& earlier = each.point;
    bool same_things = earlier.how == point.how && earlier.target == point.target && earlier.offset == point.offset &&
                       earlier.only && earlier.only->text == point.only->text &&
                       earlier.only->require == point.only->require && earlier.only->pattern != point.only->pattern;
    if (same_things) point.only->except.push_back(earlier.only->pattern);
  }
}

// Points share a program when they are attached in the same way, have in common the arguments that are named, and can be
// told apart.
void Checking::add_to_group(std::vector<Probe>& groups, const ProbeDecl& decl, const std::set<std::string>& mentioned,
                            ExpandedPoint expanded) {
  AttachPoint& point = expanded.point;
  bool can_share = point.how->has_cookie || point.provider->gate;
  for (Probe& group : groups) {
    const AttachPoint& first = group.points.front();
    if (!can_share || group.how != point.how || first.provider != point.provider || !same_filter(group.only, point.only) ||
        (point.bodies && first.target != point.target) ||
        !same_fields(group.fields, expanded.fields, mentioned))
      continue;
    group.points.push_back(std::move(point));
    return;
  }
  Probe probe;
  probe.syntax = &decl;
  probe.how = point.how;
  probe.fields = std::move(expanded.fields);
  probe.only = point.only;
  probe.bodies = point.bodies;
  if (options_.only_pid && !point.how->filters_pid) probe.only_pid = options_.only_pid;
  probe.only_nodes = options_.only_nodes && !point.how->is_of_no_process;
  probe.points.push_back(std::move(point));
  groups.push_back(std::move(probe));
}

// $1 in an attach point is the parameter's text.
std::optional<std::string> Checking::fill_parameters(const AttachSpec& spec) {
  std::string filled;
  const std::string& text = spec.target;
  for (size_t i = 0; i < text.size();) {
    size_t digits = i + 1;
    while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) digits++;
    if (text[i] != '$' || digits == i + 1 || digits - i > 5) {
      filled += text[i++];
      continue;
    }
    size_t index = std::stoul(text.substr(i + 1, digits - i - 1));
    if (index == 0 || index > options_.params.size()) {
      diagnostics_.add(Code::missing_parameter, spec.span, index,
                       fmt::format("give it after the script: {} arguments were given", options_.params.size()));
      return std::nullopt;
    }
    filled += options_.params[index - 1];
    i = digits;
  }
  return filled;
}

void Checking::name_probes() {
  for (size_t i = 0; i < program_.probes.size(); i++) {
    Probe& probe = program_.probes[i];
    const Provider& provider = *probe.points.front().provider;
    constexpr size_t kernel_limit = 15;  // BPF_OBJ_NAME_LEN - 1
    probe.function = fmt::format("p{}_{}", i, provider.name).substr(0, kernel_limit);
    if (provider.gate) probe.gate = provider.gate(probe.points);
    probe.bodies_of = static_cast<uint32_t>(i);
    for (size_t j = 0; probe.only && j <= i; j++) {
      const Probe& alike = program_.probes[j];
      if (!alike.only || !same_names(*alike.only, *probe.only)) continue;
      probe.names = j == i ? static_cast<uint32_t>(i) : alike.names;
      break;
    }
    probe.first_point = static_cast<uint32_t>(program_.point_names.size());
    for (const AttachPoint& point : probe.points) {
      program_.point_names.push_back(point.name);
      program_.point_functions.push_back(point.symbol.empty() ? point.name : point.symbol);
    }
  }
  find_twins();
}

void Checking::find_twins() {
  std::map<std::pair<std::string_view, std::string_view>, uint32_t> first;
  bool any = false;
  for (uint32_t i = 0; i < program_.point_names.size(); i++) {
    auto [known, is_new] = first.try_emplace({program_.point_names[i], program_.point_functions[i]}, i);
    program_.point_twins.push_back(known->second);
    any |= !is_new;
  }
  if (!any) program_.point_twins.clear();
}

// ---- walks ----

// A map whose every assignment reads the map itself (@n[k] = @n[k] + 1) holds integers: a missing key reads 0. True when
// there was one to be settled so.
bool Checking::assume_integers() {
  bool any = false;
  for (auto& [name, facts] : known_.maps) {
    if (!facts.assigned || facts.value.type.kind != Type::Kind::none) continue;
    facts.value.type = Type::integer(8, true);
    any = true;
  }
  return any;
}

void Checking::walk() {
  uses_.clear();
  program_.records.clear();
  program_.record_of.clear();
  program_.counters.clear();
  program_.counter_of.clear();
  program_.constants.clear();
  program_.accesses.clear();
  program_.texts.clear();
  program_.variable_of.clear();
  met_.assign(ast_.expressions, std::nullopt);
  // A probe that has no program (its attach points were refused) is looked at all the same, as far as it goes.
  for (Probe& probe : program_.probes) {
    probe_ = &probe;
    decl_ = static_cast<size_t>(probe.syntax - ast_.probes.data());
    probe.variables.clear();
    probe.variable_words = probe.variable_memory = 0;
    ended_.clear();
    scoped([&] {
      if (probe.syntax->predicate) condition(*probe.syntax->predicate);
      block(probe.syntax->body);
    });
  }
}

const MapFacts& Checking::known_map(const std::string& name) const {
  static const MapFacts unknown;
  auto found = known_.maps.find(name);
  return found == known_.maps.end() ? unknown : found->second;
}

Type Checking::known_variable(uint32_t number) const {
  auto known = known_.variables.find(decl_);
  return known == known_.variables.end() || number >= known->second.size() ? Type() : known->second[number].type;
}

const Field* Checking::field(std::string_view name) const {
  auto found = std::ranges::find(probe_->fields, name, &Field::name);
  if (found == probe_->fields.end()) return nullptr;
  probe_->used_fields.insert(found->name);
  return &*found;
}

const Field* Checking::asked_field(const Expr& expr, const std::string& name) {
  std::optional<Field> found;
  for (const AttachPoint& point : probe_->points) {
    auto ask = point.provider->asked_field;
    Result<Field> here = ask ? ask(machine_, point, name) : Error{Error::Kind::script, "", "", nullptr};
    if (!here) {
      Diagnostic& report = reports_->add(Code::no_argument_here, expr.span, source_.slice(expr.span), place());
      report.hint = here.error().message;
      return nullptr;
    }
    if (found && !same_field(*found, *here)) {
      reports_->add(Code::not_a_probe_value, expr.span, source_.slice(expr.span));
      return nullptr;
    }
    if (!found) found = *std::move(here);
  }
  if (!field_named(probe_->fields, name)) probe_->fields.push_back(*std::move(found));
  return field(name);
}

void Checking::add_record(const Expr& call, Record record, const std::vector<Type>& fields) {
  if (program_.record_of.contains(call.id)) return;  // met in an earlier group of the same probe
  record.span = call.span;
  for (const Type& type : fields) {
    record.fields.push_back({type, record.size});
    record.size += type.storage();
  }
  program_.record_of[call.id] = static_cast<uint32_t>(program_.records.size());
  program_.records.push_back(std::move(record));
}

bool Checking::add_counter(const Expr& call, const std::string& event) {
  std::string hint;
  for (const Provider& provider : providers_) {
    if (!provider.counter) continue;
    auto counter = provider.counter(event);
    if (!counter) {
      // A near match says more than where a list is to be had.
      if (hint.empty() || counter.error().hint.starts_with("did you mean")) hint = counter.error().hint;
      continue;
    }
    auto known = std::ranges::find(program_.counters, counter->name, &EventCounter::name);
    program_.counter_of[call.id] = static_cast<uint32_t>(known - program_.counters.begin());
    if (known == program_.counters.end()) program_.counters.push_back(*std::move(counter));
    return true;
  }
  reports_->add(Code::unknown_counter, call.span, event).hint = hint;
  return false;
}

const Expr& Checking::target(const Expr& call) const {
  auto found = targets_.find(call.id);
  if (found == targets_.end()) bug("a map_value row outside of an assignment");
  return *found->second;
}

}  // namespace zeektrace
