#include "probes/attach.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace zeektrace {

namespace {

// The kernel waits for grace periods while it lets go of a probe, so that these threads sleep; they do not compute.
constexpr size_t most_threads = 32;

}  // namespace

Links& Links::operator=(Links&& other) noexcept {
  if (this != &other) {
    close_all();
    fds_ = std::exchange(other.fds_, {});
  }
  return *this;
}

void Links::take(Links&& other) {
  fds_.insert(fds_.end(), other.fds_.begin(), other.fds_.end());
  other.fds_.clear();
}

void Links::close_all() {
  const std::vector<int> fds = std::exchange(fds_, {});
  if (fds.size() <= 1) {
    for (const int fd : fds) close(fd);
    return;
  }
  std::atomic<size_t> next = 0;
  const auto close_some = [&] {
    for (size_t i = next++; i < fds.size(); i = next++) close(fds[i]);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(fds.size(), most_threads); i++) threads.emplace_back(close_some);
  close_some();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace zeektrace
