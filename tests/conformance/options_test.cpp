// What a program may want of the socket below: its switches, and its descriptor.

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parley/reactor/loop/loop.h"
#include "parley/socket/create.h"
#include "parley/socket/socket.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

class SocketsBelow : public Conformance {
 protected:
  // The address at our end of what a descriptor is, as the kernel has it.
  static Address address_of(int descriptor) { return fromfd(descriptor).getsockname(); }
  // A path that is free.
  static Address local_address() {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    const auto path =
        std::filesystem::temp_directory_path() /
        concat("parley-", GetParam().name, '-', std::string_view(test->name()).substr(0, 20), '-',
               static_cast<std::uint64_t>(
                   std::hash<std::string>()(std::to_string(reinterpret_cast<std::uintptr_t>(test)))));
    std::filesystem::remove(path);
    return Address::local(path.string());
  }

  struct Silent : DatagramProtocol {
    void datagram_received(std::span<char>, const Address&) override {}
  };
};
PARLEY_CONFORMANCE(SocketsBelow);
PARLEY_CONFORMANCE_UNDER_FILTERS(SocketsBelow);

TEST_P(SocketsBelow, NoDelayAndKeepAliveAreSwitched) {
  const Client client = join();
  Transport& wire = client.wire();
  EXPECT_TRUE(wire.tcp_no_delay());
  EXPECT_FALSE(wire.tcp_keep_alive());
  for (const bool on : {false, true}) {
    wire.set_tcp_no_delay(on);
    wire.set_tcp_keep_alive(!on);
    EXPECT_EQ(wire.tcp_no_delay(), on);
    EXPECT_EQ(wire.tcp_keep_alive(), !on);
  }
}

TEST_P(SocketsBelow, AListenersOptionsAreWhatItsConnectionsBeginWith) {
  std::vector<std::pair<bool, bool>> began;
  const auto make = [&] {
    return std::make_unique<Actor>(new_story(), Script{.made = [&](Actor& actor) {
                                     began.emplace_back(actor.wire().tcp_no_delay(),
                                                        actor.wire().tcp_keep_alive());
                                   }});
  };
  const ListeningPort port = reactor().listen_tcp(
      {"127.0.0.1", 0}, make, {.options = {.no_delay = false, .keep_alive = true}, .wrap = filters()});
  const auto peer = outside().connect(port.host());
  ASSERT_TRUE(until([&] { return began.size() == 1; }));
  // Also where it was adopted.
  const auto [descriptor, at] = outside().listening();
  reactor().loop().listeners().adopt(Handle{descriptor}, factory(make),
                                     {.options = {.keep_alive = true}, .wrap = filters()});
  const auto another = outside().connect(at);
  ASSERT_TRUE(until([&] { return began.size() == 2; }));
  EXPECT_EQ(began, (std::vector<std::pair<bool, bool>>{{false, true}, {true, true}}));
}

TEST_P(SocketsBelow, ALocalSocketHasNeither) {
  Story& story = new_story();
  int refused = 0;
  const auto make = [&] {
    return std::make_unique<Actor>(story, Script{.made = [&](Actor& actor) {
                                     using Switch = void (Transport::*)(bool);
                                     for (const Switch set : {Switch(&Transport::set_tcp_no_delay),
                                                              Switch(&Transport::set_tcp_keep_alive)}) {
                                       try {
                                         (actor.wire().*set)(true);
                                       } catch (const SocketError& error) {
                                         EXPECT_EQ(error.code(), std::errc::operation_not_supported)
                                             << error.what();
                                         ++refused;
                                       }
                                     }
                                     EXPECT_FALSE(actor.wire().tcp_no_delay());
                                     EXPECT_FALSE(actor.wire().tcp_keep_alive());
                                   }});
  };
  const Address at = local_address();
  reactor().listen_unix(at, make, {.wrap = filters()});
  const auto peer = outside().connect(at);
  ASSERT_TRUE(until([&] { return story.made(); }));
  EXPECT_EQ(refused, 2);
}

// Over the memory back end there is none.
TEST_P(SocketsBelow, TheDescriptorIsTheKernels) {
  const Client client = join();
  ListeningPort port = reactor().listen_tcp({"127.0.0.1", 0}, [] { return std::unique_ptr<Protocol>(); });
  DatagramPort datagrams = reactor().listen_udp({"127.0.0.1", 0}, std::make_unique<Silent>());
  if (in_memory()) {
    EXPECT_EQ(client.wire().fileno(), -1);
    EXPECT_EQ(port.fileno(), -1);
    EXPECT_EQ(datagrams.fileno(), -1);
  } else {
    EXPECT_EQ(address_of(client.wire().fileno()), client.wire().host());
    EXPECT_EQ(address_of(port.fileno()), port.host());
    EXPECT_EQ(address_of(datagrams.fileno()), datagrams.host());
    EXPECT_EQ(datagrams.transport()->fileno(), datagrams.fileno());
  }
  port.stop_listening();
  datagrams.stop_listening();
  EXPECT_EQ(port.fileno(), -1);
  EXPECT_EQ(datagrams.fileno(), -1);
  settle();
  EXPECT_EQ(datagrams.fileno(), -1);
  EXPECT_EQ(ListeningPort().fileno(), -1);
  EXPECT_EQ(DatagramPort().fileno(), -1);
}

TEST_P(SocketsBelow, AfterTheEndThereIsNothingToSwitch) {
  bool looked = false;
  const Client client = join({.lost = [&](Actor& actor, const Reason&) {
    actor.wire().set_tcp_no_delay(true);
    actor.wire().set_tcp_keep_alive(true);
    EXPECT_FALSE(actor.wire().tcp_no_delay());
    EXPECT_FALSE(actor.wire().tcp_keep_alive());
    EXPECT_EQ(actor.wire().fileno(), -1);
    looked = true;
  }});
  client.wire().abort_connection();
  settle();
  EXPECT_TRUE(looked);
}

}  // namespace
}  // namespace parley::conformance
