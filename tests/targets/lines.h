/* Lines of text, written without allocating: one static buffer, one write(2) a line, so that a target's own
 * tally neither calls malloc nor loses half a line to another process on the same pipe. C and C++ both
 * include it. Promises: line_end() writes the whole line or gives up on a closed descriptor; text past the
 * buffer is cut. */
#ifndef ZEEKTRACE_TESTS_LINES_H
#define ZEEKTRACE_TESTS_LINES_H

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

/* A function that probes are put on: called as written, never inlined, cloned or merged with its twin. */
#if defined(__clang__)
#define TRACED __attribute__((noinline, used, visibility("default")))
#else
#define TRACED __attribute__((noipa, used, visibility("default")))
#endif

struct Line {
  char text[4096];
  size_t length;
};

static struct Line line;

static inline void line_text(const char* text) {
  while (*text && line.length < sizeof line.text - 1) {
    line.text[line.length++] = *text++;
  }
}

static inline void line_unsigned(unsigned long long value) {
  char digits[24];
  size_t at = sizeof digits - 1;
  digits[at] = 0;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  line_text(digits + at);
}

static inline void line_signed(long long value) {
  if (value < 0) {
    line_text("-");
    line_unsigned(0ULL - (unsigned long long)value);
  } else {
    line_unsigned((unsigned long long)value);
  }
}

/* Blanks until the line is `column` characters long. */
static inline void line_pad(size_t column) {
  while (line.length < column) {
    line_text(" ");
  }
}

static inline void line_end(void) {
  line.text[line.length++] = '\n';
  size_t done = 0;
  while (done < line.length) {
    ssize_t written = write(STDOUT_FILENO, line.text + done, line.length - done);
    if (written < 0 && errno != EINTR) {
      break;
    }
    done += written < 0 ? 0 : (size_t)written;
  }
  line.length = 0;
}

/* "tally @NAME: ", the start of a map's line; the caller adds the value and ends it. */
static inline void line_map(const char* name) {
  line_text("tally ");
  line_text(name);
  line_text(": ");
}

#endif
