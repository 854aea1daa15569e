#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/conformance/inspector.h"
#include "tests/conformance/outside.h"

namespace parley::conformance {

using namespace std::chrono_literals;

// A connection, with what it writes: both are gone as soon as on_closed says that they may be.
struct Link : StreamSlot {
  std::unique_ptr<Peer> peer;
  std::unique_ptr<std::string> output;
  std::size_t sent = 0;
  std::string received;
  std::size_t ends = 0;
  std::size_t pending = 0;  // bytes of a write that the back end still has
  std::size_t written = 0;  // calls of on_written, and writes that on_all_written has told of
  std::error_code failure;
  bool connected = false;
  bool reading = false;
  bool closing = false;
};

// A socket of datagrams, and what became of it.
struct Post : DatagramSlot {
  struct Came {
    std::string bytes;
    Address peer;
    Address asked;
    bool whole;
  };
  std::vector<Came> received;
  std::vector<std::error_code> errors;
  std::size_t sent = 0;         // told by on_sent
  std::size_t completions = 0;  // calls of it
  bool closed = false;
};

class Seam : public testing::TestWithParam<Setup>, private Backend::Upcalls {
 protected:
  void SetUp() override { make({}); }
  void TearDown() override {
    backend_->unlisten(*listener_);
    listener_.reset();
    backend_.reset();
    for (Link* const link : links_) delete link;
  }

  void make(const Limits& limits) {
    if (backend_ != nullptr) {
      backend_->unlisten(*listener_);
      backend_.reset();
    }
    limits_ = limits;
    outside_ = Outside::make(GetParam());
    backend_ =
        Inspector::around(*outside_, counts_)({.up = *this, .limits = limits_, .clock = outside_->clock()});
    listener_ = std::make_unique<ListenerSlot>();
    at_ = backend_->listen(*listener_, {"127.0.0.1", 0}, {}).value();
    backend_->set_accepting(*listener_, true);
  }

  Link& join(bool narrow = false) {
    coming_ = new Link;
    coming_->peer = outside_->connect(at_, narrow);
    links_.push_back(coming_);
    EXPECT_TRUE(until([&] { return coming_ == nullptr; }));
    return *links_.back();
  }
  void read(Link& link, bool on) {
    link.reading = on;
    backend_->set_reading(link, on);
  }
  // Sends what is left of its output, as far as one write goes.
  Written write(Link& link) {
    const std::string_view rest = std::string_view(*link.output).substr(link.sent);
    const std::size_t half = rest.size() / 2;
    const std::string_view pieces[] = {rest.substr(0, half), rest.substr(half)};
    return note(link, backend_->start_write(link, pieces), rest.size());
  }
  // A write of `size` bytes was started.
  Written note(Link& link, const Written& written, std::size_t size) {
    link.sent += written.taken;
    link.pending = written.pending ? size - written.taken : 0;
    return written;
  }
  void turn(Duration patience = Duration::zero()) {
    backend_->submit();
    backend_->turn(outside_->clock().now() + patience);
    outside_->move();
  }
  bool until(const std::function<bool()>& so) {
    const auto patience = std::chrono::steady_clock::now() + 100s;
    for (int quiet = 0; !so() && quiet < 1000;) {
      if (std::chrono::steady_clock::now() > patience) break;
      const std::size_t upcalls = counts_.upcalls;
      turn(quiet > 20 && !GetParam().memory ? Duration(1ms) : Duration::zero());
      quiet = counts_.upcalls != upcalls ? 0 : quiet + 1;
    }
    return so();
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }

  // Begins to connect.
  Link& connect(const Address& to, const ConnectOptions& options = {}) {
    links_.push_back(new Link);
    backend_->connect(*links_.back(), to, options);
    return *links_.back();
  }
  // The far end of what we have connected.
  Server::Accepted accepted(Server& server) {
    Server::Accepted far;
    EXPECT_TRUE(until([&] {
      if (far.peer == nullptr) far = server.accept();
      return far.peer != nullptr;
    }));
    return far;
  }
  // Connects, and answers our end; the far end is its peer.
  Link& connected(Server& server) {
    Link& link = connect(server.at());
    EXPECT_TRUE(until([&] { return link.connected; }));
    link.peer = accepted(server).peer;
    return link;
  }
  void close(Post& post) {
    backend_->close(post);
    EXPECT_TRUE(until([&] { return post.closed; }));
  }
  // Sends it, again and again where there is no room or the network may lose it, until `arrived`.
  bool send(Post& post, const Outgoing& outgoing, const std::function<bool()>& arrived) {
    for (int tries = 0; tries < 200; ++tries) {
      const std::size_t completions = post.completions;
      const Sent sent = backend_->start_send(post, {&outgoing, 1});
      if (sent.pending || sent.error == std::errc::operation_would_block) {
        EXPECT_TRUE(until([&] { return post.completions > completions; }));
      } else if (sent.error) {
        post.errors.push_back(sent.error);
      }
      turns(3);
      if (arrived()) return true;
      if (!GetParam().memory && until(arrived)) return true;
    }
    return false;
  }

  void on_received(StreamSlot& slot, std::span<char> lent) override {
    Link& link = static_cast<Link&>(slot);
    link.received.append(lent.data(), lent.size());
    if (when_lent) return when_lent(lent);
    std::memset(lent.data(), '?', lent.size());
    if (when_received) when_received(link);
  }
  void on_end(StreamSlot& slot) override { ++static_cast<Link&>(slot).ends; }
  void on_written(StreamSlot& slot, std::size_t taken) override {
    Link& link = static_cast<Link&>(slot);
    ++link.written;
    link.pending = 0;
    link.sent += taken;
    if (when_written) when_written(link);
  }
  void on_failed(StreamSlot& slot, std::error_code error) override {
    static_cast<Link&>(slot).failure = error;
  }
  void on_closed(StreamSlot& slot) override {
    auto* const link = static_cast<Link*>(&slot);
    std::erase(links_, link);
    ++closed_;
    if (when_closed) when_closed(*link);
    delete link;
  }
  void on_detached(StreamSlot& slot, Handle handle, std::span<const char> held) override {
    auto* const link = static_cast<Link*>(&slot);
    std::erase(links_, link);
    if (when_detached) when_detached(*link, handle.native, {held.data(), held.size()});
    delete link;
  }
  void on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer) override {
    EXPECT_EQ(Address(peer).host(), "127.0.0.1");
    if (when_accepted) return when_accepted(slot, handle.native);
    backend_->open(*coming_, handle);
    coming_ = nullptr;
  }
  void on_accept_failed(ListenerSlot&, std::error_code error) override { accept_failures_.push_back(error); }
  void on_connected(StreamSlot& slot) override { static_cast<Link&>(slot).connected = true; }
  void on_all_written() override {
    std::vector<std::pair<Link*, std::size_t>> done;
    for (Link* const link : links_) {
      if (link->pending != 0) done.emplace_back(link, link->pending);
    }
    for (const auto& [link, taken] : done) on_written(*link, taken);
  }
  void on_datagrams(DatagramSlot& slot, std::span<Received> lent) override {
    for (const Received& one : lent) {
      static_cast<Post&>(slot).received.push_back(
          {std::string(one.bytes.data(), one.bytes.size()), one.peer, one.asked, one.whole});
    }
  }
  void on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) override {
    Post& post = static_cast<Post&>(slot);
    post.sent += count;
    ++post.completions;
    if (error) post.errors.push_back(error);
  }
  void on_datagram_error(DatagramSlot& slot, std::error_code error) override {
    static_cast<Post&>(slot).errors.push_back(error);
  }
  void on_closed(DatagramSlot& slot) override { static_cast<Post&>(slot).closed = true; }
  void on_woken() override {}
  void on_ready(WatchSlot& slot, Interest ready) override {
    if (when_ready) when_ready(slot, ready);
  }

  Inspector::Counts counts_;
  std::unique_ptr<Outside> outside_;
  Limits limits_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<ListenerSlot> listener_;
  Address at_;
  Link* coming_ = nullptr;
  std::vector<Link*> links_;
  std::size_t closed_ = 0;
  std::vector<std::error_code> accept_failures_;
  std::function<void(std::span<const char>)> when_lent;
  std::function<void(Link&)> when_received;
  std::function<void(Link&)> when_written;
  std::function<void(Link&)> when_closed;
  std::function<void(Link&, int, std::string_view)> when_detached;
  std::function<void(ListenerSlot&, int)> when_accepted;
  std::function<void(WatchSlot&, Interest)> when_ready;
};

}  // namespace parley::conformance
