// Result<T>: a value, or the Error that stopped us from having it. Errors of the machine and of the script travel
// this way from every room; nothing of ours throws. An Error says what happened (message), what to do about it
// (hint), and which earlier error it came from (cause).
#pragma once

#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace zeektrace {

// A broken promise of our own code: prints file:line and `what`, then aborts (exit status 134).
[[noreturn]] void bug(std::string_view what, std::source_location where = std::source_location::current());

struct Error {
  enum class Kind {
    script,   // the script asks for something that is not there: exit status 1
    machine,  // the machine can't or may not do it: exit status 2
  };
  Kind kind = Kind::machine;
  std::string message;
  std::string hint;
  std::shared_ptr<const Error> cause;

  // "message: cause: cause's cause", and the hints below, each on a line of its own.
  std::string text() const;
};

// An error of the machine, with the text of an errno value appended to the message.
Error errno_error(int error_number, std::string message, std::string hint = {});

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return value(); }
  const T& operator*() const& { return const_cast<Result*>(this)->value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &const_cast<Result*>(this)->value(); }
  const Error& error() const {
    if (*this) bug("error() of a Result that holds a value");
    return std::get<1>(state_);
  }

 private:
  T& value() {
    if (!*this) bug("value of a Result that holds an error");
    return std::get<0>(state_);
  }
  std::variant<T, Error> state_;
};

struct Nothing {};
using Status = Result<Nothing>;

}  // namespace zeektrace
