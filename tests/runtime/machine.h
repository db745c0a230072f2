// What this machine offers to a test. Promises: looking changes nothing on the machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

bool is_need(std::string_view name);
std::string known_needs();

// Why a test with these needs cannot run here: the first need that is missing, and the reason. bpf is always
// needed, unless the one need is "nothing".
std::optional<std::string> missing_need(const std::vector<std::string>& needs);

}  // namespace zeektrace
