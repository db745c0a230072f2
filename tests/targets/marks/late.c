/* A library that is loaded while the program runs. */
#include <sys/sdt.h>

#include "../lines.h"

TRACED void pass_late(int value) { DTRACE_PROBE1(lib, late, value); }
