#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parley/base/limits.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/process.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/descriptors.h"

namespace parley {

// A reactor's child processes. Each record is told by its watches that something has come, and says at the
// end of each whether it is over.
class Processes {
 public:
  Processes(Reactor& reactor, const Limits& limits);
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  Process spawn(std::unique_ptr<ProcessProtocol> protocol, const std::vector<std::string>& arguments,
                const SpawnSettings& settings);
  ProcessTransport* find(EntryId id) const;
  // Gives up all that uses the loop, and calls nobody: before the loop goes.
  void drop();
  // In the child of a fork: they are the parent's children, and are told as left.
  void renew();

 private:
  class Record;
  struct Left;
  using Act = void (Record::*)();

  // Has the record act, where it is still there; and ends it when it is over.
  void from_loop(EntryId id, Act act);
  void soon(EntryId id, Act act);
  void stop_all();
  void arm();
  void watch_left(Descriptor running);
  std::span<char> buffer();

  Reactor& reactor_;
  const Limits limits_;
  Registry<Record> records_;
  Registry<Left> left_;  // children that ran on when the reactor stopped, and for which it may turn again
  std::unique_ptr<char[]> buffer_;  // where everybody's output is read into
  bool armed_ = false;
};

}  // namespace parley
