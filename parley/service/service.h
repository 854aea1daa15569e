#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parley/base/move_only_function.h"

namespace parley {

// Keeps a service from counting as stopped for as long as a copy of it lives. Used on the service's thread.
class ServiceHold {
 public:
  ServiceHold() = default;

 private:
  friend class Service;
  explicit ServiceHold(std::shared_ptr<void> held) : held_(std::move(held)) {}

  std::shared_ptr<void> held_;
};

// A part of a program that is started and stopped. Derive from it, and say what that means.
//
// Thread: its reactor's. It may be destroyed at any time, also while it runs: then it lets go of what it has.
class Service {
 public:
  enum class State : std::uint8_t { stopped, running, stopping };

  // `name` is for finding it in a MultiService, and for what is logged; it may be empty.
  explicit Service(std::string name = {}) : name_(std::move(name)) {}
  virtual ~Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  const std::string& name() const { return name_; }
  State state() const { return state_; }
  // Whether it was started, and not told to stop.
  bool running() const { return state_ == State::running; }

  // Does what needs the privileges that a program begins with, such as binding a port below 1024. Comes
  // before `start_service`, if it comes. What it throws goes to the caller.
  void privileged_start_service();
  // Starts it; nothing where it runs. What it throws goes to the caller, and it is stopped then as it was.
  // Throws std::logic_error while it is stopping.
  void start_service();
  // Stops it, and calls `stopped` once it has stopped, which may be before this returns. A second call while
  // it is stopping waits for the same end. `stopped` must not throw.
  void stop_service(MoveOnlyFunction<void()> stopped = {});

 protected:
  // The same three for those who derive. `stop` may take its time: it is over when the last copy of its
  // hold has gone. It comes also after `privileged_start` alone.
  virtual void privileged_start() {}
  virtual void start() {}
  // NOLINTNEXTLINE(performance-unnecessary-value-param): whoever overrides it keeps it
  virtual void stop(ServiceHold /*hold*/) noexcept {}

 private:
  void has_stopped() noexcept;

  std::string name_;
  State state_ = State::stopped;
  bool prepared_ = false;  // privileged_start was called
  std::vector<MoveOnlyFunction<void()>> waiting_;
  std::shared_ptr<void> alive_ = std::make_shared<char>();
};

}  // namespace parley
