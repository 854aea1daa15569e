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

Result<Address> Inspector::listen(Door& door, const Address& address, const ListenOptions& options) {
  Result<Address> at = inner_->listen(door, address, options);
  if (at) outside_.narrow(door);
  return at;
}

// What the caller must keep to.

Inspector::Watched& Inspector::called(const Channel& channel, std::string_view call) {
  const auto found = channels_.find(&channel);
  if (found == channels_.end()) {
    ADD_FAILURE() << call << " of a channel that is not open";
    return channels_[&channel];
  }
  EXPECT_FALSE(found->second.closed || found->second.detached) << call << " after close or detach";
  return found->second;
}

void Inspector::open(Channel& channel, int descriptor) {
  EXPECT_FALSE(channels_.contains(&channel)) << "rule 2: a channel's storage was used before on_closed";
  channels_[&channel] = {};
  ++counts_.open;
  ++depth_;
  inner_->open(channel, descriptor);
  --depth_;
}

void Inspector::set_reading(Channel& channel, bool on) {
  called(channel, "set_reading").reading = on;
  ++depth_;
  inner_->set_reading(channel, on);
  --depth_;
}

Written Inspector::start_write(Channel& channel, std::span<const std::string_view> pieces) {
  Watched& watched = called(channel, "start_write");
  EXPECT_FALSE(watched.waits) << "rule 3: a write was started while another is in flight";
  EXPECT_FALSE(watched.shut) << "a write was started after shutdown_write";
  ++counts_.writes;
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  EXPECT_FALSE(bytes.empty()) << "a write of nothing";
  ++depth_;
  const Written written = inner_->start_write(channel, pieces);
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

void Inspector::shutdown_write(Channel& channel) {
  Watched& watched = called(channel, "shutdown_write");
  EXPECT_FALSE(watched.waits) << "shutdown_write while a write is in flight";
  watched.shut = true;
  ++depth_;
  inner_->shutdown_write(channel);
  --depth_;
}

void Inspector::close(Channel& channel, bool reset) {
  called(channel, "close").closed = true;
  ++depth_;
  inner_->close(channel, reset);
  --depth_;
}

void Inspector::detach(Channel& channel) {
  called(channel, "detach").detached = true;
  ++depth_;
  inner_->detach(channel);
  --depth_;
}

void Inspector::gate() {
  EXPECT_FALSE(in_gate_) << "gate inside gate";
  const bool outer = std::exchange(in_gate_, true);
  inner_->gate();
  in_gate_ = outer;
}

void Inspector::turn(std::optional<Time> deadline) {
  EXPECT_FALSE(in_turn_) << "turn inside turn";
  ++counts_.turns;
  counts_.writes_before_waiting = counts_.writes;
  counts_.bytes = counts_.most = 0;
  for (auto& [channel, watched] : channels_) watched.taken_in = 0;
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
  EXPECT_TRUE(in_turn_ || (in_gate_ && !of_turn))
      << what << " came from outside of turn" << (of_turn ? "" : " and gate");
  if (of_turn) {
    EXPECT_FALSE(in_gate_) << what << ": the gate delivered input";
  }
}

Inspector::Watched& Inspector::told(const Channel& channel, std::string_view what) {
  const auto found = channels_.find(&channel);
  if (found == channels_.end()) {
    ADD_FAILURE() << what << " of a channel that is gone";
    return channels_[&channel];
  }
  return found->second;
}

void Inspector::input(Watched& channel, std::string_view what) {
  EXPECT_TRUE(channel.reading) << "rule 1: " << what << " came while reading was off";
  EXPECT_FALSE(channel.closed || channel.detached) << what << " came after close or detach";
  EXPECT_FALSE(channel.ended) << what << " came after the end";
  EXPECT_FALSE(channel.failed) << what << " came after a failure";
}

void Inspector::on_received(Channel& channel, std::span<char> lent) {
  upcall("on_received", true);
  Watched& watched = told(channel, "on_received");
  input(watched, "on_received");
  EXPECT_FALSE(lent.empty());
  watched.taken_in += lent.size();
  counts_.bytes += lent.size();
  counts_.most = std::max(counts_.most, watched.taken_in);
  up_.on_received(channel, lent);
}

void Inspector::on_end(Channel& channel) {
  upcall("on_end", true);
  Watched& watched = told(channel, "on_end");
  input(watched, "on_end");
  watched.ended = true;
  up_.on_end(channel);
}

void Inspector::on_written(Channel& channel, std::size_t taken) {
  upcall("on_written", false);
  Watched& watched = told(channel, "on_written");
  EXPECT_TRUE(watched.waits) << "on_written came, and no write waits for it";
  if (watched.pending) {
    std::string_view copy = watched.copy;
    for (const std::string_view piece : watched.pinned) {
      EXPECT_TRUE(copy.starts_with(piece)) << "rule 2: the bytes of a pending write were changed";
      copy.remove_prefix(std::min(piece.size(), copy.size()));
    }
    EXPECT_LE(taken, watched.rest);
  } else {
    EXPECT_EQ(taken, 0U);
    EXPECT_FALSE(watched.closed || watched.detached) << "on_written of no pending write came after close";
  }
  watched.waits = watched.pending = false;
  watched.pinned.clear();
  up_.on_written(channel, taken);
}

void Inspector::on_failed(Channel& channel, std::error_code error) {
  upcall("on_failed", false);
  Watched& watched = told(channel, "on_failed");
  EXPECT_FALSE(watched.failed) << "on_failed came twice";
  EXPECT_FALSE(watched.closed || watched.detached) << "on_failed came after close or detach";
  EXPECT_TRUE(error) << "a failure without an error";
  watched.failed = true;
  up_.on_failed(channel, error);
}

void Inspector::on_closed(Channel& channel) {
  upcall("on_closed", false);
  Watched& watched = told(channel, "on_closed");
  EXPECT_TRUE(watched.closed) << "on_closed came without close";
  EXPECT_FALSE(watched.pending) << "rule 2: on_closed came before the last completion";
  channels_.erase(&channel);
  --counts_.open;
  up_.on_closed(channel);
}

void Inspector::on_detached(Channel& channel, int descriptor, std::span<char> held) {
  upcall("on_detached", false);
  Watched& watched = told(channel, "on_detached");
  EXPECT_TRUE(watched.detached) << "on_detached came without detach";
  EXPECT_FALSE(watched.pending) << "rule 2: on_detached came before the last completion";
  channels_.erase(&channel);
  --counts_.open;
  up_.on_detached(channel, descriptor, held);
}

void Inspector::on_accepted(Door& door, int descriptor, const CompactAddress& peer) {
  upcall("on_accepted", true);
  up_.on_accepted(door, descriptor, peer);
}

void Inspector::on_accept_failed(Door& door, std::error_code error) {
  upcall("on_accept_failed", true);
  up_.on_accept_failed(door, error);
}

void Inspector::on_ready(Watch& watch, Interest ready) {
  upcall("on_ready", true);
  up_.on_ready(watch, ready);
}

}  // namespace parley::conformance
