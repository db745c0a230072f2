#include "probes/zeek/plausible.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "probes/zeek/memory.h"

namespace zeektrace {
namespace {

// What is being changed when it is looked at can be any way: a handler of scripts that are being read, the stack of calls. What is
// laid out otherwise looks wrong each time.
constexpr int most_looks = 5;
constexpr std::chrono::milliseconds between_looks(20);
constexpr size_t most_handlers = 64;      // that are looked at
constexpr uint64_t most_bytes = 1 << 24;  // of a vector
constexpr uint8_t flavor_of_events = 1;

bool is_printable(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string quoted(const std::string& text) {
  return is_printable(text) && text.size() < 128 ? fmt::format("'{}'", text) : "no name";
}

class Look {
 public:
  Look(const ZeekLayout& layout, pid_t pid, uint64_t bias) : layout_(layout), memory_(pid), bias_(bias) {}

  std::string at_release() {
    const auto version = layout_.global("version");
    if (!version) return "";
    const std::string text = memory_.text(*version + bias_);
    if (!memory_.status() || text == layout_.release) return "";
    return fmt::format("its release is {} there", quoted(text));
  }

  // A handler is kept under its name; the function that it calls has that name, too, and the flavor of events.
  std::string at_handlers() {
    const auto registry = layout_.global("event_registry");
    const auto handlers = layout_.offset("EventRegistry.handlers");
    const uint64_t object = registry ? memory_.word(*registry + bias_) : 0;
    std::string wrong;
    size_t seen = 0;
    if (object == 0 || !handlers) return "";
    memory_.each_of_map(object + *handlers, [&](uint64_t key) {
      const std::string name = memory_.string(key);
      const uint64_t handler = memory_.word(key + sizeof_string);
      if (memory_.status() && handler != 0) wrong = at_handler(name, handler);
      return wrong.empty() && ++seen < most_handlers;
    });
    static_cast<void>(memory_.status());  // one that is being filled is no contradiction
    handlers_ = seen;
    return wrong;
  }

  // Or the layout does not say where they are.
  bool has_seen_handlers() const {
    return handlers_ > 0 || !layout_.global("event_registry") || !layout_.offset("EventRegistry.handlers");
  }

  // Entries of the stack are of functions that have names: one at least, since others may have been left behind by calls that
  // an exception has ended.
  std::string at_stack() {
    const auto stack = layout_.global("call_stack");
    const auto size = layout_.offset("CallInfo.size");
    if (!stack || !size || *size == 0) return "";
    const uint64_t begin = memory_.word(*stack + bias_), end = memory_.word(*stack + bias_ + 8),
                   room = memory_.word(*stack + bias_ + 16);
    if (!memory_.status()) return "";
    if (begin > end || end > room || end - begin > most_bytes || (end - begin) % *size != 0)
      return fmt::format("the stack of script calls is from {:#x} to {:#x}, in {}-byte entries", begin, end, *size);
    std::string wrong;
    for (uint64_t at = end; at > begin; at -= *size)
      if (wrong = at_entry(at - *size); wrong.empty()) break;
    return wrong;
  }

 private:
  static constexpr uint64_t sizeof_string = 32;

  uint64_t member(uint64_t object, std::string_view name) {
    const auto offset = layout_.offset(name);
    return offset ? memory_.word(object + *offset) : 0;
  }
  std::string name_of(uint64_t object, std::string_view name) {
    const auto offset = layout_.offset(name);
    return offset ? memory_.string(object + *offset) : "";
  }

  std::string at_handler(const std::string& name, uint64_t handler) {
    const std::string own = name_of(handler, "EventHandler.name");
    if (memory_.status() && own != name) return fmt::format("the handler of {} calls itself {}", quoted(name), quoted(own));
    const uint64_t function = member(handler, "EventHandler.local");
    if (!memory_.status() || function == 0) return "";
    const std::string called = name_of(function, "Func.name");
    if (!memory_.status() || called != name)
      return fmt::format("the handler of {} calls a function that is called {}", quoted(name), quoted(called));
    const auto flavor = layout_.offset("FuncType.flavor");
    const uint64_t type = member(function, "Func.type");
    const uint8_t found = flavor ? memory_.byte(type + *flavor) : flavor_of_events;
    if (!memory_.status() || found != flavor_of_events)
      return fmt::format("the function that handles {} is of flavor {}, not an event's", quoted(name), found);
    return "";
  }

  std::string at_entry(uint64_t entry) {
    const bool has_frames = layout_.offset("CallInfo.frame").has_value();
    const uint64_t frame = has_frames ? member(entry, "CallInfo.frame") : 0;
    const uint64_t function = has_frames ? member(frame, "Frame.function") : member(entry, "CallInfo.func");
    const std::string name = function == 0 ? "" : name_of(function, "Func.name");
    const bool is_read = static_cast<bool>(memory_.status());
    if (is_read && (function == 0 || is_printable(name))) return "";
    return fmt::format("a function on the stack of script calls, at {:#x}, has {}", function, quoted(name));
  }

  const ZeekLayout& layout_;
  ProcessMemory memory_;
  uint64_t bias_;
  size_t handlers_ = 0;
};

}  // namespace

ZeekLook look_at_zeek(const ZeekBinary& zeek, pid_t pid) {
  const auto bias = zeek_load_bias(zeek, pid);
  if (!bias) return {};
  std::string wrong;
  for (int looks = 0; looks < most_looks; looks++) {
    if (looks > 0) std::this_thread::sleep_for(between_looks);
    Look look(zeek.layout, pid, *bias);
    wrong = "";
    for (const auto part : {&Look::at_release, &Look::at_handlers, &Look::at_stack})
      if (wrong.empty()) wrong = (look.*part)();
    if (wrong.empty()) return {"", look.has_seen_handlers()};
  }
  return {wrong, false};
}

}  // namespace zeektrace
