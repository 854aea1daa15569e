#include "parley/reactor/datagram_ports.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/loop.h"
#include "parley/socket/multicast.h"

namespace parley {

namespace {

std::string_view advice(std::error_code error) {
  if (error == std::errc::message_size) return "send less in one datagram";
  if (error == std::errc::destination_address_required || error == std::errc::not_connected) {
    return "name an address, or connect first";
  }
  if (error == std::errc::permission_denied) return "set_broadcast(true), for a broadcast address";
  if (error == std::errc::connection_refused) return "nobody listens there";
  return {};
}

}  // namespace

// One socket.
class DatagramPorts::Port final : public DatagramTransport {
 public:
  Port(DatagramPorts& ports, std::uint64_t id, Socket socket, const Address& peer, BoundPath path)
      : ports_(ports),
        id_(id),
        socket_(std::move(socket)),
        family_(socket_.family()),
        peer_(peer),
        path_(std::move(path)),
        batch_(most_at_once()),
        watch_(ports.loop_.watch(socket_.fileno(), Interest::read,
                                 [this](Interest ready) { on_ready(ready); })) {}
  ~Port() { path_.remove_with(Descriptor(socket_.detach())); }

  std::uint64_t id() const { return id_; }
  void start(std::unique_ptr<DatagramProtocol> protocol) {
    protocol_ = std::move(protocol);
    protocol_->transport_ = this;
  }
  void tell_start() {
    if (ended_) return;
    started_ = true;
    call([](DatagramProtocol& protocol) { protocol.start_protocol(); });
  }
  void tell_stop() {
    if (started_) call([](DatagramProtocol& protocol) { protocol.stop_protocol(); });
    protocol_.reset();
  }
  void tell_errors() {
    failing_ = false;
    std::vector<SocketError> errors;
    errors.swap(errors_);
    const bool refused = std::exchange(refused_, false);
    if (refused && !ended_) call([](DatagramProtocol& protocol) { protocol.connection_refused(); });
    for (const SocketError& error : errors) {
      if (ended_) return;
      call([&](DatagramProtocol& protocol) { protocol.error_received(error); });
    }
  }
  // What had been received when reading was paused comes first.
  void go_on() {
    resuming_ = false;
    while (reading() && !resuming_ && !kept_.empty()) {
      Kept kept = std::move(kept_.front());
      kept_.pop_front();
      deliver(kept.bytes, kept.peer);
    }
    want(Interest::read, reading());
  }
  void flush() {
    unsent_ = false;
    send_now();
  }

  // DatagramTransport

  void write(std::string_view bytes, const Address& to) override {
    if (!makes_room(bytes, to)) return;
    outbox_.append(bytes, to, family_);
    written();
  }
  void write(std::string_view bytes) override {
    if (!makes_room(bytes, peer_)) return;
    outbox_.append(bytes);
    written();
  }
  void connect(const Address& peer) override {
    if (ended_) return;
    socket_.connect(peer);
    peer_ = peer;
  }
  Address peer() const override { return peer_; }
  Address host() const override { return ended_ ? host_ : socket_.getsockname(); }
  void pause_reading() override { paused_ = true; }
  void resume_reading() override {
    if (!paused_ || ended_) return;
    paused_ = false;
    if (!std::exchange(resuming_, true)) ports_.resuming_.push_back(id_);
  }
  bool reading() const override { return !paused_ && !ended_; }
  void join_group(const Address& group, std::uint32_t interface) override {
    parley::join_group(socket_, group, interface);
  }
  void leave_group(const Address& group, std::uint32_t interface) override {
    parley::leave_group(socket_, group, interface);
  }
  void set_multicast_ttl(int routers) override {
    socket_.setsockopt(v6() ? options::multicast_hops : options::multicast_ttl, routers);
  }
  void set_multicast_loop(bool on) override {
    socket_.setsockopt(v6() ? options::multicast_loop6 : options::multicast_loop, on);
  }
  void set_multicast_interface(std::uint32_t interface) override {
    parley::set_multicast_interface(socket_, interface);
  }
  void set_broadcast(bool on) override { socket_.setsockopt(options::broadcast, on); }
  void stop_listening() override {
    if (ended_) return;
    send_now();
    dropped_ += outbox_.size();
    host_ = socket_.getsockname();
    ended_ = true;
    ports_.loop_.unwatch(watch_);
    path_.remove_with(Descriptor(socket_.detach()));
    ports_.ending_.push_back(id_);
  }
  std::size_t queued() const override { return outbox_.size(); }
  std::uint64_t dropped() const override { return dropped_; }

 private:
  struct Kept {
    std::string bytes;
    Address peer;
  };

  std::size_t most_at_once() const {
    return std::clamp<std::size_t>(ports_.limits_.datagram_batch, 1, most_datagrams_at_once);
  }
  bool v6() const { return family_ == Family::inet6; }
  bool connected() const { return peer_.family() != Family::unspecified; }
  // The protocol stays until the port is taken out, which is not done from inside a call.
  template <class Call>
  void call(Call call_protocol) {
    ports_.loop_.guarded([&] { call_protocol(*protocol_); });
    ports_.loop_.between_callbacks();
  }

  void on_ready(Interest ready) {
    if (has(ready, Interest::write) && !ended_) {
      want(Interest::write, false);
      full_ = false;
      list();
    }
    if (!has(ready, Interest::read) || ended_) return;
    // Only now, for pausing and resuming within a turn need not cost anything. What is kept stays one batch.
    if (!reading() || resuming_) return want(Interest::read, false);
    receive();
  }

  void receive() {
    DatagramInbox& inbox = ports_.inbox();
    const Result<std::size_t> count = inbox.receive(socket_.fileno(), family_, batch_);
    if (!count) return failed("recv", peer_, count.error());
    std::size_t taken = 0;
    for (std::size_t i = 0; i < *count && !ended_; ++i) {
      const std::span<char> bytes = inbox.bytes(i);
      taken += bytes.size();
      const Address peer = inbox.peer(i);
      if (!inbox.whole(i)) {
        ++dropped_;
        failed("recv", peer, std::make_error_code(std::errc::message_size));
      } else if (reading() && !resuming_) {
        deliver(bytes, peer);
      } else {  // paused in the middle of the batch
        kept_.push_back({std::string(bytes.data(), bytes.size()), peer});
      }
    }
    // Large ones come in smaller batches, so that others have their turn.
    const Limits& limits = ports_.limits_;
    batch_ = taken > limits.read_bytes ? std::max<std::size_t>(1, batch_ / 2)
                                       : std::min(batch_ * 2, most_at_once());
  }

  void deliver(std::span<char> bytes, const Address& peer) {
    call([&](DatagramProtocol& protocol) { protocol.datagram_received(bytes, peer); });
  }

  bool makes_room(std::string_view bytes, const Address& to) {
    if (ended_) return false;
    const Limits& limits = ports_.limits_;
    if (bytes.size() > limits.datagram_bytes) {
      ++dropped_;
      failed("send", to, std::make_error_code(std::errc::message_size));
      return false;
    }
    while (!outbox_.empty() && (outbox_.size() >= limits.datagram_queue ||
                                outbox_.bytes() + bytes.size() > limits.datagram_queue_bytes)) {
      outbox_.drop_oldest();
      ++dropped_;
    }
    return true;
  }

  void written() {
    const std::size_t ready = outbox_.size() - outbox_.held();
    if (!full_ && (ready >= most_datagrams_at_once || outbox_.bytes() >= ports_.limits_.tape_bytes)) {
      send_now();
    } else {
      list();
    }
  }

  void list() {
    if (full_ || unsent_ || outbox_.size() == outbox_.held()) return;
    unsent_ = true;
    ports_.unsent_.push_back(id_);
  }

  void send_now() {
    bool tried_again = false;
    while (!ended_ && !full_ && outbox_.size() > outbox_.held()) {
      const std::error_code error = outbox_.send(socket_.fileno()).error;
      if (!error) {
        tried_again = false;
      } else if (error == std::errc::resource_unavailable_try_again ||
                 error == std::errc::operation_would_block) {
        wait_for_room();
      } else if (refused_before(error) && !tried_again) {
        tried_again = true;
        failed("send", peer_, error);
      } else {
        const Address to = outbox_.next_peer();
        failed("send", to.family() == Family::unspecified ? peer_ : to, error);
        outbox_.drop_next();
        ++dropped_;
      }
    }
  }

  // A refusal over a network answers an earlier datagram: this one was not sent, but can be.
  bool refused_before(std::error_code error) const {
    return error == std::errc::connection_refused && family_ != Family::local;
  }

  // Of a Unix socket that is not connected, the kernel tells when it has room itself, and not when its peer's
  // has: others must not wait for that one, and the loop must not spin.
  void wait_for_room() {
    if (family_ != Family::local || outbox_.next_peer().family() == Family::unspecified) {
      full_ = true;
      want(Interest::write, true);
      return;
    }
    outbox_.hold_next();
    if (std::exchange(resting_, true)) return;
    Loop& loop = ports_.loop_;
    loop.timers().add(loop.now() + ports_.limits_.datagram_rest, [&ports = ports_, id = id_] {
      if (const auto found = ports.ports_.find(id); found != ports.ports_.end()) found->second->rested();
    });
  }
  void rested() {
    resting_ = false;
    outbox_.release();
    list();
  }

  void want(Interest what, bool on) {
    if (ended_ || has(wanted_, what) == on) return;
    wanted_ = static_cast<Interest>(static_cast<std::uint8_t>(wanted_) ^ static_cast<std::uint8_t>(what));
    ports_.loop_.rewatch(watch_, wanted_);
  }

  void failed(std::string_view operation, const Address& whom, std::error_code error) {
    if (connected() && error == std::errc::connection_refused) {
      refused_ = true;
    } else if (errors_.size() < most_datagrams_at_once) {
      errors_.emplace_back(operation, format(whom), error, advice(error));
    }
    if (!std::exchange(failing_, true)) ports_.failing_.push_back(id_);
  }

  DatagramPorts& ports_;
  const std::uint64_t id_;
  Socket socket_;
  const Family family_;
  Address peer_;
  Address host_;  // once it has ended
  BoundPath path_;
  std::unique_ptr<DatagramProtocol> protocol_;
  DatagramOutbox outbox_;
  std::deque<Kept> kept_;
  std::vector<SocketError> errors_;
  bool refused_ = false;
  std::uint64_t dropped_ = 0;
  std::size_t batch_;
  std::uint64_t watch_;
  Interest wanted_ = Interest::read;
  bool started_ = false;
  bool ended_ = false;
  bool paused_ = false;
  bool full_ = false;     // the kernel is
  bool resting_ = false;  // somebody is held back until a timer
  // In the lists of those who ...
  bool unsent_ = false;
  bool resuming_ = false;
  bool failing_ = false;
};

DatagramPorts::DatagramPorts(Loop& loop, const Limits& limits) : loop_(loop), limits_(limits) {}
DatagramPorts::~DatagramPorts() = default;

void DatagramPorts::clear() {
  const auto gone = std::exchange(ports_, {});  // a protocol may ask for one as it goes
}

std::uint64_t DatagramPorts::open(Socket socket, const Address& peer, BoundPath path,
                                  std::unique_ptr<DatagramProtocol> protocol) {
  const std::uint64_t id = ++last_id_;
  auto port = std::make_unique<Port>(*this, id, std::move(socket), peer, std::move(path));
  port->start(std::move(protocol));
  ports_.emplace(id, std::move(port));
  starting_.push_back(id);
  return id;
}

DatagramTransport* DatagramPorts::find(std::uint64_t id) const {
  const auto found = ports_.find(id);
  return found == ports_.end() ? nullptr : found->second.get();
}

template <class Call>
void DatagramPorts::each(Ids& ids, Call call) {
  Ids now;
  now.swap(ids);
  for (const std::uint64_t id : now) {
    if (const auto found = ports_.find(id); found != ports_.end()) call(*found->second);
  }
}

DatagramInbox& DatagramPorts::inbox() {
  if (inbox_ == nullptr) {
    inbox_ = std::make_unique<DatagramInbox>(limits_.datagram_batch, limits_.datagram_bytes);
  }
  return *inbox_;
}

void DatagramPorts::prepare() {
  each(resuming_, [](Port& port) { port.go_on(); });
  each(failing_, [](Port& port) { port.tell_errors(); });
}

void DatagramPorts::settle() {
  each(starting_, [](Port& port) { port.tell_start(); });
  each(ending_, [this](Port& port) {
    port.tell_stop();
    ports_.erase(port.id());
  });
}

void DatagramPorts::flush() {
  each(unsent_, [](Port& port) { port.flush(); });
}

void DatagramPorts::stop_all() {
  for (const auto& [id, port] : ports_) port->stop_listening();
}

}  // namespace parley
