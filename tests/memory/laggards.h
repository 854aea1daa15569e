#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "parley/reactor.h"
#include "parley/socket/socket.h"

namespace parley {

// A reactor with clients of which most read nothing, and how each was lost.
class Laggards {
 public:
  Laggards(const Limits& limits, std::size_t count);
  ~Laggards();

  Reactor& reactor() { return *reactor_; }
  Group& group() { return *group_; }
  // Does it in a turn, and then another turn.
  void in_turn(const std::function<void()>& call);
  void turn() {
    clock_.advance(std::chrono::milliseconds(1));
    reactor_->turn(Duration::zero());
  }
  void pass(Duration time) { clock_.advance(time); }
  // What is done with input; nothing where none is given.
  std::function<void(Transport&, std::span<char>)> on_input{};
  // Of those that are connected still.
  std::vector<Transport*> transports();
  std::size_t lost() const { return lost_; }
  std::size_t lost(Reason::Kind kind) const;
  // The client's ends, in the order in which they came.
  std::vector<Socket>& clients() { return clients_; }
  // What has come to that client since.
  std::string read(std::size_t client);
  bool connected(std::size_t client) { return reactor_->find(ids_[client]) != nullptr; }

  // Memory that the process has, in bytes.
  static std::size_t resident();

 private:
  class Client;

  struct Quiet final : Log {
    void write(Level, std::string_view) noexcept override {}
  };

  Quiet quiet_;
  ManualClock clock_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Group> group_;
  std::string path_;
  std::vector<TransportId> ids_;
  std::vector<Socket> clients_;
  std::map<Reason::Kind, std::size_t> reasons_;
  std::size_t lost_ = 0;
};

}  // namespace parley
