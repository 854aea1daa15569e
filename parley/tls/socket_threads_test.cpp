// Sockets over TLS that wait for each other, each on a thread of its own.

#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>

#include "parley/socket/file.h"
#include "parley/tls/sockets_fixture.h"

namespace parley::tls {
namespace {

using namespace std::chrono_literals;

// Over loopback, where the kernel holds less than over a socketpair, and cuts otherwise.
std::pair<Socket, Socket> loopback_pair() {
  Socket listener;
  listener.bind({"127.0.0.1", 0});
  listener.listen();
  Socket client = create_connection(listener.getsockname(), patience);
  Socket server = std::move(listener.accept().first);
  server.settimeout(patience);
  return {std::move(client), std::move(server)};
}

class TlsSocketThreads : public testing::TestWithParam<bool> {
 protected:
  std::pair<Socket, Socket> pair() const { return GetParam() ? loopback_pair() : plain_pair(); }

  Contexts contexts;
};
std::string name_of(const testing::TestParamInfo<bool>& over) {
  return over.param ? "loopback" : "socketpair";
}
INSTANTIATE_TEST_SUITE_P(Over, TlsSocketThreads, testing::Bool(), name_of);

// The kernel is full when the socket is closed: close_notify, and what is left before it, wait for room.
TEST_P(TlsSocketThreads, WhatWasSentBeforeClosingEndsInOrder) {
  Ends ends(contexts, pair());
  ends.client.setblocking(false);
  const std::string text = some_text(64 * 1024);
  try {
    for (;;) ends.client.sendall(text);
  } catch (const WouldBlock&) {
  }
  ends.client.settimeout(patience);
  auto closed = std::async(std::launch::async, [&] { ends.client.close(); });
  closed.wait_for(50ms);  // there is no room so long
  EXPECT_GT(receive_all(ends.server).size(), 0U);
}

// Tickets that nobody has received would have the kernel reset the connection, and drop what is under way.
TEST_P(TlsSocketThreads, WhatWasSentBeforeShutdownAndCloseArrives) {
  Ends ends(contexts, pair());
  ends.client.setblocking(false);
  const std::string text = some_text(64 * 1024);
  std::size_t sent = 0;
  try {
    for (;;) sent += ends.client.send(text);
  } catch (const WouldBlock&) {
  }
  ends.client.settimeout(patience);
  auto closed = std::async(std::launch::async, [&] {
    ends.client.shutdown(Shutdown::write);
    ends.client.close();
  });
  closed.wait_for(50ms);  // there is no room so long
  EXPECT_GE(receive_all(ends.server).size(), sent);
}

TEST_P(TlsSocketThreads, EachSizeComesBack) {
  auto [one, other] = pair();
  std::thread echo([&, plain = std::move(other)]() mutable {
    TlsSocket server = contexts.server.wrap_socket(std::move(plain));
    for (std::string data = server.recv(64 * 1024); !data.empty(); data = server.recv(64 * 1024)) {
      server.sendall(data);
    }
  });
  TlsSocket client = contexts.client.wrap_socket(std::move(one), "localhost");
  for (const std::size_t size : {1U, 16U * 1024U, 16U * 1024U + 1U, 100'000U}) {
    const std::string text = some_text(size);
    client.sendall(text);
    EXPECT_TRUE(client.makefile().read(size) == text) << size;
  }
  client.close();
  echo.join();
}

// More than the kernel holds, both ways at once: each end sends on one thread and receives on another.
TEST_P(TlsSocketThreads, OneThreadReceivesWhileAnotherSends) {
  Ends ends(contexts, pair());
  const std::string text = some_text(4 * 1024 * 1024);
  const auto send = [&](Socket& socket) {
    std::string_view rest = text;
    for (std::size_t size = 1; !rest.empty(); size = size * 3 % 100'003) {
      socket.sendall(rest.substr(0, size));
      rest.remove_prefix(std::min(size, rest.size()));
    }
    socket.shutdown(Shutdown::write);
  };
  std::thread client_sends(send, std::ref<Socket>(ends.client));
  std::thread server_sends(send, std::ref<Socket>(ends.server));
  auto server_has = std::async(std::launch::async, [&] { return receive_all(ends.server); });
  const std::string client_has = receive_all(ends.client);
  EXPECT_TRUE(client_has == text) << client_has.size();
  EXPECT_TRUE(server_has.get() == text);
  client_sends.join();
  server_sends.join();
}

// A receiver that waits holds nothing that a sender needs.
TEST_P(TlsSocketThreads, SendingGoesOnWhileNothingComes) {
  Ends ends(contexts, pair());
  std::promise<void> began;
  auto received = std::async(std::launch::async, [&] {
    began.set_value();
    return ends.client.recv(100);
  });
  began.get_future().wait();
  for (int i = 0; i < 100; ++i) {
    ends.client.sendall("question");
    EXPECT_EQ(ends.server.makefile({.read_buffer = 0}).read(8), "question");
  }
  ends.server.sendall("answer");
  EXPECT_EQ(received.get(), "answer");
}

TEST_P(TlsSocketThreads, APeerThatSaysNothingIsTooLate) {
  auto [one, other] = pair();
  other.settimeout(20ms);
  EXPECT_THROW(contexts.server.wrap_socket(std::move(other)), Timeout);
}

// Each of its pieces comes within the timeout, and all of them do not.
TEST_P(TlsSocketThreads, ATimeoutIsOfTheWholeHandshake) {
  auto [one, other] = pair();
  auto [hello_end, hello_wire] = plain_pair();
  TlsSocket client =
      contexts.client.wrap_socket(std::move(hello_end), "localhost", {.do_handshake_on_connect = false});
  client.setblocking(false);
  EXPECT_THROW(client.do_handshake(), WouldBlock);
  const std::string hello = hello_wire.recv(10'000);
  std::atomic<std::size_t> piece = 0;
  std::thread slow([&] {
    try {
      for (; piece + 1 < hello.size(); ++piece) {
        one.sendall(hello.substr(piece, 1));
        std::this_thread::sleep_for(20ms);  // the peer has real time too
      }
    } catch (const SocketError&) {  // it has ended
    }
  });
  other.settimeout(200ms);
  EXPECT_THROW(contexts.server.wrap_socket(std::move(other)), Timeout);
  EXPECT_LT(piece + 1, hello.size());  // a time for each piece would have gone on to the last
  slow.join();
}

TEST_P(TlsSocketThreads, ATimeoutOfRecvLosesNothing) {
  Ends ends(contexts, pair());
  ends.server.settimeout(20ms);
  EXPECT_THROW(ends.server.recv(100), Timeout);
  EXPECT_THROW(ends.server.recv(100), Timeout);
  ends.client.sendall("late");
  ends.server.settimeout(patience);
  EXPECT_EQ(ends.server.recv(100), "late");
}

TEST_P(TlsSocketThreads, ATimeoutOfSendallIsForAllOfIt) {
  Ends ends(contexts, pair());
  ends.client.settimeout(50ms);
  EXPECT_THROW(ends.client.sendall(some_text(16 * 1024 * 1024)), Timeout);
}

TEST_P(TlsSocketThreads, BothUnwrapAndGoOnInClear) {
  auto [one, other] = pair();
  std::thread peer([&, plain = std::move(other)]() mutable {
    TlsSocket server = contexts.server.wrap_socket(std::move(plain));
    EXPECT_EQ(server.recv(100), "hello");
    Socket clear = server.unwrap();
    clear.sendall("in clear");
    EXPECT_EQ(clear.makefile().read(3), "too");
  });
  TlsSocket client = contexts.client.wrap_socket(std::move(one), "localhost");
  client.sendall("hello");
  Socket clear = client.unwrap();
  EXPECT_EQ(clear.makefile({.read_buffer = 0}).read(8), "in clear");
  clear.sendall("too");
  peer.join();
}

}  // namespace
}  // namespace parley::tls
