#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parley/base/limits.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/process.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/stopping.h"
#include "parley/socket/descriptors.h"

namespace parley {

struct Spawned;

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
  // Our ends of the child's pipes, of those that it has.
  struct Pipes {
    Descriptor input;
    Descriptor output;
    Descriptor error;
  };
  // The same, but the pipes are the caller's: the protocol is told how the child ends, and its transport
  // neither reads nor writes. The child does not outlive the reactor: when that stops it is killed and waited
  // for, when it goes it is killed.
  std::pair<Process, Pipes> spawn_apart(std::unique_ptr<ProcessProtocol> protocol,
                                        const std::vector<std::string>& arguments,
                                        const SpawnSettings& settings);
  // Its whole group where it leads one.
  void kill(const Process& process);
  ProcessTransport* find(EntryId id) const;
  // Gives up all that uses the loop, and calls nobody: before the loop goes.
  void drop();
  // In the child of a fork: they are the parent's children, and are told as left.
  void renew();

 private:
  class Record;
  struct Left;
  using Act = void (Record::*)();

  Spawned start(const ProcessProtocol* protocol, const std::vector<std::string>& arguments,
                const SpawnSettings& settings) const;
  Process keep(Spawned spawned, std::unique_ptr<ProcessProtocol> protocol, const std::string& name,
               const SpawnSettings& settings);
  // Has the record act, where it is still there; and ends it when it is over.
  void from_loop(EntryId id, Act act);
  void soon(EntryId id, Act act);
  void stop_all(Hold hold);
  void leave_all();
  void arm();
  void watch_left(Descriptor running);
  std::span<char> buffer();

  Reactor& reactor_;
  const Limits limits_;
  Registry<Record> records_;
  Registry<Left> left_;  // children that ran on when the reactor stopped, and for which it may turn again
  std::unique_ptr<char[]> buffer_;  // where everybody's output is read into
  bool armed_ = false;
  Hold hold_;  // the reactor stops, and somebody was killed who has not ended
};

}  // namespace parley
