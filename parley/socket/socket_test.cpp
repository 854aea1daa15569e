#include "parley/socket/socket.h"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "parley/socket/create.h"
#include "parley/socket/many_signals_fixture.h"
#include "parley/socket/select.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

std::string error_of(auto&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

struct Connection {
  Connection() : server(create_server({"127.0.0.1", 0})), client(create_connection(server.getsockname())) {
    auto [accepted, address] = server.accept();
    peer = std::move(accepted);
    client_address = address;
  }
  Socket server, client, peer;
  Address client_address;
};

bool closes_on_exec(const Socket& socket) {
  return (fcntl(socket.fileno(), F_GETFD) & FD_CLOEXEC) != 0;
}

bool has_nonblocking_flag(const Socket& socket) {
  return (fcntl(socket.fileno(), F_GETFL) & O_NONBLOCK) != 0;
}

// A name that no other run has.
Address own_name(const char* what) {
  return Address::abstract(concat("parley-test-", what, '-', getpid()));
}

TEST(Socket, CarriesAConversation) {
  Connection c;
  c.client.sendall("hello");
  EXPECT_EQ(c.peer.recv(2), "he");
  EXPECT_EQ(c.peer.recv(100), "llo");
  c.peer.sendall(std::string(40'000, 'y'));
  std::string all;
  while (all.size() < 40'000) all += c.client.recv(30'000);
  EXPECT_EQ(all, std::string(40'000, 'y'));
  c.client.close();
  EXPECT_EQ(c.peer.recv(100), "");
}

TEST(Socket, ReceivesIntoOnesOwnMemory) {
  Connection c;
  c.client.sendall("hello");
  char memory[3] = {};
  EXPECT_EQ(c.peer.recv_into(memory), 3U);
  EXPECT_EQ(std::string(memory, 3), "hel");
}

TEST(Socket, KnowsBothAddresses) {
  const Connection c;
  EXPECT_EQ(c.client.getpeername(), c.server.getsockname());
  EXPECT_EQ(c.peer.getpeername(), c.client.getsockname());
  EXPECT_EQ(c.client_address, c.client.getsockname());
  EXPECT_EQ(c.client_address.host(), "127.0.0.1");
  EXPECT_EQ(Socket().getsockname(), Address("0.0.0.0", 0));
}

TEST(Socket, TheTutorialsServerIsBoundAndListens) {
  Socket server(Family::inet, Type::stream);
  server.setsockopt(options::reuse_addr, true);
  server.bind({"", 0});
  server.listen(5);
  EXPECT_EQ(server.getsockname().host(), "0.0.0.0");
  EXPECT_NE(server.getsockname().port(), 0);
  Socket client;
  client.connect({"localhost", server.getsockname().port()});
  auto [peer, address] = server.accept();
  EXPECT_EQ(address, client.getsockname());
}

TEST(Socket, AnErrorNamesOperationEndpointAndReason) {
  const Socket taken = create_server({"127.0.0.1", 0});
  const Address address = taken.getsockname();
  Socket socket;
  EXPECT_EQ(error_of([&] { socket.bind(address); }), concat("bind ", address, ": Address already in use"));

  Socket silent;  // bound, and not listening: its port refuses
  silent.bind({"127.0.0.1", 0});
  const Address nobody = silent.getsockname();
  EXPECT_EQ(error_of([&] { socket.connect(nobody); }), concat("connect ", nobody, ": Connection refused"));
  EXPECT_EQ(error_of([&] { Socket().connect({"localhost", nobody.port()}); }),
            concat("connect localhost:", nobody.port(), ": Connection refused"));
  EXPECT_EQ(Socket().connect_ex(nobody), std::errc::connection_refused);
  EXPECT_EQ(Socket().connect_ex(address), std::error_code());
  EXPECT_EQ(error_of([] { Socket().getpeername(); }), "getpeername: Transport endpoint is not connected");
  EXPECT_EQ(error_of([] { Socket().bind({"192.0.2.1", 4000}); }),
            "bind 192.0.2.1:4000: Cannot assign requested address (no interface here has this address)");
}

TEST(Socket, AClosedOneSaysSo) {
  auto [a, b] = socketpair();
  a.close();
  a.close();
  EXPECT_EQ(a.fileno(), -1);
  EXPECT_EQ(error_of([&] { a.recv(1); }), "recv: Bad file descriptor (the socket is closed)");
  EXPECT_EQ(b.recv(1), "");
}

TEST(Socket, AClosedOneSaysWhatWasCalled) {
  Socket socket;
  socket.close();
  const std::string closed = ": Bad file descriptor (the socket is closed)";
  EXPECT_EQ(error_of([&] { socket.setblocking(false); }), "setblocking" + closed);
  EXPECT_EQ(error_of([&] { socket.settimeout(1s); }), "settimeout" + closed);
  EXPECT_EQ(error_of([&] { socket.bind({"127.0.0.1", 80}); }), "bind 127.0.0.1:80" + closed);
  EXPECT_EQ(error_of([&] { socket.connect({"127.0.0.1", 80}); }), "connect 127.0.0.1:80" + closed);
}

// It would look as if they had to do with the trouble.
TEST(Socket, ItsOwnAddressIsNoPeers) {
  Socket udp(Family::inet, Type::datagram);
  udp.bind({"127.0.0.1", 0});
  udp.setblocking(false);
  Socket server = create_server({"127.0.0.1", 0});
  server.settimeout(1ms);
  EXPECT_EQ(error_of([&] { udp.recvfrom(1); }),
            concat("recvfrom at ", udp.getsockname(), ": Resource temporarily unavailable"));
  EXPECT_EQ(error_of([&] { server.accept(); }),
            concat("accept at ", server.getsockname(), ": timed out after 0.001 s"));
  EXPECT_EQ(error_of([&] { server.getpeername(); }),
            concat("getpeername at ", server.getsockname(), ": Transport endpoint is not connected"));
}

TEST(Socket, WrongAddressesAreRefusedBeforeAnySystemCall) {
  Socket socket;
  EXPECT_THROW(socket.bind({"127.0.0.1", 70000}), AddressError);
  EXPECT_THROW(socket.connect({"localhost", 70000}), AddressError);
  EXPECT_EQ(error_of([&] { socket.bind({"::1", 80}); }),
            "[::1]:80 is an address of family inet6, the socket's family is inet");
  EXPECT_THROW(socket.connect({"::1", 80}), AddressError);
  EXPECT_THROW(socket.connect_ex({"::1", 80}), AddressError);
  EXPECT_THROW(socket.sendto("x", Address::local("/x")), AddressError);
}

TEST(Socket, ATimeoutIsItsOwnError) {
  Connection c;
  c.peer.settimeout(20ms);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(error_of([&] { c.peer.recv(1); }), concat("recv ", c.client_address, ": timed out after 0.02 s"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  c.server.settimeout(1ms);
  EXPECT_THROW(c.server.accept(), Timeout);
  EXPECT_THROW(c.peer.recvfrom(1), SocketError);
  c.client.sendall("x");
  c.peer.settimeout(5s);
  EXPECT_EQ(c.peer.recv(1), "x");
}

TEST(Socket, SignalsNeitherShortenNorLengthenADeadline) {
  Connection c;
  Socket udp(Family::inet, Type::datagram);
  udp.bind({"127.0.0.1", 0});
  c.client.setsockopt(options::send_buffer, 10'000);
  const std::string much(20'000'000, 'x');
  for (Socket* socket : {&c.server, &c.client, &c.peer, &udp}) socket->settimeout(50ms);
  const std::function<void()> calls[] = {[&] { c.peer.recv(1); }, [&] { udp.recvfrom(1); },
                                         [&] { c.peer.recvmsg(1); }, [&] { c.server.accept(); },
                                         [&] { c.client.sendall(much); }};
  for (const auto& call : calls) {
    const ManySignals signals;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(call(), Timeout);
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_GE(took, 50ms);
    EXPECT_LT(took, 2s);
    EXPECT_GE(ManySignals::count, 1);  // those that came while it did not run are one
  }
}

TEST(Socket, SignalsDoNotDisturbABlockingCall) {
  Connection c;
  const ManySignals signals;
  std::thread later([&] {
    EXPECT_EQ(select({c.client}, {}, {}, 20ms).read.size(), 0U);
    c.client.sendall("x");
  });
  EXPECT_EQ(c.peer.recv(1), "x");
  later.join();
}

TEST(Socket, ANonBlockingOneSaysThatItWouldHaveToWait) {
  Connection c;
  c.peer.setblocking(false);
  c.server.setblocking(false);
  EXPECT_FALSE(c.peer.getblocking());
  EXPECT_EQ(error_of([&] { c.peer.recv(1); }),
            concat("recv ", c.client_address, ": Resource temporarily unavailable"));
  EXPECT_THROW(c.peer.recv(1), WouldBlock);
  EXPECT_THROW(c.server.accept(), WouldBlock);
  const std::string much(1'000'000, 'x');
  EXPECT_THROW(for (int i = 0; i < 100; ++i) c.peer.send(much), WouldBlock);
  c.peer.setblocking(true);
  EXPECT_TRUE(c.peer.getblocking());
  EXPECT_FALSE(has_nonblocking_flag(c.peer));
}

TEST(Socket, ANonBlockingConnectGoesOnByItself) {
  const Socket server = create_server({"127.0.0.1", 0});
  Socket client;
  client.setblocking(false);
  EXPECT_THROW(client.connect(server.getsockname()), WouldBlock);
  EXPECT_EQ(select({}, {client}, {}, 5s).write.size(), 1U);
  EXPECT_EQ(client.getsockopt(options::error), std::error_code());
  EXPECT_EQ(client.getpeername(), server.getsockname());

  Socket silent, refused;
  silent.bind({"127.0.0.1", 0});
  refused.setblocking(false);
  EXPECT_EQ(refused.connect_ex(silent.getsockname()), std::errc::operation_in_progress);
  EXPECT_EQ(select({}, {refused}, {}, 5s).write.size(), 1U);
  EXPECT_EQ(refused.getsockopt(options::error), std::errc::connection_refused);
}

TEST(Socket, ConnectsWithATimeout) {
  const Socket server = create_server({"127.0.0.1", 0});
  Socket client;
  client.settimeout(5s);
  client.connect(server.getsockname());
  EXPECT_EQ(client.getpeername(), server.getsockname());
  Socket silent, refused;
  silent.bind({"127.0.0.1", 0});
  refused.settimeout(5s);
  EXPECT_EQ(refused.connect_ex(silent.getsockname()), std::errc::connection_refused);
}

TEST(Socket, TheTimeoutCanBeReadAndChanged) {
  Socket socket;
  EXPECT_EQ(socket.gettimeout(), std::nullopt);
  socket.settimeout(1500ms);
  EXPECT_EQ(socket.gettimeout(), 1500ms);
  EXPECT_TRUE(socket.getblocking());
  socket.setblocking(false);
  EXPECT_EQ(socket.gettimeout(), 0s);
  socket.settimeout(std::nullopt);
  EXPECT_FALSE(has_nonblocking_flag(socket));
  EXPECT_THROW(socket.settimeout(-1s), std::invalid_argument);
  socket.settimeout(Duration::max());
  EXPECT_EQ(Socket(Socket()).gettimeout(), std::nullopt);
}

TEST(Socket, AnAcceptedOneBlocksWhateverItsListenerDoes) {
  Socket server = create_server({"127.0.0.1", 0});
  server.settimeout(5s);
  const Socket client = create_connection(server.getsockname());
  const auto [peer, address] = server.accept();
  EXPECT_EQ(peer.gettimeout(), std::nullopt);
  EXPECT_FALSE(has_nonblocking_flag(peer));
}

TEST(Socket, SendallSendsEverything) {
  Connection c;
  std::string data(8'000'000, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 23);
  for (const std::optional<Duration> timeout : {std::optional<Duration>(), std::optional<Duration>(20s)}) {
    c.client.settimeout(timeout);
    std::thread sender([&] { c.client.sendall(data); });
    std::string all;
    while (all.size() < data.size()) all += c.peer.recv(100'000);
    sender.join();
    EXPECT_TRUE(all == data);
  }
}

TEST(Socket, SendallHasOneDeadlineForTheWhole) {
  Connection c;
  c.client.setsockopt(options::send_buffer, 10'000);
  c.client.settimeout(60ms);
  auto [stop, stopped] = socketpair();
  std::thread reader([&peer = c.peer, &until = stopped] {  // always some progress, never enough of it
    while (select({until}, {}, {}, 2ms).read.empty()) peer.recv(20'000);
  });
  const std::string data(50'000'000, 'x');
  EXPECT_EQ(error_of([&] { c.client.sendall(data); }),
            concat("sendall ", c.server.getsockname(),
                   ": timed out after 0.06 s (how much of the 50000000 bytes was sent is unknown)"));
  stop.close();
  c.client.close();  // the reader may be waiting for more
  reader.join();
}

TEST(Socket, SendingToWhoIsGoneIsAnErrorAndNoSignal) {
  Connection c;
  c.client.setsockopt(options::linger, 0s);
  c.client.close();  // a reset
  EXPECT_EQ(error_of([&] { c.peer.recv(1); }),
            concat("recv ", c.client_address, ": Connection reset by peer"));
  EXPECT_EQ(error_of([&] { c.peer.send("x"); }), concat("send ", c.client_address, ": Broken pipe"));
  EXPECT_THROW(c.peer.sendall("x"), SocketError);
}

TEST(Socket, ShutsDownEachDirectionByItself) {
  Connection c;
  c.client.shutdown(Shutdown::write);
  EXPECT_EQ(c.peer.recv(1), "");
  c.peer.sendall("still here");
  EXPECT_EQ(c.client.recv(100), "still here");
  c.peer.shutdown(Shutdown::both);
  EXPECT_EQ(c.client.recv(100), "");
}

TEST(Socket, IsNotInheritedByProgramsThatAreStarted) {
  const Connection c;
  const auto [a, b] = socketpair();
  for (const Socket* socket : {&c.server, &c.client, &c.peer, &a, &b}) EXPECT_TRUE(closes_on_exec(*socket));
  EXPECT_TRUE(closes_on_exec(a.dup()));
  EXPECT_TRUE(closes_on_exec(fromfd(a.fileno())));
}

TEST(Socket, DetachesDuplicatesAndMoves) {
  auto [a, b] = socketpair();
  a.settimeout(3s);
  Socket copy = a.dup();
  EXPECT_NE(copy.fileno(), a.fileno());
  EXPECT_EQ(copy.gettimeout(), 3s);
  const int descriptor = a.detach();
  EXPECT_EQ(a.fileno(), -1);
  Socket again = Socket::adopt(descriptor);
  EXPECT_EQ(again.fileno(), descriptor);
  copy.close();
  again.sendall("x");
  EXPECT_EQ(b.recv(1), "x");
  {
    const Socket moved = std::move(again);
  }
  EXPECT_EQ(b.recv(1), "");
}

TEST(Socket, AdoptsWhatASocketIs) {
  Socket udp(Family::inet6, Type::datagram);
  udp.setblocking(false);
  const Socket copy = fromfd(udp.fileno());
  EXPECT_EQ(copy.family(), Family::inet6);
  EXPECT_EQ(copy.type(), Type::datagram);
  EXPECT_EQ(copy.proto(), 17);
  EXPECT_FALSE(copy.getblocking());

  const Descriptor file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(error_of([&] { Socket::adopt(file.get()); }),
            concat("adopt descriptor ", file.get(), ": Socket operation on non-socket"));
  EXPECT_GE(fcntl(file.get(), F_GETFD), 0);  // still open, still its owner's
}

TEST(Socket, CarriesDatagrams) {
  Socket a(Family::inet, Type::datagram), b(Family::inet, Type::datagram);
  a.bind({"127.0.0.1", 0});
  b.bind({"127.0.0.1", 0});
  EXPECT_EQ(b.sendto("one", a.getsockname()), 3U);
  EXPECT_EQ(b.sendto("", a.getsockname()), 0U);
  EXPECT_EQ(b.sendto("three", a.getsockname()), 5U);
  EXPECT_EQ(a.recvfrom(100), std::pair(std::string("one"), b.getsockname()));
  EXPECT_EQ(a.recvfrom(100), std::pair(std::string(), b.getsockname()));
  char memory[3];
  EXPECT_EQ(a.recvfrom_into(memory), std::pair(std::size_t{3}, b.getsockname()));  // the rest is lost
  a.connect(b.getsockname());
  a.send("back");
  EXPECT_EQ(b.recv(100), "back");
  EXPECT_EQ(error_of([&] { b.sendto(std::string(70'000, 'x'), a.getsockname()); }),
            concat("sendto ", a.getsockname(), ": Message too long"));
}

TEST(Socket, ADualStackSocketKnowsIPv4PeersAsSuch) {
  Socket six(Family::inet6, Type::datagram), four(Family::inet, Type::datagram);
  six.setsockopt(options::v6_only, false);
  six.bind({"", 0});
  four.bind({"127.0.0.1", 0});
  four.sendto("x", {"127.0.0.1", six.getsockname().port()});
  const auto [data, sender] = six.recvfrom(10);
  EXPECT_EQ(sender, four.getsockname());
  six.sendto("y", sender);  // back to where it came from
  EXPECT_EQ(four.recv(10), "y");
}

TEST(Socket, CarriesLocalConversations) {
  const std::string path = testing::TempDir() + concat("parley-", getpid(), ".sock");
  const std::unique_ptr<const char, void (*)(const char*)> gone(path.c_str(),
                                                                [](const char* p) { ::unlink(p); });
  EXPECT_EQ(error_of([&] { Socket(Family::local).connect(Address::local(path)); }),
            "connect " + path + ": No such file or directory");
  {
    Socket server(Family::local);
    server.bind(Address::local(path));
    server.listen();
    EXPECT_EQ(server.getsockname(), Address::local(path));
    Socket client(Family::local), named(Family::local);
    client.connect(server.getsockname());
    named.bind(own_name("client"));
    named.connect(Address::local(path));
    auto [first, unnamed] = server.accept();
    EXPECT_EQ(unnamed, Address::local_peer(0));
    auto [second, name] = server.accept();
    EXPECT_EQ(name, own_name("client"));
    first.sendall("x");
    EXPECT_EQ(client.recv(1), "x");
    EXPECT_EQ(error_of([&] { Socket(Family::local).bind(Address::local(path)); }),
              "bind " + path + ": Address already in use (is it running already?)");
  }
  EXPECT_EQ(error_of([&] { Socket(Family::local).bind(Address::local(path)); }),
            "bind " + path + ": Address already in use (a socket file that is left over has to be removed)");
  EXPECT_EQ(error_of([&] { Socket(Family::local).connect(Address::local(path)); }),
            "connect " + path + ": Connection refused (the socket file is there, but nobody listens on it)");
}

TEST(Socket, TakesTheLongestPathThatAnAddressMayHave) {
  Socket server(Family::local);
  const Address longest = Address::abstract(own_name("long").path().substr(1) + std::string(70, 'x'));
  server.bind(longest);
  EXPECT_EQ(server.getsockname(), longest);
}

TEST(Socket, ALocalConnectToAFullQueueKeepsItsDeadline) {
  Socket server(Family::local);
  server.bind(own_name("full"));
  server.listen(0);
  std::vector<Socket> clients;
  const auto connect_all = [&] {
    for (int i = 0; i < 10; ++i) {
      clients.emplace_back(Family::local);
      clients.back().settimeout(30ms);
      clients.back().connect(server.getsockname());
    }
  };
  for (const bool disturbed : {false, true}) {
    const auto signals = disturbed ? std::make_unique<ManySignals>() : nullptr;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(connect_all(), Timeout);
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_GE(took, 30ms);
    EXPECT_LT(took, 5s);
  }
  EXPECT_TRUE(has_nonblocking_flag(clients.back()));
  clients.back().setblocking(false);
  EXPECT_EQ(clients.back().connect_ex(server.getsockname()), std::errc::resource_unavailable_try_again);
}

}  // namespace
}  // namespace parley
