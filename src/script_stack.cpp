#include "src/script_stack.h"

#include <fmt/format.h>

#include <algorithm>

namespace zeektrace {
namespace {

// "zeek::Event::Dispatch()+12" without the distance.
std::string_view function_of(std::string_view symbol) {
  const size_t plus = symbol.rfind('+');
  const bool is_distance = plus != std::string_view::npos && plus + 1 < symbol.size() &&
                           symbol.find_first_not_of("0123456789", plus + 1) == std::string_view::npos;
  return is_distance ? symbol.substr(0, plus) : symbol;
}

std::string shown(const ScriptFrameText& frame) {
  const std::string_view function = frame.function.empty() ? "[global statements]" : std::string_view(frame.function);
  return frame.file.empty() ? std::string(function) : fmt::format("{} {}:{}", function, frame.file, frame.line);
}

}  // namespace

std::vector<std::string> shown_frames(const ScriptStack& stack) {
  std::vector<std::string> frames;
  for (const ScriptFrameText& frame : stack.frames) frames.push_back(shown(frame));
  if (stack.cut) frames.push_back("[the frames above are left out]");
  return frames;
}

std::vector<std::string> merged_frames(const std::vector<std::string>& native, bool native_is_cut,
                                       const ScriptStack& script) {
  const std::vector<std::string> inner = shown_frames(script);
  if (native.empty()) return inner;
  std::vector<size_t> running;  // indexes of native frames that run a script function, innermost first
  for (size_t i = 0; i < native.size(); i++)
    if (runs_script_function(function_of(native[i]))) running.push_back(i);
  const size_t pairs = std::min(running.size(), inner.size());
  const bool from_outermost = !native_is_cut && !script.cut;
  // Statements that are in no function have no native frame that runs them: they stand before all others.
  const size_t first_native = from_outermost ? running.size() - pairs : 0;
  const size_t first_script = from_outermost ? inner.size() - pairs : 0;
  std::vector<std::string> merged;
  size_t next = 0;  // of `inner`
  for (; next < first_script; next++) merged.push_back(inner[next]);
  size_t seen = 0;
  for (size_t i = 0; i < native.size(); i++) {
    if (seen < running.size() && running[seen] == i) {
      const bool has_pair = seen >= first_native && seen - first_native < pairs;
      merged.push_back(has_pair ? inner[next++] : native[i]);
      seen++;
    } else if (!is_script_interpreter(function_of(native[i]))) {
      merged.push_back(native[i]);
    }
  }
  for (; next < inner.size(); next++) merged.push_back(inner[next]);
  return merged;
}

}  // namespace zeektrace
