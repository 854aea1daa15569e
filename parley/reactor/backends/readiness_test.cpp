// The back end of readiness by itself: connecting, files, datagrams.

#include "parley/reactor/backends/readiness.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "parley/base/print.h"
#include "parley/reactor/backends/sending_file.h"
#include "parley/socket/create.h"
#include "parley/socket/options.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

// Notes what it is told.
class Noting : public Backend::Upcalls {
 public:
  void on_connected(StreamSlot&) override { note("connected"); }
  void on_received(StreamSlot&, std::span<char> lent) override { note({lent.data(), lent.size()}); }
  void on_end(StreamSlot&) override { note("end"); }
  void on_written(StreamSlot&, std::size_t) override { note("written"); }
  void on_all_written() override {}
  void on_failed(StreamSlot&, std::error_code error) override {
    failure = error;
    note("failed");
  }
  void on_closed(StreamSlot&) override { note("closed"); }
  void on_detached(StreamSlot&, Handle, std::span<const char>) override {}
  void on_accepted(ListenerSlot&, Handle, const CompactAddress&) override {}
  void on_accept_failed(ListenerSlot&, std::error_code) override {}
  void on_datagrams(DatagramSlot&, std::span<Received> lent) override {
    EXPECT_FALSE(lent.empty());
    for (const Received& each : lent) {
      note(each.whole ? std::string_view(each.bytes.data(), each.bytes.size()) : "a part");
      peers.push_back(each.peer);
      asked.push_back(each.asked);
    }
  }
  void on_sent(DatagramSlot&, std::size_t count, std::error_code error) override {
    EXPECT_EQ(count, 0U);
    EXPECT_FALSE(error);
    note("sent");
  }
  void on_datagram_error(DatagramSlot&, std::error_code error) override {
    failure = error;
    note("error");
  }
  void on_closed(DatagramSlot&) override { note("closed"); }
  void on_ready(WatchSlot&, Interest) override {}
  void on_woken() override { note("woken"); }

  void note(std::string_view what) {
    EXPECT_TRUE(in_turn) << what;
    told.emplace_back(what);
    if (then) then(what);
  }

  bool in_turn = false;
  std::function<void(std::string_view)> then;
  std::vector<std::string> told;
  std::vector<Address> peers;
  std::vector<Address> asked;
  std::error_code failure;
};

using Told = std::vector<std::string>;

class ReadinessTest : public testing::TestWithParam<PollerKind> {
 protected:
  void turn() {
    up.in_turn = true;
    backend.turn(SystemClock().now() + 10ms);
    up.in_turn = false;
  }
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      turn();
    }
    return true;
  }
  bool until_told(std::string_view what) {
    return until([&] { return !up.told.empty() && up.told.back() == what; });
  }
  std::string path(std::string_view name) {
    return testing::TempDir() + concat("parley_readiness_", ::getpid(), "_", name);
  }

  Noting up;
  Limits limits;
  SystemClock clock;
  ReadinessBackend backend{{.up = up, .limits = limits, .clock = clock}, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Over, ReadinessTest,
                         testing::Values(PollerKind::epoll, PollerKind::poll, PollerKind::select),
                         [](const auto& kind) {
                           return kind.param == PollerKind::epoll  ? "epoll"
                                  : kind.param == PollerKind::poll ? "poll"
                                                                   : "select";
                         });

Socket listening(const Address& at = Address("127.0.0.1", 0)) {
  Socket socket(at.family());
  socket.settimeout(10s);
  socket.bind(at);
  socket.listen(16);
  return socket;
}

// Connecting.

TEST_P(ReadinessTest, ConnectsAndIsNotReadUntilThen) {
  Socket server = listening();
  StreamSlot slot;
  backend.connect(slot, server.getsockname(), {});
  EXPECT_TRUE(up.told.empty());
  ASSERT_TRUE(until_told("connected"));
  auto [peer, from] = server.accept();
  EXPECT_EQ(backend.host(slot), from);
  peer.sendall("hello");
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(up.told, Told{"connected"});
  backend.set_reading(slot, true);
  ASSERT_TRUE(until_told("hello"));
  backend.close(slot, false);
  ASSERT_TRUE(until_told("closed"));
  EXPECT_EQ(up.told, (Told{"connected", "hello", "closed"}));
}

TEST_P(ReadinessTest, WhatFailsAtOnceIsToldInATurn) {
  const auto failure_of = [&](const Address& to, const ConnectOptions& options) {
    up.told.clear();
    StreamSlot slot;
    backend.connect(slot, to, options);
    EXPECT_TRUE(up.told.empty());
    EXPECT_TRUE(until_told("failed"));
    backend.close(slot, false);
    EXPECT_TRUE(until_told("closed"));
    EXPECT_EQ(up.told, (Told{"failed", "closed"}));
    return up.failure;
  };
  ConnectOptions other_family;
  other_family.source = Address("::1", 0);
  EXPECT_EQ(failure_of({"127.0.0.1", 9}, other_family), std::errc::address_family_not_supported);
  EXPECT_EQ(failure_of(Address::local(path("nobody")), {}), std::errc::no_such_file_or_directory);
  EXPECT_EQ(failure_of(Address::local_peer(3), {}), std::errc::invalid_argument);
  const Address gone = listening().getsockname();
  EXPECT_EQ(failure_of(gone, {}), std::errc::connection_refused);
  ConnectOptions own;
  own.source = gone;
  EXPECT_EQ(failure_of(gone, own), std::errc::connection_refused) << "connected to itself";
}

TEST_P(ReadinessTest, AFullLocalQueueSaysTryAgain) {
  Socket server = listening(Address::abstract(path("full")));
  server.listen(0);
  Socket first(Family::local);
  first.connect(server.getsockname());
  StreamSlot slot;
  backend.connect(slot, server.getsockname(), {});
  ASSERT_TRUE(until_told("failed"));
  EXPECT_EQ(up.failure, std::errc::resource_unavailable_try_again);
  backend.close(slot, false);
}

TEST_P(ReadinessTest, GivenUpNothingIsToldButThat) {
  Socket local = listening(Address::abstract(path("server")));
  const Address nobody = listening().getsockname();
  std::array<StreamSlot, 3> slots;
  backend.connect(slots[0], local.getsockname(), {});     // connected at once
  backend.connect(slots[1], nobody, {});                  // under way, or refused
  backend.connect(slots[2], Address::local_peer(1), {});  // failed at once
  for (StreamSlot& slot : slots) backend.close(slot, false);
  ASSERT_TRUE(until([&] { return up.told.size() == 3; }));
  EXPECT_EQ(up.told, (Told{"closed", "closed", "closed"}));
}

TEST_P(ReadinessTest, NobodyWaitsAfterBeingTold) {
  Socket local = listening(Address::abstract(path("server")));
  StreamSlot slot;
  backend.connect(slot, local.getsockname(), {});
  up.in_turn = true;
  const auto begin = std::chrono::steady_clock::now();
  backend.turn(clock.now() + 20s);  // whoever is told may have something to do
  up.in_turn = false;
  EXPECT_EQ(up.told, Told{"connected"});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  backend.close(slot, false);
}

TEST_P(ReadinessTest, APathToConnectFromGoesWithItsConnection) {
  Socket local = listening(Address::abstract(path("server")));
  ConnectOptions options;
  options.source = Address::local(path("client"));
  StreamSlot slot;
  backend.connect(slot, local.getsockname(), options);
  ASSERT_TRUE(until_told("connected"));
  EXPECT_EQ(local.accept().second, *options.source);
  EXPECT_EQ(::access(path("client").c_str(), F_OK), 0);
  backend.close(slot, false);
  EXPECT_NE(::access(path("client").c_str(), F_OK), 0);
}

// Files.

class ReadinessFiles : public ReadinessTest {
 protected:
  ReadinessFiles() {
    EXPECT_NE(file_, nullptr);
    for (int i = 0; content.size() < 3'000'000; ++i) content += concat(i, ' ');
    std::fwrite(content.data(), 1, content.size(), file_);
    std::fflush(file_);
    backend.connect(slot, server.getsockname(), {});
    EXPECT_TRUE(until_told("connected"));
    peer = server.accept().first;
    peer.settimeout(10s);
  }
  ~ReadinessFiles() override { std::fclose(file_); }
  Handle file() const { return Handle{::fileno(file_)}; }
  // Sends it, as far as it goes, while the peer reads.
  std::string sent(std::uint64_t offset, std::size_t count) {
    std::string got;
    std::size_t taken = backend.start_send_file(slot, file(), offset, count).taken;
    while (got.size() < count && !up.failure) {
      got += peer.recv(1 << 20);
      if (taken == count) continue;
      up.told.clear();
      EXPECT_TRUE(until([&] { return !up.told.empty(); }));
      if (up.told.back() != "written") break;
      taken += backend.start_send_file(slot, file(), offset + taken, count - taken).taken;
    }
    return got;
  }

  std::FILE* file_ = std::tmpfile();
  std::string content;
  Socket server = listening();
  StreamSlot slot;
  Socket peer{Family::inet};
};
INSTANTIATE_TEST_SUITE_P(Over, ReadinessFiles,
                         testing::Values(PollerKind::epoll, PollerKind::poll, PollerKind::select));

TEST_P(ReadinessFiles, AreSentInPiecesOfATurnAtMost) {
  EXPECT_EQ(sent(0, 100), content.substr(0, 100));
  EXPECT_TRUE(sent(1000, 2'500'000) == content.substr(1000, 2'500'000));
  EXPECT_LE(backend.start_send_file(slot, file(), 0, content.size()).taken, limits.turn_bytes);
  backend.close(slot, true);
}

TEST_P(ReadinessFiles, OneThatIsShorterFails) {
  const std::size_t size = content.size();
  EXPECT_EQ(backend.start_send_file(slot, file(), size - 10, 20).taken, 10U);
  ASSERT_TRUE(until_told("failed"));
  EXPECT_EQ(up.failure, std::errc::io_error);
  EXPECT_EQ(peer.recv(100), content.substr(size - 10));
  backend.close(slot, false);
}

TEST_P(ReadinessFiles, APeerThatIsGoneIsAFailure) {
  peer.setsockopt(options::linger, std::chrono::seconds(0));
  peer.close();
  for (int i = 0; i < 1000 && !up.failure; ++i) {
    (void)backend.start_send_file(slot, file(), 0, 1000);
    turn();
  }
  EXPECT_TRUE(up.failure);
  EXPECT_EQ(backend.start_send_file(slot, file(), 0, 1000).taken, 0U);
  backend.close(slot, false);
}

TEST(SendingFiles, NoSignalComesOfThem) {
  auto [one, other] = socketpair();
  other.close();
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  std::fputs("words", file);
  std::fflush(file);
  EXPECT_EQ(send_file(one.fileno(), ::fileno(file), 0, 5).error, std::errc::broken_pipe);
  std::fclose(file);
}

// Datagrams.

TEST_P(ReadinessTest, DatagramsComeOnceTheyAreWanted) {
  DatagramSlot slot;
  const Address at = backend.bind(slot, {"127.0.0.1", 0}, {}).value();
  EXPECT_EQ(backend.host(slot), at);
  Socket client(Family::inet, Type::datagram);
  client.bind({"127.0.0.1", 0});
  for (const char* const text : {"one", "", "three"}) client.sendto(text, at);
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_TRUE(up.told.empty());
  backend.set_receiving(slot, true);
  ASSERT_TRUE(until_told("three"));
  EXPECT_EQ(up.told, (Told{"one", "", "three"}));
  EXPECT_EQ(up.peers[0], client.getsockname());
  backend.set_receiving(slot, false);
  client.sendto("four", at);
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(up.told.size(), 3U);
  backend.close(slot);
  ASSERT_TRUE(until_told("closed"));
}

TEST_P(ReadinessTest, NothingComesOnceItIsNotWantedThoughItIsAtHand) {
  std::array<DatagramSlot, 2> slots;
  Socket client(Family::inet, Type::datagram);
  for (DatagramSlot& slot : slots) client.sendto("x", backend.bind(slot, {"127.0.0.1", 0}, {}).value());
  for (DatagramSlot& slot : slots) backend.set_receiving(slot, true);
  up.then = [&](std::string_view) {
    for (DatagramSlot& slot : slots) backend.set_receiving(slot, false);
  };
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(up.told, Told{"x"});
  up.then = nullptr;
  for (DatagramSlot& slot : slots) backend.set_receiving(slot, true);
  ASSERT_TRUE(until([&] { return up.told.size() == 2; }));
  for (DatagramSlot& slot : slots) backend.close(slot);
}

TEST_P(ReadinessTest, ClosedInItsUpcallNothingMoreComes) {
  DatagramSlot slot;
  const Address at = backend.bind(slot, {"127.0.0.1", 0}, {}).value();
  backend.set_receiving(slot, true);
  Socket client(Family::inet, Type::datagram);
  client.sendto("one", at);
  up.then = [&](std::string_view what) {
    if (what == "one") backend.close(slot);
  };
  ASSERT_TRUE(until_told("closed"));
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(up.told, (Told{"one", "closed"}));
}

TEST_P(ReadinessTest, ABatchStopsAtWhatCannotBeSent) {
  DatagramSlot slot;
  ASSERT_TRUE(backend.bind(slot, {"127.0.0.1", 0}, {}).ok());
  Socket client(Family::inet, Type::datagram);
  client.settimeout(10s);
  client.bind({"127.0.0.1", 0});
  const Address to = client.getsockname();
  const Address six("::1", 9);
  const std::string large(70000, 'x');
  const std::array<Outgoing, 3> too_large{{{"one", &to}, {large, &to}, {"three", &to}}};
  Sent sent = backend.start_send(slot, too_large);
  EXPECT_EQ(sent.count, 1U);
  EXPECT_EQ(sent.error, std::errc::message_size);
  const std::array<Outgoing, 2> unfit{{{"two", &to}, {"four", &six}}};
  sent = backend.start_send(slot, unfit);
  EXPECT_EQ(sent.count, 1U);
  EXPECT_EQ(sent.error, std::errc::address_family_not_supported);
  std::vector<std::string> texts;
  std::vector<Outgoing> many;
  texts.reserve(150);
  many.reserve(150);
  for (int i = 0; i < 150; ++i) texts.push_back(concat(i));
  for (const std::string& text : texts) many.push_back({text, &to});
  EXPECT_EQ(backend.start_send(slot, many).count, 150U);
  EXPECT_EQ(client.recv(100), "one");
  EXPECT_EQ(client.recv(100), "two");
  for (const std::string& text : texts) ASSERT_EQ(client.recv(100), text);
  backend.close(slot);
}

TEST_P(ReadinessTest, ARefusalIsToldAndCostsNoLaterDatagram) {
  Socket server(Family::inet, Type::datagram);
  server.bind({"127.0.0.1", 0});
  const Address at = server.getsockname();
  server.close();
  DatagramSlot slot;
  ASSERT_TRUE(backend.bind(slot, {"127.0.0.1", 0}, {}).ok());
  ASSERT_FALSE(backend.connect(slot, at));
  const std::array<Outgoing, 1> one{{{"anybody?"}}};
  EXPECT_EQ(backend.start_send(slot, one).count, 1U);
  Socket late(Family::inet, Type::datagram);
  late.settimeout(10s);
  late.bind(at);
  EXPECT_EQ(backend.start_send(slot, one).count, 1U) << "sending met the refusal of the earlier one";
  EXPECT_EQ(late.recv(100), "anybody?");
  turn();
  EXPECT_EQ(up.told, Told{"error"});
  EXPECT_EQ(up.failure, std::errc::connection_refused);
  backend.close(slot);
}

TEST_P(ReadinessTest, RoomIsToldToWhomItMayBe) {
  Socket slow(Family::local, Type::datagram);
  slow.settimeout(10s);
  slow.bind(Address::abstract(path("slow")));
  const Address to = slow.getsockname();
  DatagramSlot apart;
  DatagramSlot connected;
  ASSERT_TRUE(backend.bind(apart, Address::local_peer(0), {}).ok());
  ASSERT_TRUE(backend.bind(connected, Address::local_peer(0), {}).ok());
  ASSERT_FALSE(backend.connect(connected, to));
  const auto fill = [&](DatagramSlot& slot, const Address* whom) {
    const std::array<Outgoing, 1> one{{{"x", whom}}};
    for (int i = 0; i < 20000; ++i) {
      if (const Sent sent = backend.start_send(slot, one); sent.count == 0) return sent.error;
    }
    return std::error_code();
  };
  EXPECT_EQ(fill(apart, &to), std::errc::operation_would_block);
  for (int i = 0; i < 3; ++i) turn();
  slow.recv(10);
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_TRUE(up.told.empty()) << "nobody tells whoever is not connected";
  EXPECT_EQ(fill(connected, nullptr), std::errc::operation_would_block);
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_TRUE(up.told.empty()) << "there is no room yet";
  for (int i = 0; i < 8; ++i) slow.recv(10);
  ASSERT_TRUE(until_told("sent"));
  EXPECT_EQ(up.told, Told{"sent"}) << "once for each batch";
  backend.close(apart);
  backend.close(connected);
}

TEST_P(ReadinessTest, APathOfDatagramsGoesWithItsSocket) {
  DatagramSlot slot;
  ASSERT_TRUE(backend.bind(slot, Address::local(path("port")), {}).ok());
  EXPECT_EQ(::access(path("port").c_str(), F_OK), 0);
  DatagramSlot another;
  EXPECT_EQ(backend.bind(another, Address::local(path("port")), {}).error(), std::errc::address_in_use);
  backend.close(slot);
  EXPECT_NE(::access(path("port").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace parley
