/* A program that loads two libraries one after the other at one address, and calls `reached` through each at once.
 *
 *   swapped swap N [US]  N times: the one, then the other, US microseconds between; calls are tallied as @one and @two
 *   swapped late          calls `announced`, and 0.2 s later `reached` through the first one
 *
 * reached's argument says which one it is: 1, 2. It ends with status 3 when they did not get the same address. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lines.h"

TRACED void reached(int library) { __asm__ volatile("" ::"r"(library) : "memory"); }
TRACED void announced(void) { __asm__ volatile("" ::: "memory"); }

#define STAY __asm__ volatile("" ::: "memory") /* so that the call before it is no tail call */
static void reach_one(void) {
  reached(1);
  STAY;
}
static void reach_two(void) {
  reached(2);
  STAY;
}

static void* where;

static void call(const char* directory, const char* library, const char* function, void (*reach)(void)) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, library);
  void* handle = dlopen(path, RTLD_NOW);
  if (!handle) exit(4);
  void* address = dlsym(handle, function);
  if (!where) where = address;
  if (!address || address != where) exit(3);
  ((void (*)(void (*)(void)))address)(reach);
  dlclose(handle);
}

int main(int count, char** words) {
  char* directory = dirname(realpath("/proc/self/exe", NULL));
  if (count == 2 && !strcmp(words[1], "late")) {
    announced();
    usleep(200000);
    call(directory, "libswapped_one.so", "in_one", reach_one);
    return 0;
  }
  if (count < 3 || strcmp(words[1], "swap")) return 2;
  const long rounds = atol(words[2]);
  const useconds_t between = count > 3 ? (useconds_t)atol(words[3]) : 0;
  for (long i = 0; i < rounds; i++) {
    call(directory, "libswapped_one.so", "in_one", reach_one);
    usleep(between);
    call(directory, "libswapped_two.so", "in_two", reach_two);
    usleep(between);
  }
  for (int library = 0; library < 2; library++) {
    line_map(library ? "@two" : "@one");
    line_unsigned((unsigned long long)rounds);
    line_end();
  }
  return 0;
}
