#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/reactor/reactor.h"
#include "tests/conformance/outside.h"

namespace parley::conformance {

// Stands between a loop and its back end, hands everything on, and lets the test fail where either side
// breaks a rule of the seam.
class Inspector final : public Backend, private Backend::Upcalls {
 public:
  // Counts what passes; lives in the test, longer than the inspector.
  struct Counts {
    std::size_t turns = 0;
    std::size_t upcalls = 0;
    std::size_t writes = 0;
    std::size_t writes_before_waiting = 0;  // when the last turn began
    std::size_t bytes = 0;                  // received in the last turn
    std::size_t most = 0;                   // received by one connection in the last turn
    std::size_t idle = 0;  // turns that came back early, though nobody was called or woke them
    std::size_t open = 0;  // channels that on_closed has not told of
    bool woken = false;
  };

  // A maker of such back ends.
  static Reactor::MakeBackend around(Outside& outside, Counts& counts);

  Inspector(const BackendSetting& setting, Outside& outside, Counts& counts);

  void open(Channel& channel, int descriptor) override;
  void discard(int descriptor) noexcept override { inner_->discard(descriptor); }
  void set_reading(Channel& channel, bool on) override;
  Written start_write(Channel& channel, std::span<const std::string_view> pieces) override;
  bool takes_at_once() const override { return inner_->takes_at_once(); }
  void shutdown_write(Channel& channel) override;
  void close(Channel& channel, bool reset) override;
  void detach(Channel& channel) override;
  Address host(const Channel& channel) const override { return inner_->host(channel); }
  Result<Address> listen(Door& door, const Address& address, const ListenOptions& options) override;
  Result<Address> adopt_door(Door& door, int descriptor) override {
    return inner_->adopt_door(door, descriptor);
  }
  void set_accepting(Door& door, bool on) override { inner_->set_accepting(door, on); }
  bool refuse(Door& door, std::string_view words) override { return inner_->refuse(door, words); }
  void unlisten(Door& door) override { inner_->unlisten(door); }
  void watch(Watch& watch, int descriptor, Interest wanted) override {
    inner_->watch(watch, descriptor, wanted);
  }
  void rewatch(Watch& watch, Interest wanted) override { inner_->rewatch(watch, wanted); }
  void unwatch(Watch& watch) override { inner_->unwatch(watch); }
  void gate() override;
  void turn(std::optional<Time> deadline) override;
  void wake() noexcept override {
    counts_.woken = true;
    inner_->wake();
  }

 private:
  struct Watched {
    bool reading = false;
    bool waits = false;    // on_written is to come
    bool pending = false;  // and the bytes are pinned
    bool shut = false;
    bool ended = false;
    bool failed = false;
    bool closed = false;
    bool detached = false;
    std::size_t rest = 0;  // of the write that waits
    std::size_t taken_in = 0;
    std::vector<std::string_view> pinned{};
    std::string copy{};
  };

  void on_received(Channel& channel, std::span<char> lent) override;
  void on_end(Channel& channel) override;
  void on_written(Channel& channel, std::size_t taken) override;
  void on_failed(Channel& channel, std::error_code error) override;
  void on_closed(Channel& channel) override;
  void on_detached(Channel& channel, int descriptor, std::span<char> held) override;
  void on_accepted(Door& door, int descriptor, const CompactAddress& peer) override;
  void on_accept_failed(Door& door, std::error_code error) override;
  void on_ready(Watch& watch, Interest ready) override;

  Watched& called(const Channel& channel, std::string_view call);
  Watched& told(const Channel& channel, std::string_view what);
  void input(Watched& channel, std::string_view what);
  void upcall(std::string_view what, bool of_turn);

  Backend::Upcalls& up_;
  const Clock& clock_;
  Outside& outside_;
  Counts& counts_;
  std::unique_ptr<Backend> inner_;
  std::unordered_map<const Channel*, Watched> channels_;
  int depth_ = 0;  // of calls of the back end that are no turn and no gate
  bool in_turn_ = false;
  bool in_gate_ = false;
};

}  // namespace parley::conformance
