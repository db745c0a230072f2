// The script stack of a Zeek, as both sides of the kernel agree on it: codegen/zeek.bpf.c writes what stands here (its
// words are tested to be the same), src/zeek_stack reads it. Functions and files are kept by what they are called, not by
// where they stand in a process's memory: so one stack is one key in all workers of a cluster, and its names are there
// when the process is gone.
#pragma once

#include <cstdint>
#include <string_view>

namespace zeektrace {

// A hash of the name → its text, NUL-terminated: of functions, and of files.
constexpr std::string_view zeek_names_map = "zt_znames";
constexpr uint32_t zeek_name_size = 256;
constexpr uint32_t most_zeek_function_name = 128;  // bytes, the NUL included; of a longer name only so many are known
// A hash of the frames → ScriptFrames.
constexpr std::string_view zeek_stacks_map = "zt_zstacks";
constexpr uint32_t max_script_frames = 64;

struct ScriptFrame {
  uint64_t function = 0;  // key of its name; 0: statements that are in no function
  uint64_t place = 0;     // key of the file's name, in all but the bits of the line; 0: there is none
};
constexpr uint64_t script_line_mask = 0xffffff;

struct ScriptFrames {
  uint64_t count = 0;
  ScriptFrame frames[max_script_frames];  // innermost first
};
// Bits of ScriptFrames::count above the number itself: there were more frames; some could not be read; ZAM has compiled
// some of the functions.
constexpr uint64_t script_stack_cut = uint64_t{1} << 32;
constexpr uint64_t script_stack_torn = uint64_t{1} << 33;
constexpr uint64_t script_stack_compiled = uint64_t{1} << 34;
// Bytes of scratch memory that a walk takes; ScriptFrames is their beginning.
constexpr uint32_t script_walk_size = 1600;

// A native and a script stack together, taken at one moment.
struct MergedStackKey {
  uint64_t native = 0;  // StackKey::hash
  uint64_t script = 0;
  uint32_t tgid = 0;
  uint32_t reserved = 0;
};

}  // namespace zeektrace
