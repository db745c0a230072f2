// What names.cpp takes from a shared library.
#ifndef ZEEKTRACE_TESTS_NAMES_LIBRARY_H
#define ZEEKTRACE_TESTS_NAMES_LIBRARY_H

#include "lines.h"

namespace names {

struct Remote {
  TRACED virtual ~Remote();
};
TRACED void make_and_delete(int count);

}  // namespace names

#endif
