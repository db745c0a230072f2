// A program in which everything crosses the traced functions that can: exceptions, recursion, longjmp, a change of
// stacks, coroutines, threads. The kernel's return probe on them ends it; probes where they are left do not, and count
// every orderly return, and no other.
//
//   crossing MODE ROUNDS [THREADS]    throws | deep | leaps | stacks | coroutines, or all; abyss | gone; in so many threads (1)
//
// The traced functions are cross_*; none of them ends in a jump to another. The tally: @entered = count() at their
// entries, @returned = count() at their returns, @results = sum(retval).
#include "lines.h"

#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <atomic>
#include <coroutine>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

std::atomic<uint64_t> all_entered, all_returned, all_results;
thread_local uint64_t entered, returned, results;
thread_local uint64_t cleaned_up;

long left(long result) {
  returned++;
  results += static_cast<uint64_t>(result);
  return result;
}

struct Cleanup {
  ~Cleanup() { cleaned_up++; }
};

}  // namespace

extern "C" {

TRACED long cross_origin(long round) {
  entered++;
  if (round % 2 == 1) throw std::runtime_error("odd");
  return left(round);
}

// A landing pad, and no catch.
TRACED long cross_cleaned(long round) {
  entered++;
  const Cleanup cleanup;
  return left(cross_origin(round) + 1);
}

TRACED long cross_deep(long depth, long round) {
  entered++;
  if (depth == 0) return left(cross_cleaned(round) + 1);
  return left(cross_deep(depth - 1, round) + 1);
}

// Everything that is thrown ends here.
TRACED long cross_caught(long depth, long round) {
  entered++;
  long result = -1;
  try {
    result = cross_deep(depth, round);
  } catch (const std::exception&) {
  }
  return left(result);
}

TRACED long cross_leaping(jmp_buf* landing, long round) {
  entered++;
  if (round % 3 == 0) longjmp(*landing, 1);
  return left(round);
}

TRACED long cross_leapt(jmp_buf* landing, long round) {
  entered++;
  return left(cross_leaping(landing, round) + 1);
}

TRACED long cross_falling(jmp_buf* landing, long depth) {
  entered++;
  if (depth < 0) return left(depth);
  if (depth == 0) longjmp(*landing, 1);
  return left(cross_falling(landing, depth - 1) + 1);
}

// Is on its own stack while others run.
TRACED long cross_suspended(ucontext_t* mine, ucontext_t* other, long round) {
  entered++;
  swapcontext(mine, other);
  return left(round + 1);
}

// Has a switch's jump table, and several ways out.
TRACED long cross_chosen(long round) {
  entered++;
  switch (round % 8) {
    case 0: return left(round * 3);
    case 1: return left(cross_caught(1, 0));
    case 2: return left(round ^ 5);
    case 3: return left(round + 1000);
    case 4: return left(round - 7);
    case 5: return left(cross_caught(2, 1));
    default: return left(1);
  }
}

}  // extern "C"

// Ways out that are no `ret`: a jump to another function that depends, and one that does not.
long odd_callee(long round) asm("odd_callee");
TRACED long odd_callee(long) { return 8; }
long odd_conditional(long round) asm("odd_conditional");
long odd_tail(long round) asm("odd_tail");
asm(".text\n"
    ".globl odd_conditional, odd_tail\n"
    ".type odd_conditional, @function\n"
    "odd_conditional: test %rdi, %rdi\n jne odd_callee\n mov %rdi, %rax\n ret\n"
    ".size odd_conditional, .-odd_conditional\n"
    ".type odd_tail, @function\n"
    "odd_tail: test $1, %dil\n je 1f\n nop\n nop\n jmp odd_callee\n1: mov $7, %eax\n ret\n"
    ".size odd_tail, .-odd_tail\n");
// Its first instruction is that of its loop's body.
long odd_loop(long rounds) asm("odd_loop");
asm(".text\n"
    ".globl odd_loop\n"
    ".type odd_loop, @function\n"
    "odd_loop: dec %rdi\n jne odd_loop\n mov $7, %eax\n ret\n"
    ".size odd_loop, .-odd_loop\n");

namespace {

void throws(long round) {
  cross_caught(0, round);
  if (odd_loop(3) != 7 || odd_conditional(0) != 0 || odd_tail(round) != (round % 2 == 0 ? 7 : 8)) std::abort();
  if (odd_tail(round + 1) != (round % 2 == 0 ? 8 : 7)) std::abort();
}
void deep(long round) {
  cross_caught(20, round);
  cross_chosen(round);
}

void leaps(long round) {
  jmp_buf landing;
  if (setjmp(landing) == 0) cross_leapt(&landing, round);
}

// Two stacks beside the thread's own, that take turns.
struct Stacks {
  ucontext_t main_stack, first, second;
  std::unique_ptr<char[]> memory{new char[2 * size]};
  static constexpr size_t size = 1 << 16;
};
thread_local Stacks* stacks_in_use;
thread_local long stacks_round;

void on_first() {
  Stacks* in = stacks_in_use;
  cross_suspended(&in->first, &in->second, stacks_round);
  cross_caught(1, stacks_round);
}
void on_second() {
  Stacks* in = stacks_in_use;
  cross_suspended(&in->second, &in->first, stacks_round);
  cross_chosen(stacks_round);
}

void stacks(long round) {
  static thread_local Stacks mine;
  stacks_in_use = &mine;
  stacks_round = round;
  getcontext(&mine.second);
  mine.second.uc_stack = {mine.memory.get() + Stacks::size, 0, Stacks::size};
  mine.second.uc_link = &mine.main_stack;
  makecontext(&mine.second, on_second, 0);
  getcontext(&mine.first);
  mine.first.uc_stack = {mine.memory.get(), 0, Stacks::size};
  mine.first.uc_link = &mine.second;
  makecontext(&mine.first, on_first, 0);
  swapcontext(&mine.main_stack, &mine.first);
}

struct Task {
  struct promise_type {
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(long value) noexcept {
      yielded = value;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { throw; }
    long yielded = 0;
  };
  std::coroutine_handle<promise_type> handle;
};

Task numbers(long round) {
  co_yield cross_chosen(round);
  co_yield cross_caught(3, round);
  co_yield cross_cleaned(round);  // throws in every second round
}

}  // namespace

extern "C" TRACED long cross_resumed(void* coroutine) {
  entered++;
  auto handle = std::coroutine_handle<Task::promise_type>::from_address(coroutine);
  handle.resume();
  return left(handle.promise().yielded);
}

namespace {

void coroutines(long round) {
  const Task task = numbers(round);
  try {
    for (int i = 0; i < 3; i++) cross_resumed(task.handle.address());
  } catch (const std::exception&) {
  }
  task.handle.destroy();
}

// As deep as a thread's stack of 8 MB allows, nearly; every second time an exception comes up all of it.
void abyss(long round) { cross_caught(100'000, round); }

// A thread leaves 300,000 calls behind on a stack that is then no more.
void gone(long round) {
  constexpr size_t size = 64 << 20;
  void* stack = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, size);
  const auto falls = [](void*) -> void* {
    jmp_buf landing;
    if (setjmp(landing) == 0) cross_falling(&landing, 300'000);
    all_entered += entered;
    return nullptr;
  };
  if (pthread_create(&thread, &attributes, falls, nullptr) != 0) std::abort();
  pthread_join(thread, nullptr);
  munmap(stack, size);
  // Elsewhere the next time.
  mmap(stack, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  sleep(5);
  throws(round);
}

struct Mode {
  const char* name;
  void (*run)(long round);
};
constexpr Mode modes[] = {{"throws", throws}, {"deep", deep}, {"leaps", leaps}, {"stacks", stacks}, {"coroutines", coroutines}};
// Not of `all`, for they take long.
constexpr Mode long_modes[] = {{"abyss", abyss}, {"gone", gone}};

void rounds_of(const char* wanted, long rounds) {
  for (long round = 0; round < rounds; round++) {
    for (const Mode& mode : long_modes)
      if (std::strcmp(wanted, mode.name) == 0) mode.run(round);
    for (const Mode& mode : modes)
      if (std::strcmp(wanted, "all") == 0 || std::strcmp(wanted, mode.name) == 0) mode.run(round);
  }
  all_entered += entered;
  all_returned += returned;
  all_results += results;
}

void tell(const char* map, uint64_t value) {
  line_map(map);
  line_unsigned(value);
  line_end();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const long rounds = std::atol(argv[2]);
  std::vector<std::thread> threads;
  for (int i = 0; i < (argc > 3 ? std::atoi(argv[3]) : 1); i++) threads.emplace_back(rounds_of, argv[1], rounds);
  for (std::thread& thread : threads) thread.join();
  tell("@entered", all_entered);
  tell("@results", all_results);
  tell("@returned", all_returned);
  return 0;
}
