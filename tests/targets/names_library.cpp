// A library whose calls to its own functions go through the linker's stubs: the deleting destructor reaches the complete one so.
#include "names_library.h"

namespace names {

Remote::~Remote() { __asm__ volatile("" ::: "memory"); }

void make_and_delete(int count) {
  for (int i = 0; i < count; ++i) delete new Remote;
}

}  // namespace names
