#include "probes/attach.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace zeektrace {

namespace {

// The kernel waits for grace periods while it lets go of a probe, so that these threads sleep; they do not
// compute.
constexpr size_t most_threads = 32;

struct Closing {
  const std::vector<int>& fds;
  std::atomic<size_t> next;
};

void* close_some(void* argument) {
  auto& work = *static_cast<Closing*>(argument);
  for (size_t i = work.next++; i < work.fds.size(); i = work.next++) close(work.fds[i]);
  return nullptr;
}

}  // namespace

Links& Links::operator=(Links&& other) noexcept {
  if (this != &other) {
    close_all();
    fds_ = std::exchange(other.fds_, {});
    skipped_ = std::exchange(other.skipped_, {});
    notes_ = std::exchange(other.notes_, {});
  }
  return *this;
}

void Links::take(Links&& other) {
  fds_.insert(fds_.end(), other.fds_.begin(), other.fds_.end());
  other.fds_.clear();
  skipped_.insert(skipped_.end(), other.skipped_.begin(), other.skipped_.end());
  other.skipped_.clear();
  notes_.insert(notes_.end(), other.notes_.begin(), other.notes_.end());
  other.notes_.clear();
}

void Links::close_all() {
  const std::vector<int> fds = std::exchange(fds_, {});
  if (fds.size() <= 1) {
    for (const int fd : fds) close(fd);
    return;
  }
  Closing work{fds, 0};
  std::vector<pthread_t> threads;
  for (size_t i = 1; i < std::min(fds.size(), most_threads); i++) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, close_some, &work) != 0) break;  // this one then closes more
    threads.push_back(thread);
  }
  close_some(&work);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
}

}  // namespace zeektrace
