// What the kernel side wrote, as bytes → Values. Nothing here asks the kernel for anything: names of
// addresses and the frames of a stack come through Names, which tests fake. Bytes are never trusted: what is
// shorter than its layout says is refused, not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parser/program.h"
#include "parser/unwind.h"
#include "probes/tracer.h"
#include "src/output/value.h"

namespace zeektrace {

using Bytes = std::span<const std::byte>;

// What decode has to ask for.
struct Names {
  // "malloc+20". A return address stands behind its call, which may be the last instruction of its function.
  std::function<std::string(uint64_t address, bool is_return)> kernel;
  std::function<std::string(uint32_t tgid, CodeAddress address, bool is_return)> user;
  // One frame's address: the function's name, and before it those of the functions inlined there, if they are wanted.
  std::function<std::vector<std::string>(uint32_t tgid, CodeAddress address, bool is_return)> user_frames;
  std::function<std::vector<uint64_t>(uint64_t hash)> frames;  // Tracer::frames
  std::function<ScriptStack(uint64_t hash)> script_stack;
  std::function<std::string(uint32_t tgid)> node;
  std::span<const std::string> points;     // by cookie: Program::point_names
  std::span<const std::string> functions;  // by cookie: Program::point_functions
  // The time of day at so many nanoseconds since boot; a control group's path; a user's name.
  std::function<std::string(const std::string& format, uint64_t since_boot)> time = nullptr;
  std::function<std::string(uint64_t number, const std::string& hierarchy)> cgroup = nullptr;
  std::function<std::string(uint32_t number)> user_name = nullptr;
  // How much later than since boot something was since 1970, nanoseconds.
  int64_t boot_time = 0;
  std::string trailer = "";  // behind a text that was cut
};

// A value of this type, `bytes` being its storage.
std::optional<Value> decode_value(const Type& type, Bytes bytes, const Names& names);

// The message's row, or null when it is not a whole message of any.
const Record* find_record(const Program& program, Bytes message);
// The fields of a message that find_record() knows.
std::vector<Value> decode_fields(const Record& record, Bytes message, const Names& names);

// A map's elements: aggregations summed over the CPUs, rows in the order in which they are shown (numbers and
// aggregations by value, others by key), only the last `top` when it is not 0, numbers divided by `div`.
struct Shown {
  uint64_t top = 0;
  uint64_t div = 1;
};
Table decode_table(const MapDef& map, std::span<const MapRow> rows, const Shown& shown, const Names& names);

}  // namespace zeektrace
