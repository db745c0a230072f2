// What the kernel and libbpf say while an object is loaded, and what it means to the user. libbpf has one
// printing function for the whole process: while a LoadLog lives, what libbpf prints in its thread goes to
// it; at all other times libbpf is silent.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "parser/program.h"
#include "parser/result.h"

namespace zeektrace {

class LoadLog {
 public:
  LoadLog();
  LoadLog(const LoadLog&) = delete;
  LoadLog& operator=(const LoadLog&) = delete;
  ~LoadLog();

  // Room for the verifier's log; touched only when a program is rejected.
  char* buffer() { return buffer_.get(); }
  size_t size() const;
  std::string verifier_text() const { return buffer_.get(); }
  const std::string& library_text() const { return library_; }

  Error explain(int error_number, const Program& program) const;

 private:
  Error rejected(int error_number, const Program& program, const std::string& function) const;
  std::unique_ptr<char[]> buffer_;
  std::string library_;
};

}  // namespace zeektrace
