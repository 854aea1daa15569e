#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/protocol.h"

namespace parley::conformance {

class Actor;

// What became of one protocol. It outlives it, for the test.
struct Story {
  std::vector<std::string> told;  // the names of the callbacks, in order
  std::string received;
  std::optional<Reason> reason;  // why it was lost, once it was
  TransportId id;
  Actor* actor = nullptr;  // while it exists
  bool destroyed = false;

  bool made() const { return !told.empty(); }
  bool lost() const { return reason.has_value(); }
  // How often it was told that.
  std::size_t times(std::string_view what) const;
};

// What it does when it is called; what is not set does nothing, and answers eof_received with false.
struct Script {
  std::function<void(Actor&)> made{};
  std::function<void(Actor&, std::string_view)> received{};
  std::function<bool(Actor&)> ended{};
  std::function<void(Actor&)> resumed{};
  std::function<void(Actor&)> pause_writing{};
  std::function<void(Actor&)> resume_writing{};
  std::function<void(Actor&, const Reason&)> lost{};
};

// A protocol that a test writes the script for. It lets the test fail when it is called out of order, twice,
// too late, while it has paused, or from inside one of its own calls of the library.
class Actor final : public Protocol {
 public:
  Actor(Story& story, Script script);
  ~Actor() override;

  void connection_made() override;
  void data_received(std::span<char> lent) override;
  bool eof_received() override;
  void reading_resumed() override;
  void pause_writing() override;
  void resume_writing() override;
  void connection_lost(Reason reason) override;

  Transport& wire() { return transport(); }
  using Protocol::peer;
  Story& story() { return story_; }

  // Actors that exist. `dropping`: from now on they may go without connection_lost, with their reactor.
  static std::size_t alive();
  static void dropping(bool on);
  // From now on they follow no script: what it refers to may be gone.
  static void off_stage(bool on);

 private:
  class Call;

  Story& story_;
  Script script_;
  bool writing_paused_ = false;
};

}  // namespace parley::conformance
