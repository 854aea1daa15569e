// A layer between a socket's calls and the kernel.

#include "parley/socket/layer.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>

#include "parley/socket/create.h"
#include "parley/socket/file.h"

namespace parley {
namespace {

// Turns each letter into the next on its way out, and back on its way in; sends three at once.
class Shifts final : public SocketLayer {
 public:
  std::size_t receive(const Call& call, std::span<char> memory) override {
    const std::size_t received = call.receive(memory);
    for (char& each : memory.first(received)) --each;
    return received;
  }
  std::size_t send(const Call& call, std::string_view data) override {
    std::string shifted(data.substr(0, 3));
    for (char& each : shifted) ++each;
    std::string_view rest = shifted;
    call.send(rest);
    return shifted.size();
  }
  void shutdown(const Call& call, Shutdown) override { call.send_now("."); }
  std::optional<std::string> last_words() noexcept override { return "!"; }
};

class SocketLayerTest : public testing::Test {
 protected:
  SocketLayerTest() {
    SocketLayer::put(layered, std::make_shared<Shifts>());
    plain.settimeout(std::chrono::seconds(30));
  }

  std::pair<Socket, Socket> ends = socketpair();
  Socket& layered = ends.first;
  Socket& plain = ends.second;
};

TEST_F(SocketLayerTest, EverythingThatIsReceivedAndSentGoesThroughIt) {
  layered.sendall("abcdefg");
  EXPECT_EQ(plain.recv(100), "bcdefgh");
  EXPECT_EQ(layered.send("abcd"), 3U);
  EXPECT_EQ(plain.recv(100), "bcd");
  layered.makefile().write("abcd");
  EXPECT_EQ(plain.recv(100), "bcde");
  plain.sendall("bcd");
  EXPECT_EQ(layered.recv(100), "abc");
  plain.sendall("bcd\x0b");
  EXPECT_EQ(layered.makefile().readline(), "abc\n");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  ASSERT_EQ(::pwrite(fileno(file.get()), "abcde", 5, 0), 5);
  EXPECT_EQ(layered.sendfile(fileno(file.get())), 5U);
  EXPECT_EQ(plain.recv(100), "bcdef");
}

TEST_F(SocketLayerTest, ItHasItsSayBeforeAnEnd) {
  layered.shutdown(Shutdown::write);
  EXPECT_EQ(plain.recv(100), ".");
  EXPECT_EQ(plain.recv(100), "");
  layered.close();
  EXPECT_EQ(plain.recv(100), "");
}

TEST_F(SocketLayerTest, ItHasTheLastWordOnceAllFilesAreClosed) {
  plain.sendall("unread");  // which would reset the connection
  {
    const SocketFile file = layered.makefile();
    layered.close();
    plain.setblocking(false);
    EXPECT_THROW(plain.recv(100), WouldBlock);
  }
  EXPECT_EQ(plain.recv(100), "!");
  EXPECT_EQ(plain.recv(100), "");
}

TEST_F(SocketLayerTest, ADescriptorThatIsGivenAwayHasNone) {
  Socket again = Socket::adopt(layered.detach());
  again.sendall("abc");
  EXPECT_EQ(plain.recv(100), "abc");
}

TEST_F(SocketLayerTest, WhatGoesAroundItIsRefused) {
  EXPECT_THROW(layered.recv(1, flags::peek), std::invalid_argument);
  EXPECT_THROW(layered.recvfrom(1), std::logic_error);
  EXPECT_THROW(layered.recvmsg(1), std::logic_error);
  EXPECT_THROW(layered.sendto("a", Address("127.0.0.1", 1)), std::logic_error);
  EXPECT_THROW(layered.sendmsg({"a"}), std::logic_error);
  EXPECT_THROW(layered.dup(), std::logic_error);
}

}  // namespace
}  // namespace parley
