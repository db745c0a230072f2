// Where answers go: one file per format, each an Output made by its row. Standard output unless -o names a file. Every
// call is one thing to tell; flush() after each drain.
#pragma once

#include <cstdio>
#include <memory>
#include <span>
#include <string_view>

#include "src/output/value.h"

namespace zeektrace {

class Output {
 public:
  virtual ~Output() = default;
  virtual void attached(size_t probes) = 0;                 // everything is armed
  virtual void printed(std::string_view text) = 0;          // printf
  virtual void time(std::string_view text) = 0;             // time()
  virtual void value(const Value& value) = 0;               // print(expr)
  virtual void table(const Table& table) = 0;               // print(@m), and at exit
  virtual void lost(uint64_t events, std::string_view why) = 0;
};

struct Format {
  std::string_view name;
  std::string_view doc;
  std::unique_ptr<Output> (*make)(std::FILE* out, std::FILE* err, bool quiet);
};
std::span<const Format> all_formats();

}  // namespace zeektrace
