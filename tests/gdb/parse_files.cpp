// Reads scripts as zeektrace does, and does it the same way each time: what typed_arguments.py compares arguments in.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "parser/parse.h"

int main(int argc, char** argv) {
  size_t bytes = 0;
  for (int i = 1; i < argc; i++) {
    std::ifstream file(argv[i]);
    zeektrace::Source source(argv[i], std::string(std::istreambuf_iterator<char>(file), {}));
    zeektrace::Diagnostics diagnostics;
    auto ast = zeektrace::parse(source, diagnostics);
    if (ast) bytes += zeektrace::dump(*ast).size();
    for (const auto& diagnostic : diagnostics.all()) bytes += zeektrace::render(source, diagnostic).size();
  }
  std::printf("%zu bytes\n", bytes);
}
