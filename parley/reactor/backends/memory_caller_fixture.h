#pragma once

// For the memory back end's own tests.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "parley/reactor/backends/memory.h"

namespace parley {

// A caller that writes down what it is told.
class Caller final : public Backend::Upcalls {
 public:
  explicit Caller(MemoryNetwork& network, const Limits& limits = {})
      : network_(network), limits_(limits), backend_(network.backend()(setting())) {}
  ~Caller() {
    inside = false;  // the back end's destructor tells nothing
  }

  Backend& backend() { return *backend_; }
  void turn(Duration patience = Duration::zero()) {
    inside = true;
    backend_->turn(network_.clock().now() + patience);
    inside = false;
  }
  void submit() {
    inside = true;
    backend_->submit();
    inside = false;
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }
  bool turn_until(const std::function<bool()>& done) {
    for (int i = 0; i < 20000 && !done(); ++i) {
      submit();
      turn();
    }
    return done();
  }
  Written write(StreamSlot& slot, std::string_view bytes) { return write(slot, {&bytes, 1}); }
  Written write(StreamSlot& slot, std::span<const std::string_view> of) {
    const Written now = backend_->start_write(slot, of);
    if (now.pending) {
      std::size_t size = 0;
      for (const std::string_view piece : of) size += piece.size();
      pending[&slot] = size - now.taken;
    }
    return now;
  }

  void on_received(StreamSlot& slot, std::span<char> lent) override {
    heard("received");
    EXPECT_FALSE(lent.empty());
    pieces.push_back(lent.size());
    received[&slot].append(lent.data(), lent.size());
    last_lent = lent;
    if (when_received) when_received(slot);
  }
  void on_end(StreamSlot&) override { heard("end"); }
  void on_written(StreamSlot& slot, std::size_t taken) override {
    heard("written");
    written[&slot] += taken;
    pending.erase(&slot);
    if (when_written) when_written(slot, taken);
  }
  void on_failed(StreamSlot&, std::error_code error) override {
    heard("failed");
    failure = error;
  }
  void on_closed(StreamSlot&) override { heard("closed"); }
  void on_detached(StreamSlot&, Handle handle, std::span<const char> held_bytes) override {
    heard("detached");
    detached = handle.native;
    held.assign(held_bytes.data(), held_bytes.size());
  }
  void on_accepted(ListenerSlot&, Handle handle, const CompactAddress& peer) override {
    heard("accepted");
    accepted.push_back(handle.native);
    last_peer = Address(peer);
  }
  void on_accept_failed(ListenerSlot&, std::error_code error) override {
    heard("accept failed");
    failure = error;
  }
  void on_connected(StreamSlot& slot) override {
    heard("connected");
    connected.push_back(&slot);
    if (when_connected) when_connected(slot);
  }
  void on_all_written() override {
    heard("all written");
    if (when_all_written) when_all_written();
    if (!when_written) return;
    for (const auto& [slot, taken] : std::exchange(pending, {})) when_written(*slot, taken);
  }
  void on_datagrams(DatagramSlot& slot, std::span<Received> lent) override {
    heard("datagrams");
    EXPECT_FALSE(lent.empty());
    batches.push_back(lent.size());
    for (const Received& one : lent) {
      datagrams[&slot].push_back({std::string(one.bytes.data(), one.bytes.size()), one.peer, one.asked});
      if (!one.whole) ++cut;
    }
  }
  void on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) override {
    heard("sent");
    sent.push_back(count);
    failure = error;
    if (when_sent) when_sent(slot, count);
  }
  void on_datagram_error(DatagramSlot&, std::error_code error) override {
    heard("datagram error");
    failure = error;
  }
  void on_closed(DatagramSlot&) override { heard("port closed"); }
  void on_woken() override { heard("woken"); }
  void on_ready(WatchSlot&, Interest interest) override {
    heard("ready");
    ready = interest;
    if (when_ready) when_ready();
  }

  long count(std::string_view what) const { return std::count(told.begin(), told.end(), what); }

  std::vector<std::string> told;
  std::map<StreamSlot*, std::string> received;
  std::map<StreamSlot*, std::size_t> written;
  std::vector<std::size_t> pieces;
  std::vector<int> accepted;
  std::span<char> last_lent;
  std::error_code failure;
  int detached = -1;
  std::string held;
  Address last_peer;
  Interest ready = Interest::none;
  std::vector<StreamSlot*> connected;
  std::map<StreamSlot*, std::size_t> pending;  // bytes of writes that `write` has started
  std::map<DatagramSlot*, std::vector<MemoryDatagram>> datagrams;
  std::vector<std::size_t> batches;
  std::vector<std::size_t> sent;
  int cut = 0;
  std::function<void(StreamSlot&)> when_connected;
  std::function<void()> when_all_written;
  std::function<void(DatagramSlot&, std::size_t)> when_sent;
  std::function<void(StreamSlot&)> when_received;
  std::function<void(StreamSlot&, std::size_t)> when_written;
  std::function<void()> when_ready;
  bool inside = false;

 private:
  BackendSetting setting() { return {.up = *this, .limits = limits_, .clock = network_.clock()}; }
  void heard(std::string_view what) {
    EXPECT_TRUE(inside) << what << " was told outside of turn and submit";
    told.emplace_back(what);
  }

  MemoryNetwork& network_;
  Limits limits_;
  std::unique_ptr<Backend> backend_;
};

inline std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

class Memory : public testing::Test {
 protected:
  void use(const MemoryFaults& faults, std::uint64_t seed = 1, const Limits& limits = {}) {
    caller_.reset();
    network_ = std::make_unique<MemoryNetwork>(clock_, seed, faults);
    caller_ = std::make_unique<Caller>(*network_, limits);
  }
  void SetUp() override { use(MemoryFaults::calm()); }

  MemoryPeer open(StreamSlot& slot, bool reading = true) {
    const auto [descriptor, peer] = network_->connected();
    caller_->backend().open(slot, Handle{descriptor});
    if (reading) caller_->backend().set_reading(slot, true);
    return peer;
  }

  ManualClock clock_;
  std::unique_ptr<MemoryNetwork> network_;
  std::unique_ptr<Caller> caller_;
};

}  // namespace parley
