#include "tests/conformance/inspector.h"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <utility>

namespace parley::conformance {

Reactor::MakeBackend Inspector::around(Outside& outside, Counts& counts) {
  return [&outside, &counts](const BackendSetting& setting) -> std::unique_ptr<Backend> {
    return std::make_unique<Inspector>(setting, outside, counts);
  };
}

Inspector::Inspector(const BackendSetting& setting, Outside& outside, Counts& counts)
    : up_(setting.up),
      clock_(setting.clock),
      outside_(outside),
      counts_(counts),
      inner_(outside.backend()({.up = *this, .limits = setting.limits, .clock = setting.clock})) {}

Result<Address> Inspector::listen(ListenerSlot& slot, const Address& address, const ListenOptions& options) {
  Result<Address> at = inner_->listen(slot, address, options);
  if (at) outside_.narrow(slot);
  return at;
}

// What the caller must keep to.

Inspector::Watched& Inspector::called(const StreamSlot& slot, std::string_view call) {
  const auto found = streams_.find(&slot);
  if (found == streams_.end()) {
    ADD_FAILURE() << call << " of a slot that is not open";
    return streams_[&slot];
  }
  EXPECT_FALSE(found->second.closed || found->second.detached) << call << " after close or detach";
  return found->second;
}

void Inspector::open(StreamSlot& slot, Handle handle) {
  EXPECT_FALSE(streams_.contains(&slot)) << "rule 2: a slot's storage was used before on_closed";
  streams_[&slot] = {};
  ++counts_.open;
  ++depth_;
  inner_->open(slot, handle);
  --depth_;
}

void Inspector::connect(StreamSlot& slot, const Address& to, const ConnectOptions& options) {
  EXPECT_FALSE(streams_.contains(&slot)) << "rule 2: a slot's storage was used before on_closed";
  streams_[&slot] = {.connecting = true};
  ++counts_.open;
  ++depth_;
  inner_->connect(slot, to, options);
  --depth_;
}

void Inspector::set_reading(StreamSlot& slot, bool on) {
  called(slot, "set_reading").reading = on;
  ++depth_;
  inner_->set_reading(slot, on);
  --depth_;
}

Written Inspector::start_write(StreamSlot& slot, std::span<const std::string_view> pieces) {
  Watched& watched = called(slot, "start_write");
  EXPECT_FALSE(watched.waits) << "rule 3: a write was started while another is in flight";
  EXPECT_FALSE(watched.shut) << "a write was started after shutdown_write";
  ++counts_.writes;
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  EXPECT_FALSE(bytes.empty()) << "a write of nothing";
  ++depth_;
  const Written written = inner_->start_write(slot, pieces);
  --depth_;
  EXPECT_LE(written.taken, bytes.size());
  if (written.pending || written.taken < bytes.size()) {
    watched.waits = true;
    watched.pending = written.pending;
    watched.rest = bytes.size() - written.taken;
    if (written.pending) {
      watched.copy = bytes.substr(written.taken);
      for (std::size_t taken = written.taken; const std::string_view piece : pieces) {
        const std::size_t skipped = std::min(taken, piece.size());
        watched.pinned.push_back(piece.substr(skipped));
        taken -= skipped;
      }
    }
  }
  return written;
}

std::size_t Inspector::offer(StreamSlot& slot, std::span<const std::string_view> pieces) {
  const Watched& watched = called(slot, "offer");
  EXPECT_FALSE(watched.waits || watched.shut) << "something was offered during a write, or after the end";
  ++counts_.writes;
  ++depth_;
  const std::size_t taken = inner_->offer(slot, pieces);
  --depth_;
  return taken;
}

Written Inspector::start_send_file(StreamSlot& slot, Handle file, std::uint64_t offset, std::size_t count) {
  Watched& watched = called(slot, "start_send_file");
  EXPECT_FALSE(watched.waits) << "rule 3: a write was started while another is in flight";
  EXPECT_FALSE(watched.shut) << "a write was started after shutdown_write";
  ++depth_;
  const Written written = inner_->start_send_file(slot, file, offset, count);
  --depth_;
  watched.waits = written.pending || written.taken < count;
  watched.pending = written.pending;
  watched.rest = count - written.taken;
  return written;
}

void Inspector::shutdown_write(StreamSlot& slot) {
  Watched& watched = called(slot, "shutdown_write");
  EXPECT_FALSE(watched.waits) << "shutdown_write while a write is in flight";
  watched.shut = true;
  ++depth_;
  inner_->shutdown_write(slot);
  --depth_;
}

void Inspector::close(StreamSlot& slot, bool reset) {
  called(slot, "close").closed = true;
  ++depth_;
  inner_->close(slot, reset);
  --depth_;
}

void Inspector::detach(StreamSlot& slot) {
  called(slot, "detach").detached = true;
  ++depth_;
  inner_->detach(slot);
  --depth_;
}

void Inspector::submit() {
  EXPECT_FALSE(in_submit_) << "submit inside submit";
  const bool outer = std::exchange(in_submit_, true);
  inner_->submit();
  in_submit_ = outer;
}

void Inspector::turn(std::optional<Time> deadline) {
  EXPECT_FALSE(in_turn_) << "turn inside turn";
  ++counts_.turns;
  counts_.writes_before_waiting = counts_.writes;
  counts_.bytes = counts_.most = 0;
  for (auto& [slot, watched] : streams_) watched.taken_in = 0;
  const bool woken = std::exchange(counts_.woken, false);
  const std::size_t upcalls = counts_.upcalls;
  const Time now = clock_.now();
  const auto really = std::chrono::steady_clock::now();
  in_turn_ = true;
  inner_->turn(deadline);
  in_turn_ = false;
  // Either clock may be the one that the back end waits by.
  const Duration waited = std::max<Duration>(std::chrono::steady_clock::now() - really, clock_.now() - now);
  if (!woken && !counts_.woken && counts_.upcalls == upcalls && (!deadline || waited < *deadline - now)) {
    ++counts_.idle;
  }
}

// What the back end must keep to.

void Inspector::upcall(std::string_view what, bool of_turn) {
  ++counts_.upcalls;
  EXPECT_EQ(depth_, 0) << "rule 8: " << what << " came from inside a call of the back end";
  EXPECT_TRUE(in_turn_ || (in_submit_ && !of_turn))
      << what << " came from outside of turn" << (of_turn ? "" : " and submit");
  if (of_turn) {
    EXPECT_FALSE(in_submit_) << what << ": submit delivered input";
  }
}

Inspector::Watched& Inspector::told(const StreamSlot& slot, std::string_view what) {
  const auto found = streams_.find(&slot);
  if (found == streams_.end()) {
    ADD_FAILURE() << what << " of a slot that is gone";
    return streams_[&slot];
  }
  return found->second;
}

void Inspector::input(Watched& slot, std::string_view what) {
  EXPECT_TRUE(slot.reading) << "rule 1: " << what << " came while reading was off";
  EXPECT_FALSE(slot.connecting) << what << " came before on_connected";
  EXPECT_FALSE(slot.closed || slot.detached) << what << " came after close or detach";
  EXPECT_FALSE(slot.ended) << what << " came after the end";
  EXPECT_FALSE(slot.failed) << what << " came after a failure";
}

void Inspector::on_connected(StreamSlot& slot) {
  upcall("on_connected", true);
  Watched& watched = told(slot, "on_connected");
  EXPECT_TRUE(watched.connecting) << "on_connected came without connect, or twice";
  EXPECT_FALSE(watched.closed || watched.detached) << "on_connected came after close";
  watched.connecting = false;
  up_.on_connected(slot);
}

void Inspector::on_received(StreamSlot& slot, std::span<char> lent) {
  upcall("on_received", true);
  Watched& watched = told(slot, "on_received");
  input(watched, "on_received");
  EXPECT_FALSE(lent.empty());
  watched.taken_in += lent.size();
  counts_.bytes += lent.size();
  counts_.most = std::max(counts_.most, watched.taken_in);
  up_.on_received(slot, lent);
}

void Inspector::on_end(StreamSlot& slot) {
  upcall("on_end", true);
  Watched& watched = told(slot, "on_end");
  input(watched, "on_end");
  watched.ended = true;
  up_.on_end(slot);
}

void Inspector::Watched::end_write() {
  std::string_view left = copy;
  for (const std::string_view piece : pinned) {
    EXPECT_TRUE(left.starts_with(piece)) << "rule 2: the bytes of a pending write were changed";
    left.remove_prefix(std::min(piece.size(), left.size()));
  }
  waits = pending = false;
  pinned.clear();
}

void Inspector::on_written(StreamSlot& slot, std::size_t taken) {
  upcall("on_written", false);
  Watched& watched = told(slot, "on_written");
  EXPECT_TRUE(watched.waits) << "on_written came, and no write waits for it";
  if (watched.pending) {
    EXPECT_LE(taken, watched.rest);
  } else {
    EXPECT_EQ(taken, 0U);
    EXPECT_FALSE(watched.closed || watched.detached) << "on_written of no pending write came after close";
  }
  watched.end_write();
  up_.on_written(slot, taken);
}

void Inspector::on_all_written() {
  upcall("on_all_written", false);
  for (auto& [slot, watched] : streams_) {
    if (watched.pending) watched.end_write();
  }
  up_.on_all_written();
}

void Inspector::on_failed(StreamSlot& slot, std::error_code error) {
  upcall("on_failed", false);
  Watched& watched = told(slot, "on_failed");
  EXPECT_FALSE(watched.failed) << "on_failed came twice";
  EXPECT_FALSE(watched.closed || watched.detached) << "on_failed came after close or detach";
  EXPECT_TRUE(error) << "a failure without an error";
  watched.failed = true;
  up_.on_failed(slot, error);
}

void Inspector::on_closed(StreamSlot& slot) {
  upcall("on_closed", false);
  Watched& watched = told(slot, "on_closed");
  EXPECT_TRUE(watched.closed) << "on_closed came without close";
  EXPECT_FALSE(watched.pending) << "rule 2: on_closed came before the last completion";
  streams_.erase(&slot);
  --counts_.open;
  up_.on_closed(slot);
}

void Inspector::on_detached(StreamSlot& slot, Handle handle, std::span<const char> held) {
  upcall("on_detached", false);
  Watched& watched = told(slot, "on_detached");
  EXPECT_TRUE(watched.detached) << "on_detached came without detach";
  EXPECT_FALSE(watched.pending) << "rule 2: on_detached came before the last completion";
  streams_.erase(&slot);
  --counts_.open;
  up_.on_detached(slot, handle, held);
}

void Inspector::on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer) {
  upcall("on_accepted", true);
  up_.on_accepted(slot, handle, peer);
}

void Inspector::on_accept_failed(ListenerSlot& slot, std::error_code error) {
  upcall("on_accept_failed", true);
  up_.on_accept_failed(slot, error);
}

void Inspector::on_datagrams(DatagramSlot& slot, std::span<Received> lent) {
  upcall("on_datagrams", true);
  EXPECT_FALSE(lent.empty());
  up_.on_datagrams(slot, lent);
}

void Inspector::on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) {
  upcall("on_sent", false);
  up_.on_sent(slot, count, error);
}

void Inspector::on_datagram_error(DatagramSlot& slot, std::error_code error) {
  upcall("on_datagram_error", true);
  EXPECT_TRUE(error) << "a failure without an error";
  up_.on_datagram_error(slot, error);
}

void Inspector::on_closed(DatagramSlot& slot) {
  upcall("on_closed", false);
  up_.on_closed(slot);
}

void Inspector::on_woken() {
  EXPECT_TRUE(in_turn_) << "on_woken came from outside of turn";
  up_.on_woken();
}

void Inspector::on_ready(WatchSlot& slot, Interest ready) {
  upcall("on_ready", true);
  up_.on_ready(slot, ready);
}

}  // namespace parley::conformance
