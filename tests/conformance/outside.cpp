#include "tests/conformance/outside.h"

#include <ostream>
#include <utility>

#include "tests/conformance/sockets.h"

namespace parley::conformance {

namespace {

class InMemory final : public Peer {
 public:
  explicit InMemory(MemoryPeer peer) : peer_(std::move(peer)) {}
  void send(std::string_view bytes) override { peer_.send(bytes); }
  void close() override { peer_.close(); }
  void reset() override { peer_.reset(); }
  void window(std::size_t bytes) override {
    if (bytes == everything) {
      peer_.read_everything();
    } else {
      peer_.window(bytes);
    }
  }
  const std::string& received() override { return peer_.received(); }
  bool ended() override { return peer_.ended(); }
  bool was_reset() override { return peer_.was_reset(); }

 private:
  MemoryPeer peer_;
};

class SignalInMemory final : public Signal {
 public:
  explicit SignalInMemory(MemoryNetwork& network) : network_(network), descriptor_(network.descriptor()) {
    network_.set_ready(descriptor_, Interest::write);
  }
  ~SignalInMemory() override { network_.close(descriptor_); }
  int descriptor() const override { return descriptor_; }
  void raise() override { network_.set_ready(descriptor_, Interest::both); }
  void lower() override { network_.set_ready(descriptor_, Interest::write); }

 private:
  MemoryNetwork& network_;
  int descriptor_;
};

class ServerInMemory final : public Server {
 public:
  explicit ServerInMemory(MemoryListener listener) : listener_(std::move(listener)) {}
  ~ServerInMemory() override { listener_.close(); }
  Address at() const override { return listener_.address(); }
  Accepted accept() override {
    if (listener_.waiting() == 0) return {};
    MemoryPeer peer = listener_.accept();
    return {std::make_unique<InMemory>(peer), peer.peer()};
  }

 private:
  MemoryListener listener_;
};

class SilenceInMemory final : public Server {
 public:
  explicit SilenceInMemory(Address at) : at_(std::move(at)) {}
  Address at() const override { return at_; }
  Accepted accept() override { return {}; }

 private:
  Address at_;
};

class CorrespondentInMemory final : public Correspondent {
 public:
  explicit CorrespondentInMemory(MemoryDatagramPeer peer) : peer_(std::move(peer)) {}
  ~CorrespondentInMemory() override { peer_.close(); }
  Address at() const override { return peer_.address(); }
  void send(std::string_view bytes, const Address& to) override { peer_.send_to(bytes, to); }
  std::vector<Letter> take() override {
    std::vector<Letter> letters;
    for (MemoryDatagram& datagram : peer_.take()) {
      letters.push_back({std::move(datagram.bytes), std::move(datagram.peer)});
    }
    return letters;
  }

 private:
  MemoryDatagramPeer peer_;
};

class OutsideInMemory final : public Outside {
 public:
  explicit OutsideInMemory(const Setup& setup)
      : faults_(setup.faults), network_(clock_, setup.seed, setup.faults) {}
  Reactor::MakeBackend backend() override { return network_.backend(); }
  void narrow(const ListenerSlot& /*slot*/) override {}  // it does so by its faults
  std::unique_ptr<Peer> connect(const Address& to, bool /*narrow*/) override {
    return std::make_unique<InMemory>(network_.connect(to));
  }
  std::pair<int, std::unique_ptr<Peer>> connected() override {
    auto [descriptor, peer] = network_.connected();
    return {descriptor, std::make_unique<InMemory>(std::move(peer))};
  }
  std::pair<int, Address> listening() override {
    const Address at("127.0.0.1", 19999);
    return {network_.listen(at), at};
  }
  std::unique_ptr<Signal> signal() override { return std::make_unique<SignalInMemory>(network_); }
  std::unique_ptr<Server> server(const Address& at) override {
    return std::make_unique<ServerInMemory>(network_.listen_peer(at));
  }
  std::unique_ptr<Server> silent(const Address& at) override {
    const Address real(at.host(), at.port() != 0 ? at.port() : free_port());
    network_.silence(real);
    return std::make_unique<SilenceInMemory>(real);
  }
  int free_port() override { return next_free_port_++; }
  std::unique_ptr<Correspondent> correspondent(const Address& at) override {
    return std::make_unique<CorrespondentInMemory>(network_.datagram_peer(at));
  }
  Handle file(std::string_view contents) override { return Handle{network_.file(std::string(contents))}; }
  bool move() override { return false; }
  void leave(Means means) override {
    network_.fail_accepts(means == Means::enough ? 0 : 1000000);
    MemoryFaults faults = faults_;
    faults.spare = means != Means::none;
    network_.set_faults(faults);
  }

 private:
  MemoryFaults faults_;
  MemoryNetwork network_;
  int next_free_port_ = 18000;
};

std::vector<Setup> make_setups() {
  std::vector<Setup> setups;
  setups.push_back({.name = "memory_calm", .memory = true});

  Setup pending{.name = "memory_pending", .memory = true, .seed = 7};
  pending.faults.pending = 0.9;
  pending.faults.late = 0.6;
  pending.faults.send_bytes = 3000;
  setups.push_back(pending);

  // Little by little, with many pieces for one connection in a turn.
  Setup tiny{.name = "memory_tiny", .memory = true, .seed = 11};
  tiny.faults.buffers = 12;
  tiny.faults.buffer_bytes = 37;
  tiny.faults.disarm = 0.5;
  tiny.faults.short_write = 0.8;
  tiny.faults.send_bytes = 500;
  setups.push_back(tiny);

  for (const std::uint64_t seed : {1U, 132U}) {
    setups.push_back({.name = "memory_rough" + std::to_string(seed),
                      .memory = true,
                      .seed = seed,
                      .faults = MemoryFaults::rough()});
  }
  setups.push_back({.name = "epoll", .kind = Reactor::epoll});
  setups.push_back({.name = "poll", .kind = Reactor::poll});
  setups.push_back({.name = "select", .kind = Reactor::select});
  return setups;
}

}  // namespace

void PrintTo(const Setup& setup, std::ostream* out) {
  *out << setup.name;
}

const std::vector<Setup>& all_setups() {
  static const std::vector<Setup> setups = make_setups();
  return setups;
}

const std::vector<Setup>& filtered_setups() {
  static const std::vector<Setup> setups = [] {
    std::vector<Setup> some;
    for (Setup setup : all_setups()) {
      if (setup.name != "memory_pending" && setup.name != "memory_rough1" && setup.name != "epoll") continue;
      setup.name += "_filtered";
      setup.filtered = true;
      some.push_back(setup);
    }
    return some;
  }();
  return setups;
}

std::unique_ptr<Outside> Outside::make(const Setup& setup) {
  if (setup.memory) return std::make_unique<OutsideInMemory>(setup);
  return make_sockets(setup);
}

std::string text_of(std::size_t size, std::string_view label) {
  std::string text;
  text.reserve(size + 32);
  for (std::size_t i = 0; text.size() < size; ++i) {
    text += label;
    text += std::to_string(i);
    text += i % 7 == 0 ? '\n' : ' ';
  }
  text.resize(size);
  return text;
}

testing::AssertionResult same(const char* got_name, const char* wanted_name, std::string_view got,
                              std::string_view wanted) {
  if (got == wanted) return testing::AssertionSuccess();
  std::size_t at = 0;
  while (at < got.size() && at < wanted.size() && got[at] == wanted[at]) ++at;
  return testing::AssertionFailure() << got_name << " (" << got.size() << " bytes) is not " << wanted_name
                                     << " (" << wanted.size() << " bytes): they part at " << at << ", with '"
                                     << got.substr(at, 60) << "' in place of '" << wanted.substr(at, 60)
                                     << "'";
}

}  // namespace parley::conformance
