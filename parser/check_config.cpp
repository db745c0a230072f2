// What stands before the probes: the config block, declarations of maps, the script's own types.
#include <algorithm>

#include "parser/checking.h"
#include "parser/script_types.h"

namespace zeektrace {
namespace {

struct MapKind {
  std::string_view name;
  bool is_lru;
  bool is_per_cpu;
};
constexpr MapKind map_kinds[] = {
    {"hash", false, false}, {"lruhash", true, false}, {"percpuhash", false, true}, {"percpulruhash", true, true}};

}  // namespace

// The script's config, and then the environment.
void Checking::configure() {
  for (const Setting& each : ast_.settings) {
    const SettingRow* row = find_setting(each.key);
    if (!row) {
      std::vector<std::string_view> names;
      for (const SettingRow& known : setting_rows()) names.push_back(known.name);
      diagnostics_.add(Code::unknown_setting, each.span, each.key).hint = did_you_mean(near_matches(each.key, names));
    } else if (!row->apply(options_.settings, each.value)) {
      diagnostics_.add(Code::setting_value, each.span, row->name, each.value, row->values);
    }
  }
  for (const auto& [key, value] : options_.environment)
    if (const SettingRow* row = find_setting(key)) row->apply(options_.settings, value);
  program_.settings = options_.settings;
}

void Checking::declare_maps() {
  constexpr int64_t most = 16 << 20;
  for (const MapDecl& each : ast_.maps) {
    auto kind = std::ranges::find(map_kinds, each.kind, &MapKind::name);
    auto size = each.args.size() == 1 ? literal_integer(*each.args[0]) : std::nullopt;
    if (kind == std::end(map_kinds)) diagnostics_.add(Code::map_kind, each.span, each.kind);
    else if (!size || *size < 1 || *size > most) diagnostics_.add(Code::map_size, each.span, each.name, most);
    else if (!declared_maps_.try_emplace(each.name, DeclaredMap{static_cast<uint32_t>(*size), kind->is_lru, kind->is_per_cpu, kind->name}).second)
      diagnostics_.add(Code::declared_twice, each.span, "@" + each.name);
  }
}

// Members may have types that the script does not define: those of the traced program or the kernel.
void Checking::define_types() {
  if (ast_.definitions.empty()) return;
  auto elsewhere = [this](const std::string& name) -> std::optional<Type> {
    for (const Probe& probe : program_.probes)
      for (const AttachPoint& point : probe.points)
        if (Records* records = point.provider->types ? point.provider->types(machine_, point) : nullptr)
          if (auto type = records->find(name)) return type;
    return std::nullopt;
  };
  auto types = std::make_shared<ScriptTypes>(ast_.definitions, elsewhere, diagnostics_);
  program_.definitions = types;
  script_types_ = types.get();
}

}  // namespace zeektrace
