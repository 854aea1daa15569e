#include "tests/conformance/sockets.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "parley/reactor/backends/readiness.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/sockaddr.h"
#include "parley/socket/socket.h"

namespace parley::conformance {

namespace {

// Descriptors from this one on cannot be had by accepting. The real limit would hold for the peers too, and
// for the sanitizers, which open pipes.
constexpr int none_missing = 0x7fffffff;
thread_local int first_missing = none_missing;  // a reactor, its world and its listener share a thread

int lowest_free() {
  const int descriptor = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
  ::close(descriptor);
  return descriptor;
}

[[noreturn]] void failed(const char* call) {
  throw std::system_error(errno, std::system_category(), call);
}

// One end of a connection, shared by its handle and the world, which moves it.
class Stream {
 public:
  Stream(const Address& to, bool narrow) {
    const Family family = to.family() == Family::unspecified ? Family::inet : to.family();
    const RawAddress raw =
        to_raw(to.host().empty() && family != Family::local ? Address("127.0.0.1", to.port()) : to, family);
    socket_ = Descriptor(::socket(domain_of(family), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_) failed("socket");
    if (narrow) {
      const int size = 4096;
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
    const int on = 1;
    if (family != Family::local) ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // To a listener on this machine it is connected at once, whether it accepts yet or not.
    if (::connect(socket_.get(), raw.data(), raw.size) != 0) {
      if (errno != ECONNREFUSED && errno != ENOENT) failed("connect");
      reset_ = true;
      socket_.reset();
      return;
    }
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  }

  explicit Stream(Descriptor connected) : socket_(std::move(connected)) {}

  void send(std::string_view bytes) {
    waiting_ += bytes;
    move();
  }
  void close() {
    closing_ = true;
    move();
  }
  void reset() {
    if (!socket_) return;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    broken();
  }
  void window(std::size_t bytes) { window_ = bytes; }

  bool move() {
    bool moved = false;
    while (socket_ && !waiting_.empty()) {
      const ssize_t sent = ::send(socket_.get(), waiting_.data(), waiting_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) {
        broken();
        break;
      }
      waiting_.erase(0, static_cast<std::size_t>(sent));
      moved = true;
    }
    if (socket_ && closing_ && !shut_ && waiting_.empty()) {
      ::shutdown(socket_.get(), SHUT_WR);
      shut_ = moved = true;
    }
    char buffer[65536];
    while (socket_ && window_ > 0 && !ended_) {
      const ssize_t count = ::recv(socket_.get(), buffer, std::min(sizeof buffer, window_), 0);
      if (count < 0 && errno == EAGAIN) break;
      moved = true;
      if (count < 0) {
        broken();
      } else if (count == 0) {
        ended_ = true;
      } else {
        received_.append(buffer, static_cast<std::size_t>(count));
        if (window_ != Peer::everything) window_ -= static_cast<std::size_t>(count);
      }
    }
    return moved;
  }
  // What the kernel knows of it, though nobody reads.
  bool was_reset() {
    int error = 0;
    socklen_t size = sizeof error;
    if (socket_ && ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
      broken();
    return reset_;
  }
  const std::string& received() const { return received_; }
  bool ended() const { return ended_; }

 private:
  void broken() {
    reset_ = true;
    waiting_.clear();
    socket_.reset();
  }

  Descriptor socket_;
  std::string waiting_;  // to be sent
  std::string received_;
  std::size_t window_ = Peer::everything;
  bool closing_ = false;
  bool shut_ = false;
  bool ended_ = false;
  bool reset_ = false;
};

class SocketPeer final : public Peer {
 public:
  explicit SocketPeer(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  void send(std::string_view bytes) override { stream_->send(bytes); }
  void close() override { stream_->close(); }
  void reset() override { stream_->reset(); }
  void window(std::size_t bytes) override { stream_->window(bytes); }
  const std::string& received() override { return stream_->received(); }
  bool ended() override { return stream_->ended(); }
  bool was_reset() override { return stream_->was_reset(); }

 private:
  std::shared_ptr<Stream> stream_;
};

class PairOfSockets final : public Signal {
 public:
  PairOfSockets() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) failed("socketpair");
    ours_ = Descriptor(ends[0]);
    far_ = Descriptor(ends[1]);
  }
  int descriptor() const override { return ours_.get(); }
  void raise() override {
    if (::write(far_.get(), "!", 1) != 1) failed("write");
  }
  void lower() override {
    char buffer[64];
    while (::read(ours_.get(), buffer, sizeof buffer) > 0) {
    }
  }

 private:
  Descriptor ours_;
  Descriptor far_;
};

class ServerOfTheKernel final : public Server {
 public:
  using Streams = std::vector<std::weak_ptr<Stream>>;
  ServerOfTheKernel(Socket listening, Streams& streams)
      : listening_(std::move(listening)), streams_(streams) {
    listening_.setblocking(false);
  }
  Address at() const override { return listening_.getsockname(); }
  Accepted accept() override try {
    auto [socket, from] = listening_.accept();
    socket.setblocking(false);
    auto stream = std::make_shared<Stream>(Descriptor(socket.detach()));
    streams_.push_back(stream);
    return {std::make_unique<SocketPeer>(std::move(stream)), from};
  } catch (const WouldBlock&) {
    return {};
  }

  // Fills its queue: the kernel drops what else comes.
  void deafen() {
    listening_.listen(0);
    for (int i = 0; i < 4; ++i) {
      Socket& socket = queued_.emplace_back(listening_.family());
      socket.setblocking(false);
      (void)socket.connect_ex(at());
    }
  }

 private:
  Socket listening_;
  Streams& streams_;
  std::vector<Socket> queued_;
};

class CorrespondentOfTheKernel final : public Correspondent {
 public:
  explicit CorrespondentOfTheKernel(const Address& at) : socket_(at.family(), Type::datagram) {
    socket_.bind(at);
    socket_.setblocking(false);
  }
  Address at() const override { return socket_.getsockname(); }
  void send(std::string_view bytes, const Address& to) override { socket_.sendto(bytes, to); }
  std::vector<Letter> take() override {
    std::vector<Letter> letters;
    try {
      for (;;) {
        auto [bytes, from] = socket_.recvfrom(65536);
        letters.push_back({std::move(bytes), std::move(from)});
      }
    } catch (const WouldBlock&) {
      return letters;
    }
  }

 private:
  Socket socket_;
};

class Sockets final : public Outside {
 public:
  explicit Sockets(const Setup& setup)
      : poller_(setup.kind == Reactor::poll     ? PollerKind::poll
                : setup.kind == Reactor::select ? PollerKind::select
                                                : PollerKind::epoll) {}
  ~Sockets() override { leave(Means::enough); }

  Reactor::MakeBackend backend() override {
    return [poller = poller_](const BackendSetting& setting) -> std::unique_ptr<Backend> {
      return std::make_unique<ReadinessBackend>(setting, poller);
    };
  }
  void narrow(const ListenerSlot& slot) override {  // what is accepted inherits it
    const int size = 8192;
    ::setsockopt(slot.handle.native, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
  std::unique_ptr<Peer> connect(const Address& to, bool narrow) override {
    auto stream = std::make_shared<Stream>(to, narrow);
    streams_.push_back(stream);
    return std::make_unique<SocketPeer>(std::move(stream));
  }
  std::pair<int, std::unique_ptr<Peer>> connected() override {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) failed("socketpair");
    auto stream = std::make_shared<Stream>(Descriptor(ends[1]));
    streams_.push_back(stream);
    return {ends[0], std::make_unique<SocketPeer>(std::move(stream))};
  }
  std::pair<int, Address> listening() override {
    Socket socket;
    socket.bind({"127.0.0.1", 0});
    socket.listen();
    socket.setblocking(false);
    const Address at = socket.getsockname();
    return {socket.detach(), at};
  }
  std::unique_ptr<Signal> signal() override { return std::make_unique<PairOfSockets>(); }
  std::unique_ptr<Server> server(const Address& at) override {
    if (const auto kept = kept_.extract(at.port())) {
      kept.mapped().listen(16);
      return std::make_unique<ServerOfTheKernel>(std::move(kept.mapped()), streams_);
    }
    return listener(at);
  }
  std::unique_ptr<Server> silent(const Address& at) override {
    auto server = listener(at);
    if (server != nullptr) server->deafen();
    return server;
  }
  int free_port() override {
    Socket socket(Family::inet6);
    socket.bind({"", 0});
    const int port = socket.getsockname().port();
    kept_.emplace(port, std::move(socket));
    return port;
  }
  std::unique_ptr<Correspondent> correspondent(const Address& at) override {
    return std::make_unique<CorrespondentOfTheKernel>(at);
  }
  Handle file(std::string_view contents) override {
    Descriptor& made = files_.emplace_back(::memfd_create("parley_conformance", MFD_CLOEXEC));
    if (!made ||
        ::write(made.get(), contents.data(), contents.size()) != static_cast<ssize_t>(contents.size()))
      failed("memfd_create");
    return Handle{made.get()};
  }
  bool move() override {
    bool moved = false;
    std::erase_if(streams_, [](const auto& stream) { return stream.expired(); });
    for (const auto& stream : streams_) moved = stream.lock()->move() || moved;
    return moved;
  }
  void leave(Means means) override {
    first_missing = means == Means::enough ? none_missing : means == Means::none ? 0 : lowest_free();
  }

 private:
  std::unique_ptr<ServerOfTheKernel> listener(const Address& at) {
    Socket socket(at.family());
    try {
      socket.bind(at);
    } catch (const SocketError&) {
      return nullptr;  // somebody has it
    }
    socket.listen(16);
    return std::make_unique<ServerOfTheKernel>(std::move(socket), streams_);
  }

  PollerKind poller_;
  std::vector<std::weak_ptr<Stream>> streams_;
  std::map<int, Socket> kept_;  // bound, and nobody listens, by port
  std::vector<Descriptor> files_;
};

}  // namespace

int accept_within_limit(int listening, sockaddr* address, socklen_t* size, int flags) {
  if (first_missing != none_missing && lowest_free() >= first_missing) {
    errno = EMFILE;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_accept4, listening, address, size, flags));
}

std::unique_ptr<Outside> make_sockets(const Setup& setup) {
  return std::make_unique<Sockets>(setup);
}

}  // namespace parley::conformance

// In place of the C library's, for this program.
extern "C" __attribute__((visibility("default"))) int accept4(int listening, sockaddr* address,
                                                              socklen_t* size, int flags) {
  return parley::conformance::accept_within_limit(listening, address, size, flags);
}
