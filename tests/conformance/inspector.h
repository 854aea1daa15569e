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

  void open(StreamSlot& slot, Handle handle) override;
  void connect(StreamSlot& slot, const Address& to, const ConnectOptions& options) override;
  void discard(Handle handle) noexcept override { inner_->discard(handle); }
  void set_reading(StreamSlot& slot, bool on) override;
  void limit_input(std::size_t bytes) override { inner_->limit_input(bytes); }
  InputBlock take_lent(std::span<const char> lent) override { return inner_->take_lent(lent); }
  Written start_write(StreamSlot& slot, std::span<const std::string_view> pieces) override;
  std::size_t offer(StreamSlot& slot, std::span<const std::string_view> pieces) override;
  Written start_send_file(StreamSlot& slot, Handle file, std::uint64_t offset, std::size_t count) override;
  void shutdown_write(StreamSlot& slot) override;
  void close(StreamSlot& slot, bool reset) override;
  void detach(StreamSlot& slot) override;
  Address host(const StreamSlot& slot) const override { return inner_->host(slot); }
  std::optional<std::size_t> held(const StreamSlot& slot) const override { return inner_->held(slot); }
  std::error_code set_option(StreamSlot& slot, StreamOption what, bool on) override {
    return inner_->set_option(slot, what, on);
  }
  Result<bool> option(const StreamSlot& slot, StreamOption what) const override {
    return inner_->option(slot, what);
  }
  int fileno(const Slot& slot) const override { return inner_->fileno(slot); }
  Result<Address> listen(ListenerSlot& slot, const Address& address, const ListenOptions& options) override;
  Result<Address> adopt(ListenerSlot& slot, Handle handle, const ListenOptions& options) override {
    return inner_->adopt(slot, handle, options);
  }
  void set_accepting(ListenerSlot& slot, bool on) override { inner_->set_accepting(slot, on); }
  bool refuse(ListenerSlot& slot, std::string_view words) override { return inner_->refuse(slot, words); }
  void unlisten(ListenerSlot& slot) override { inner_->unlisten(slot); }
  Result<Address> bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options) override {
    return inner_->bind(slot, at, options);
  }
  std::error_code connect(DatagramSlot& slot, const Address& peer) override {
    return inner_->connect(slot, peer);
  }
  std::error_code change(DatagramSlot& slot, const DatagramChange& what) override {
    return inner_->change(slot, what);
  }
  void set_receiving(DatagramSlot& slot, bool on) override { inner_->set_receiving(slot, on); }
  Sent start_send(DatagramSlot& slot, std::span<const Outgoing> batch) override {
    return inner_->start_send(slot, batch);
  }
  void close(DatagramSlot& slot) override { inner_->close(slot); }
  Address host(const DatagramSlot& slot) const override { return inner_->host(slot); }
  void watch(WatchSlot& slot, Handle handle, Interest wanted) override {
    inner_->watch(slot, handle, wanted);
  }
  void rewatch(WatchSlot& slot, Interest wanted) override { inner_->rewatch(slot, wanted); }
  void unwatch(WatchSlot& slot) override { inner_->unwatch(slot); }
  void submit() override;
  void turn(std::optional<Time> deadline) override;
  void wake() noexcept override {
    counts_.woken = true;
    inner_->wake();
  }
  void renew() override { inner_->renew(); }
  void register_anew(StreamSlot& slot) override { inner_->register_anew(slot); }
  void register_anew(ListenerSlot& slot) override { inner_->register_anew(slot); }
  void register_anew(DatagramSlot& slot) override { inner_->register_anew(slot); }
  void register_anew(WatchSlot& slot) override { inner_->register_anew(slot); }

 private:
  struct Watched {
    bool connecting = false;  // on_connected or on_failed is to come
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

    // Its write is over.
    void end_write();
    std::string copy{};
  };

  void on_connected(StreamSlot& slot) override;
  void on_received(StreamSlot& slot, std::span<char> lent) override;
  void on_end(StreamSlot& slot) override;
  void on_written(StreamSlot& slot, std::size_t taken) override;
  void on_all_written() override;
  void on_failed(StreamSlot& slot, std::error_code error) override;
  void on_closed(StreamSlot& slot) override;
  void on_detached(StreamSlot& slot, Handle handle, std::span<const char> held) override;
  void on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer) override;
  void on_accept_failed(ListenerSlot& slot, std::error_code error) override;
  void on_datagrams(DatagramSlot& slot, std::span<Received> lent) override;
  void on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) override;
  void on_datagram_error(DatagramSlot& slot, std::error_code error) override;
  void on_closed(DatagramSlot& slot) override;
  void on_ready(WatchSlot& slot, Interest ready) override;
  void on_woken() override;

  Watched& called(const StreamSlot& slot, std::string_view call);
  Watched& told(const StreamSlot& slot, std::string_view what);
  void input(Watched& slot, std::string_view what);
  void upcall(std::string_view what, bool of_turn);

  Backend::Upcalls& up_;
  const Clock& clock_;
  Outside& outside_;
  Counts& counts_;
  std::unique_ptr<Backend> inner_;
  std::unordered_map<const StreamSlot*, Watched> streams_;
  int depth_ = 0;  // of calls of the back end that are no turn and no submit
  bool in_turn_ = false;
  bool in_submit_ = false;
};

}  // namespace parley::conformance
