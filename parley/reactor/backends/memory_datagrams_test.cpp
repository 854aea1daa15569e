#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/reactor/backends/memory_caller_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class MemoryDatagrams : public Memory {
 protected:
  Address bind(Caller& caller, DatagramSlot& slot, const Address& at, const DatagramOptions& options = {}) {
    const Address bound = caller.backend().bind(slot, at, options).value();
    caller.backend().set_receiving(slot, true);
    return bound;
  }
  Address bind(DatagramSlot& slot, const Address& at = Address("127.0.0.1", 0)) {
    return bind(*caller_, slot, at);
  }
  Sent send(DatagramSlot& slot, std::string_view bytes, const Address& to) {
    const Outgoing outgoing{.bytes = bytes, .to = &to};
    return caller_->backend().start_send(slot, {&outgoing, 1});
  }
  Sent send(DatagramSlot& slot, std::string_view bytes) {
    const Outgoing outgoing{.bytes = bytes};
    return caller_->backend().start_send(slot, {&outgoing, 1});
  }
  std::vector<std::string> texts(DatagramSlot& slot) {
    std::vector<std::string> all;
    for (const MemoryDatagram& datagram : caller_->datagrams[&slot]) all.push_back(datagram.bytes);
    return all;
  }
};

TEST_F(MemoryDatagrams, ThereAndBack) {
  DatagramSlot slot;
  const Address at = bind(slot);
  EXPECT_NE(at.port(), 0);
  EXPECT_EQ(caller_->backend().host(slot), at);
  MemoryDatagramPeer peer = network_->datagram_peer();
  peer.send_to("hello", at);
  peer.send_to("", at);
  caller_->turn();
  EXPECT_EQ(caller_->batches, (std::vector<std::size_t>{2}));
  EXPECT_EQ(caller_->datagrams[&slot],
            (std::vector<MemoryDatagram>{{"hello", peer.address(), at}, {"", peer.address(), at}}));
  EXPECT_EQ(send(slot, "good day", peer.address()).count, 1U);
  EXPECT_TRUE(peer.received().empty());
  caller_->submit();
  EXPECT_EQ(peer.take(), (std::deque<MemoryDatagram>{{"good day", at, peer.address()}}));
  EXPECT_TRUE(peer.received().empty());
  caller_->backend().close(slot);
  peer.send_to("late", at);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"datagrams", "port closed"}));
  EXPECT_EQ(network_->open_descriptors(), 0U);
  bind(slot, at);
}

TEST_F(MemoryDatagrams, EveryAddress) {
  DatagramSlot slot;
  const Address at = bind(slot, Address("", 0));
  MemoryDatagramPeer four = network_->datagram_peer();
  MemoryDatagramPeer six = network_->datagram_peer(Address("::1", 0));
  four.send_to("4", Address("192.0.2.9", at.port()));
  six.send_to("6", Address("2001:db8::9", at.port()));
  caller_->turn();
  ASSERT_EQ(caller_->datagrams[&slot].size(), 2U);
  EXPECT_EQ(caller_->datagrams[&slot][0].asked, Address("192.0.2.9", at.port()));
  EXPECT_EQ(caller_->datagrams[&slot][1].asked, Address("2001:db8::9", at.port()));
  // The answer comes from the address that was asked.
  const Address from("192.0.2.9", 0);
  const Address to = four.address();
  const Outgoing answer{.bytes = "yes", .to = &to, .from = &from};
  EXPECT_EQ(caller_->backend().start_send(slot, {&answer, 1}).count, 1U);
  EXPECT_EQ(send(slot, "six", six.address()).count, 1U);
  caller_->submit();
  EXPECT_EQ(four.received().front().peer, Address("192.0.2.9", at.port()));
  EXPECT_EQ(six.received().front().peer, Address("::1", at.port()));
}

TEST_F(MemoryDatagrams, AddressesInUse) {
  DatagramSlot first;
  DatagramSlot second;
  const Address at = bind(first);
  EXPECT_EQ(caller_->backend().bind(second, at, {}).error(), std::errc::address_in_use);
  EXPECT_EQ(caller_->backend().bind(second, Address("", at.port()), {}).error(), std::errc::address_in_use);
  EXPECT_TRUE(caller_->backend().bind(second, Address("::1", at.port()), {}).ok());
  DatagramSlot shared;
  DatagramSlot sharing;
  const Address port = bind(*caller_, shared, Address("127.0.0.1", 0), {.reuse_port = true});
  bind(*caller_, sharing, port, {.reuse_port = true});
  for (int i = 0; i < 50; ++i) {
    MemoryDatagramPeer peer = network_->datagram_peer();
    peer.send_to("x", port);
    caller_->turn();
    peer.close();
  }
  EXPECT_GT(caller_->datagrams[&shared].size(), 10U);  // spread over both
  EXPECT_GT(caller_->datagrams[&sharing].size(), 10U);
}

TEST_F(MemoryDatagrams, EveryAddressOfBothFamiliesOrOfIPv6Alone) {
  MemoryDatagramPeer four = network_->datagram_peer();
  MemoryDatagramPeer six = network_->datagram_peer(Address("::1", 0));
  const auto heard = [&](const Address& any, const DatagramOptions& options) {
    DatagramSlot slot;
    const Address at = bind(*caller_, slot, any, options);
    four.send_to("4", Address("127.0.0.1", at.port()));
    six.send_to("6", Address("::1", at.port()));
    caller_->turn();
    const std::vector<std::string> came = texts(slot);
    caller_->backend().close(slot);
    caller_->turns(2);
    caller_->datagrams.erase(&slot);
    return came;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(heard(Address("", 0), {}), (Texts{"4", "6"}));
  EXPECT_EQ(heard(Address("::", 0), {}), (Texts{"4", "6"}));
  EXPECT_EQ(heard(Address("", 0), {.v6_only = true}), (Texts{"6"}));
  EXPECT_EQ(heard(Address("::", 0), {.v6_only = true}), (Texts{"6"}));
  EXPECT_EQ(heard(Address("0.0.0.0", 0), {}), (Texts{"4"}));
  DatagramSlot dual;
  DatagramSlot other;
  const int port = bind(dual, Address("::", 0)).port();
  EXPECT_EQ(send(dual, "4", four.address()).count, 1U);
  EXPECT_EQ(caller_->backend().bind(other, Address("0.0.0.0", port), {}).error(), std::errc::address_in_use);
  caller_->backend().close(dual);
  caller_->turns(2);
  bind(*caller_, dual, Address("::", port), {.v6_only = true});
  EXPECT_EQ(send(dual, "4", four.address()).error, std::errc::address_family_not_supported);
  EXPECT_TRUE(caller_->backend().bind(other, Address("0.0.0.0", port), {}).ok());
}

TEST_F(MemoryDatagrams, AConnectedOneHearsItsPeerAlone) {
  DatagramSlot slot;
  const Address at = bind(slot, Address("", 0));
  MemoryDatagramPeer peer = network_->datagram_peer();
  MemoryDatagramPeer stranger = network_->datagram_peer();
  EXPECT_EQ(send(slot, "whom?").error, std::errc::destination_address_required);
  ASSERT_FALSE(caller_->backend().connect(slot, peer.address()));
  EXPECT_EQ(caller_->backend().host(slot), Address("127.0.0.1", at.port()));
  stranger.send_to("no", caller_->backend().host(slot));
  peer.send_to("yes", caller_->backend().host(slot));
  EXPECT_EQ(send(slot, "you").count, 1U);
  caller_->turns(2);
  EXPECT_EQ(texts(slot), (std::vector<std::string>{"yes"}));
  EXPECT_EQ(peer.received().size(), 1U);
  // For anybody else nobody is there.
  DatagramSlot other;
  bind(other);
  ASSERT_FALSE(caller_->backend().connect(other, caller_->backend().host(slot)));
  EXPECT_EQ(send(other, "me").count, 1U);
  caller_->turns(2);
  EXPECT_EQ(caller_->failure, std::errc::connection_refused);
  ASSERT_FALSE(caller_->backend().connect(slot, stranger.address()));
  stranger.send_to("now", caller_->backend().host(slot));
  caller_->turn();
  EXPECT_EQ(texts(slot), (std::vector<std::string>{"yes", "now"}));
}

TEST_F(MemoryDatagrams, ARefusalReachesAConnectedOne) {
  DatagramSlot slot;
  DatagramSlot loose;
  bind(slot);
  bind(loose);
  ASSERT_FALSE(caller_->backend().connect(slot, Address("127.0.0.1", 9)));
  EXPECT_EQ(send(slot, "anybody?").count, 1U);
  EXPECT_EQ(send(loose, "anybody?", Address("127.0.0.1", 9)).count, 1U);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"datagram error"}));
  EXPECT_EQ(caller_->failure, std::errc::connection_refused);
}

TEST_F(MemoryDatagrams, WhatCannotBeSent) {
  DatagramSlot slot;
  bind(slot);
  EXPECT_EQ(send(slot, "x", Address("::1", 9)).error, std::errc::address_family_not_supported);
  EXPECT_EQ(send(slot, std::string(65508, 'x'), Address("127.0.0.1", 9)).error, std::errc::message_size);
  EXPECT_EQ(send(slot, "x", Address("255.255.255.255", 9)).error, std::errc::permission_denied);
  ASSERT_FALSE(caller_->backend().change(slot, {.what = DatagramChange::broadcast, .value = 1}));
  EXPECT_EQ(send(slot, "x", Address("255.255.255.255", 9)).count, 1U);
  DatagramSlot allowed;
  bind(*caller_, allowed, Address("127.0.0.1", 0), {.broadcast = true});
  EXPECT_EQ(send(allowed, "x", Address("255.255.255.255", 9)).count, 1U);
  EXPECT_EQ(caller_->backend().connect(slot, Address("::1", 9)), std::errc::address_family_not_supported);
  // What stands before it in the batch is sent.
  const Address good("127.0.0.1", 9);
  const Address bad("::1", 9);
  const Outgoing batch[] = {
      {.bytes = "a", .to = &good}, {.bytes = "b", .to = &bad}, {.bytes = "c", .to = &good}};
  const Sent sent = caller_->backend().start_send(slot, batch);
  EXPECT_EQ(sent.count, 1U);
  EXPECT_FALSE(sent.pending);
  EXPECT_EQ(sent.error, std::errc::address_family_not_supported);
  caller_->turns(2);
  EXPECT_EQ(caller_->count("sent"), 0);
}

TEST_F(MemoryDatagrams, Local) {
  DatagramSlot server;
  DatagramSlot client;
  const Address at = bind(server, Address::local("/run/x"));
  bind(client, Address::local_peer(0));
  EXPECT_EQ(send(client, "x", Address::local("/run/y")).error, std::errc::no_such_file_or_directory);
  EXPECT_EQ(send(client, "hello", at).count, 1U);
  caller_->turn();
  EXPECT_EQ(caller_->datagrams[&server],
            (std::vector<MemoryDatagram>{{"hello", Address::local_peer(0), Address()}}));
  DatagramSlot third;
  EXPECT_EQ(caller_->backend().bind(third, at, {}).error(), std::errc::address_in_use);
  caller_->backend().close(server);
  EXPECT_EQ(send(client, "x", at).error, std::errc::no_such_file_or_directory);
  EXPECT_TRUE(caller_->backend().bind(third, at, {}).ok());
}

TEST_F(MemoryDatagrams, AFullLocalPeerIsWaitedForWhereItIsConnected) {
  MemoryFaults faults;
  faults.datagrams = 2;
  use(faults);
  DatagramSlot server;
  DatagramSlot client;
  DatagramSlot loose;
  const Address at = bind(server, Address::local("/run/x"));
  caller_->backend().set_receiving(server, false);
  bind(client, Address::local_peer(0));
  bind(loose, Address::local_peer(0));
  ASSERT_FALSE(caller_->backend().connect(client, at));
  const std::vector<Outgoing> batch(3, Outgoing{.bytes = "x"});
  const Sent sent = caller_->backend().start_send(client, batch);
  EXPECT_EQ(sent.count, 2U);
  EXPECT_FALSE(sent.pending);
  EXPECT_EQ(sent.error, std::errc::operation_would_block);
  EXPECT_EQ(send(loose, "x", at).error, std::errc::operation_would_block);
  EXPECT_EQ(send(loose, "x", at).error, std::errc::operation_would_block);  // nobody tells it of room
  caller_->turns(3);
  EXPECT_TRUE(caller_->told.empty());
  caller_->backend().set_receiving(server, true);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"datagrams", "sent"}));
  EXPECT_EQ(caller_->sent, (std::vector<std::size_t>{0}));
}

TEST_F(MemoryDatagrams, NoRoomByChance) {
  MemoryFaults faults;
  faults.full = 0.9;
  use(faults);
  DatagramSlot slot;
  bind(slot);
  MemoryDatagramPeer peer = network_->datagram_peer();
  const Sent sent = send(slot, "x", peer.address());
  ASSERT_EQ(sent.error, std::errc::operation_would_block);
  caller_->turns(2);
  EXPECT_EQ(caller_->sent, (std::vector<std::size_t>{0}));
  EXPECT_FALSE(caller_->failure);
}

TEST_F(MemoryDatagrams, APendingBatchIsSentLater) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  DatagramSlot slot;
  bind(slot);
  MemoryDatagramPeer peer = network_->datagram_peer();
  const Address to = peer.address();
  const std::vector<Outgoing> batch(3, Outgoing{.bytes = "x", .to = &to});
  const Sent sent = caller_->backend().start_send(slot, batch);
  EXPECT_TRUE(sent.pending);
  EXPECT_EQ(sent.count, 0U);
  caller_->submit();
  EXPECT_EQ(caller_->sent, (std::vector<std::size_t>{3}));
  EXPECT_EQ(peer.received().size(), 3U);
  EXPECT_TRUE(caller_->backend().start_send(slot, batch).pending);
  caller_->backend().close(slot);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"sent", "sent", "port closed"}));
}

// Whatever the seed, what comes was sent, and without loss it comes whole and in order.
TEST_F(MemoryDatagrams, RoughSeas) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    MemoryFaults faults = MemoryFaults::rough();
    faults.lost = faults.doubled = faults.reordered = 0;
    use(faults, seed);
    DatagramSlot slot;
    DatagramSlot receiver;
    bind(slot);
    const Address to = bind(receiver);
    std::vector<std::string> texts_sent;
    texts_sent.reserve(30);
    for (int i = 0; i < 30; ++i) texts_sent.push_back(std::to_string(i));
    std::vector<Outgoing> batch;
    batch.reserve(30);
    for (const std::string& text : texts_sent) batch.push_back({.bytes = text, .to = &to});
    std::size_t sent = 0;
    const auto go_on = [&] {
      while (sent < batch.size()) {
        const Sent now = caller_->backend().start_send(slot, std::span(batch).subspan(sent));
        sent += now.count;
        if (now.pending || now.error) return;
      }
    };
    caller_->when_sent = [&](DatagramSlot&, std::size_t count) {
      sent += count;
      go_on();
    };
    go_on();
    EXPECT_TRUE(caller_->turn_until([&] { return caller_->datagrams[&receiver].size() == 30; }));
    EXPECT_EQ(texts(receiver), texts_sent);
  }
}

TEST_F(MemoryDatagrams, LostDoubledReordered) {
  const auto play = [&](const MemoryFaults& faults) {
    use(faults, 3);
    DatagramSlot slot;
    const Address at = bind(slot);
    MemoryDatagramPeer peer = network_->datagram_peer();
    for (int i = 0; i < 100; ++i) peer.send_to(std::to_string(100 + i), at);
    caller_->turns(10);
    return texts(slot);
  };
  const std::vector<std::string> whole = play({});
  ASSERT_EQ(whole.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(whole));
  MemoryFaults lost;
  lost.lost = 0.3;
  const std::vector<std::string> some = play(lost);
  EXPECT_LT(some.size(), 90U);
  EXPECT_GT(some.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(some));
  MemoryFaults doubled;
  doubled.doubled = 0.3;
  const std::vector<std::string> more = play(doubled);
  EXPECT_GT(more.size(), 110U);
  EXPECT_EQ(std::set<std::string>(more.begin(), more.end()).size(), 100U);
  MemoryFaults reordered;
  reordered.reordered = 0.3;
  std::vector<std::string> mixed = play(reordered);
  EXPECT_FALSE(std::ranges::is_sorted(mixed));
  std::ranges::sort(mixed);
  EXPECT_EQ(mixed, whole);
}

TEST_F(MemoryDatagrams, LimitsOfATurn) {
  Limits limits;
  limits.datagram_batch = 3;
  limits.datagram_bytes = 4;
  MemoryFaults faults;
  faults.datagrams = 8;
  use(faults, 1, limits);
  DatagramSlot slot;
  const Address at = bind(slot);
  MemoryDatagramPeer peer = network_->datagram_peer();
  for (int i = 0; i < 9; ++i) peer.send_to(i == 0 ? "too long" : "x", at);
  caller_->turn(1h);
  EXPECT_EQ(caller_->batches, (std::vector<std::size_t>{3}));
  EXPECT_EQ(texts(slot)[0], "too ");
  EXPECT_EQ(caller_->cut, 1);
  caller_->turn(1h);
  caller_->turn(1h);
  EXPECT_EQ(caller_->batches, (std::vector<std::size_t>{3, 3, 2}));  // the ninth found no room
}

TEST_F(MemoryDatagrams, WhatComesWhileItIsOffWaits) {
  DatagramSlot slot;
  const Address at = bind(slot);
  caller_->backend().set_receiving(slot, false);
  MemoryDatagramPeer peer = network_->datagram_peer();
  peer.send_to("x", at);
  caller_->turns(3);
  EXPECT_TRUE(caller_->told.empty());
  caller_->backend().set_receiving(slot, true);
  caller_->turn();
  EXPECT_EQ(texts(slot), (std::vector<std::string>{"x"}));
}

TEST_F(MemoryDatagrams, Groups) {
  const Address group("239.1.2.3", 0);
  const auto change = [&](Caller& caller, DatagramSlot& slot, DatagramChange::What what,
                          std::uint32_t value = 0) {
    return caller.backend().change(slot, {.what = what, .value = value, .group = group});
  };
  const auto other = std::make_unique<Caller>(*network_);
  DatagramSlot here;
  DatagramSlot beside;
  DatagramSlot far;
  const DatagramOptions multiple{.listen_multiple = true};
  const int port = bind(*caller_, here, Address("0.0.0.0", 0), multiple).port();
  bind(*caller_, beside, Address("0.0.0.0", port), multiple);
  bind(*other, far, Address("0.0.0.0", port), multiple);
  MemoryDatagramPeer peer = network_->datagram_peer(Address("192.0.2.7", port));
  const Address to("239.1.2.3", port);
  EXPECT_FALSE(change(*caller_, here, DatagramChange::join));
  EXPECT_EQ(change(*caller_, here, DatagramChange::join), std::errc::address_in_use);
  EXPECT_FALSE(change(*other, far, DatagramChange::join, 1));
  EXPECT_EQ(send(beside, "one", to).count, 1U);
  caller_->turns(2);
  other->turns(2);
  EXPECT_EQ(caller_->datagrams[&here].size(), 1U);
  EXPECT_EQ(caller_->datagrams[&here][0].asked, to);
  EXPECT_EQ(other->datagrams[&far].size(), 1U);
  EXPECT_TRUE(caller_->datagrams[&beside].empty());
  EXPECT_TRUE(peer.received().empty());

  peer.join_group(group);
  EXPECT_FALSE(change(*caller_, beside, DatagramChange::loop, 0));
  EXPECT_FALSE(change(*caller_, beside, DatagramChange::hops, 4));
  EXPECT_FALSE(change(*caller_, beside, DatagramChange::interface, 1));
  EXPECT_EQ(send(beside, "two", to).count, 1U);
  caller_->turns(2);
  other->turns(2);
  EXPECT_EQ(caller_->datagrams[&here].size(), 1U);  // not on its own machine
  EXPECT_EQ(other->datagrams[&far].size(), 2U);
  EXPECT_EQ(peer.received().size(), 1U);

  EXPECT_FALSE(change(*caller_, here, DatagramChange::leave));
  EXPECT_EQ(change(*caller_, here, DatagramChange::leave), std::errc::address_not_available);
  peer.send_to("three", to);
  caller_->turns(2);
  other->turns(2);
  EXPECT_EQ(caller_->datagrams[&here].size(), 1U);
  EXPECT_EQ(other->datagrams[&far].size(), 3U);

  EXPECT_EQ(change(*caller_, here, DatagramChange::hops, 256), std::errc::invalid_argument);
  EXPECT_EQ(caller_->backend().change(here, {.what = DatagramChange::join, .group = Address("127.0.0.1", 0)}),
            std::errc::invalid_argument);
  DatagramSlot local;
  bind(local, Address::local_peer(0));
  EXPECT_EQ(change(*caller_, local, DatagramChange::join), std::errc::operation_not_supported);
}

TEST_F(MemoryDatagrams, Everybody) {
  DatagramSlot slot;
  const int port = bind(slot, Address("", 0)).port();
  MemoryDatagramPeer peer = network_->datagram_peer();
  peer.send_to("all", Address("255.255.255.255", port));
  caller_->turn();
  EXPECT_EQ(texts(slot), (std::vector<std::string>{"all"}));
}

TEST_F(MemoryDatagrams, TwoReactors) {
  const auto other = std::make_unique<Caller>(*network_);
  DatagramSlot here;
  DatagramSlot far;
  const Address from = bind(here);
  const Address to = bind(*other, far, Address("127.0.0.1", 0));
  EXPECT_EQ(send(here, "hello", to).count, 1U);
  caller_->submit();
  other->turn();
  EXPECT_EQ(other->datagrams[&far], (std::vector<MemoryDatagram>{{"hello", from, to}}));
}

class MemoryDatagramsDeath : public MemoryDatagrams {};

TEST_F(MemoryDatagramsDeath, RulesOfTheSeam) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  DatagramSlot slot;
  DatagramSlot unknown;
  bind(slot);
  EXPECT_DEATH(caller_->backend().set_receiving(unknown, true), "that is not bound");
  EXPECT_DEATH((void)caller_->backend().bind(slot, Address("127.0.0.1", 0), {}), "rule 2");
  std::string bytes = "bytes";
  Address to("127.0.0.1", 9);
  const Outgoing outgoing{.bytes = bytes, .to = &to};
  ASSERT_TRUE(caller_->backend().start_send(slot, {&outgoing, 1}).pending);
  EXPECT_DEATH((void)send(slot, "more", to), "rule 3");
  bytes[0] = 'B';
  EXPECT_DEATH(caller_->submit(), "rule 2: a pending batch was changed");
  bytes[0] = 'b';
  to = Address("127.0.0.1", 10);
  EXPECT_DEATH(caller_->submit(), "rule 2: a pending batch was changed");
  to = Address("127.0.0.1", 9);
  caller_->backend().close(slot);
  EXPECT_DEATH(caller_->backend().set_receiving(slot, true), "after close");
  EXPECT_DEATH(caller_->backend().close(slot), "after close");
  slot.state = 77;
  EXPECT_DEATH(caller_->turn(), "rule 2: the storage of a slot of datagrams");
}

}  // namespace
}  // namespace parley
