#include <gtest/gtest.h>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "parley/reactor/backends/memory_caller_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

const Address there("192.0.2.1", 80);

class MemoryConnect : public Memory {
 protected:
  // Another reactor's back end on the same network.
  void use_two(const MemoryFaults& faults, std::uint64_t seed = 1) {
    other_.reset();
    use(faults, seed);
    other_ = std::make_unique<Caller>(*network_);
  }
  bool both_until(const std::function<bool()>& done) {
    for (int i = 0; i < 20000 && !done(); ++i) {
      for (Caller* const caller : {caller_.get(), other_.get()}) {
        caller->submit();
        caller->turn();
      }
    }
    return done();
  }
  // From ours to a listener of the other.
  std::pair<StreamSlot*, StreamSlot*> pair(StreamSlot& here, StreamSlot& far) {
    const Address at = other_->backend().listen(listener_, Address("127.0.0.1", 0), {}).value();
    other_->backend().set_accepting(listener_, true);
    caller_->backend().connect(here, at, {});
    EXPECT_TRUE(both_until([&] { return caller_->count("connected") == 1 && other_->accepted.size() == 1; }));
    other_->backend().open(far, Handle{other_->accepted[0]});
    other_->backend().set_reading(far, true);
    caller_->backend().set_reading(here, true);
    return {&here, &far};
  }

  ListenerSlot listener_;
  std::unique_ptr<Caller> other_;
};

TEST_F(MemoryConnect, ToAPeerOfTheTest) {
  MemoryListener listener = network_->listen_peer(there);
  EXPECT_EQ(listener.address(), there);
  StreamSlot slot;
  caller_->backend().connect(slot, there, {});
  EXPECT_TRUE(caller_->told.empty());
  EXPECT_EQ(network_->open_descriptors(), 1U);
  caller_->turn();
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"connected"}));
  ASSERT_EQ(listener.waiting(), 1U);
  MemoryPeer peer = listener.accept();
  EXPECT_EQ(peer.address(), there);
  EXPECT_EQ(peer.peer(), caller_->backend().host(slot));
  peer.send("hello");
  caller_->turns(2);
  EXPECT_TRUE(caller_->received.empty());  // it is not read yet
  caller_->backend().set_reading(slot, true);
  EXPECT_EQ(caller_->write(slot, "good day").taken, 8U);
  caller_->turns(2);
  EXPECT_EQ(caller_->received[&slot], "hello");
  EXPECT_EQ(peer.received(), "good day");
  caller_->backend().close(slot, false);
  caller_->turns(2);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(network_->open_descriptors(), 0U);
}

TEST_F(MemoryConnect, NobodyListens) {
  StreamSlot slot;
  caller_->backend().connect(slot, there, {});
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"failed"}));
  EXPECT_EQ(caller_->failure, std::errc::connection_refused);
  caller_->backend().close(slot, false);
  caller_->turns(2);
  EXPECT_EQ(caller_->count("closed"), 1);

  caller_->backend().connect(slot, Address::local("/run/nobody"), {});
  caller_->turns(2);
  EXPECT_EQ(caller_->failure, std::errc::no_such_file_or_directory);

  MemoryListener listener = network_->listen_peer(there);
  StreamSlot early;
  caller_->backend().connect(early, there, {});
  caller_->turn();
  MemoryPeer waiting;
  listener.close();  // which resets those that wait
  EXPECT_EQ(listener.waiting(), 0U);
  caller_->backend().set_reading(early, true);
  caller_->turns(2);
  EXPECT_EQ(caller_->failure, std::errc::connection_reset);
  StreamSlot late;
  caller_->backend().connect(late, there, {});
  caller_->turns(2);
  EXPECT_EQ(caller_->failure, std::errc::connection_refused);
}

TEST_F(MemoryConnect, SilenceLastsUntilItIsGivenUp) {
  MemoryListener listener = network_->listen_peer(there);
  network_->silence(there);
  StreamSlot slot;
  caller_->backend().connect(slot, there, {});
  const Time before = clock_.now();
  caller_->turn(30s);
  EXPECT_EQ(clock_.now(), before + 30s);  // nothing is under way
  EXPECT_TRUE(caller_->told.empty());
  EXPECT_EQ(listener.waiting(), 0U);
  caller_->backend().close(slot, false);
  caller_->turns(2);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"closed"}));
  EXPECT_EQ(network_->open_descriptors(), 0U);
}

TEST_F(MemoryConnect, GivingUpTellsNothingMore) {
  int arrived = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    MemoryFaults faults;
    faults.late = 0.7;
    use(faults, seed);
    MemoryListener listener = network_->listen_peer(there);
    StreamSlot slot;
    caller_->backend().connect(slot, there, {});
    caller_->turn();
    const std::vector<std::string> told = caller_->told;
    caller_->backend().close(slot, false);
    EXPECT_TRUE(caller_->turn_until([&] { return caller_->count("closed") == 1; }));
    EXPECT_EQ(caller_->told.size(), told.size() + 1);
    if (listener.waiting() == 0) continue;
    ++arrived;
    MemoryPeer peer = listener.accept();  // which had come before
    EXPECT_TRUE(caller_->turn_until([&] { return peer.ended(); }));
  }
  EXPECT_GT(arrived, 2);
  EXPECT_LT(arrived, 38);
}

TEST_F(MemoryConnect, LateByChance) {
  MemoryFaults faults;
  faults.late = 0.9;
  use(faults);
  MemoryListener listener = network_->listen_peer(there);
  std::vector<StreamSlot> slots(10);
  for (StreamSlot& slot : slots) caller_->backend().connect(slot, there, {});
  caller_->turn(1h);
  EXPECT_LT(caller_->connected.size(), 5U);
  EXPECT_TRUE(caller_->turn_until([&] { return caller_->connected.size() == 10; }));
}

TEST_F(MemoryConnect, FromASourceOfItsOwn) {
  MemoryListener listener = network_->listen_peer(there);
  const auto from = [&](StreamSlot& slot, const Address& source) {
    caller_->failure = {};
    caller_->backend().connect(slot, there, {.source = source});
    caller_->turns(2);
  };
  StreamSlot whole;
  from(whole, Address("192.0.2.7", 4711));
  EXPECT_EQ(listener.accept().peer(), Address("192.0.2.7", 4711));
  EXPECT_EQ(caller_->backend().host(whole), Address("192.0.2.7", 4711));
  StreamSlot host;
  from(host, Address("192.0.2.8", 0));
  const MemoryPeer second = listener.accept();
  EXPECT_EQ(second.peer().host(), "192.0.2.8");
  EXPECT_NE(second.peer().port(), 0);
  StreamSlot port;
  from(port, Address("", 4712));
  EXPECT_EQ(listener.accept().peer().port(), 4712);
  StreamSlot foreign;
  from(foreign, Address("::1", 0));
  EXPECT_EQ(caller_->failure, std::errc::address_family_not_supported);
  MemoryListener another = network_->listen_peer(Address("192.0.2.9", 7));
  StreamSlot taken;
  from(taken, another.address());
  EXPECT_EQ(caller_->failure, std::errc::address_in_use);
  EXPECT_EQ(caller_->count("failed"), 2);
}

TEST_F(MemoryConnect, LocalOnesHaveNumbers) {
  use_two(MemoryFaults::calm());
  const Address at = other_->backend().listen(listener_, Address::local("/run/x"), {}).value();
  other_->backend().set_accepting(listener_, true);
  StreamSlot slot;
  caller_->backend().connect(slot, at, {});
  ASSERT_TRUE(both_until([&] { return other_->accepted.size() == 1; }));
  EXPECT_EQ(other_->last_peer.family(), Family::local);
  EXPECT_NE(other_->last_peer.number(), 0U);
  other_->backend().discard(Handle{other_->accepted[0]});
}

TEST_F(MemoryConnect, TwoReactorsTalk) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    use_two(MemoryFaults::rough(), seed);
    StreamSlot here;
    StreamSlot far;
    pair(here, far);
    EXPECT_EQ(other_->last_peer, caller_->backend().host(here));
    const std::string text = text_of(10000);
    std::map<StreamSlot*, std::size_t> sent;
    const auto write = [&](Caller& caller, StreamSlot& slot) {
      while (sent[&slot] < text.size()) {
        const std::string_view rest = std::string_view(text).substr(sent[&slot]);
        const Written written = caller.write(slot, rest);
        sent[&slot] += written.taken;
        if (written.pending || written.taken < rest.size()) return;
      }
      caller.backend().shutdown_write(slot);
    };
    const auto begin = [&](Caller& caller, StreamSlot& slot) {
      caller.when_written = [&](StreamSlot& of, std::size_t taken) {
        sent[&of] += taken;
        write(caller, of);
      };
      write(caller, slot);
    };
    begin(*caller_, here);
    begin(*other_, far);
    EXPECT_TRUE(both_until([&] { return caller_->count("end") == 1 && other_->count("end") == 1; }));
    EXPECT_EQ(caller_->received[&here], text);
    EXPECT_EQ(other_->received[&far], text);
    caller_->backend().close(here, false);
    other_->backend().close(far, false);
    EXPECT_TRUE(both_until([&] { return caller_->count("closed") == 1 && other_->count("closed") == 1; }));
    other_->backend().unlisten(listener_);
    EXPECT_EQ(network_->open_descriptors(), 0U);
    EXPECT_EQ(caller_->count("failed") + other_->count("failed"), 0);
  }
}

TEST_F(MemoryConnect, AReactorThatDoesNotReadHoldsTheOtherUp) {
  MemoryFaults faults;
  faults.send_bytes = 10;
  use_two(faults);
  StreamSlot here;
  StreamSlot far;
  pair(here, far);
  other_->backend().set_reading(far, false);
  other_->turn();
  std::size_t taken = 0;
  for (int i = 0; i < 20 && taken < 100; ++i) {
    const Written written = caller_->write(here, std::string_view("0123456789").substr(0, 10));
    taken += written.taken;
    if (written.taken < 10) break;
    caller_->turn();
    other_->turn();
  }
  EXPECT_LE(taken, 30U);  // both ends hold ten, and what was received before the pause
  other_->backend().set_reading(far, true);
  EXPECT_TRUE(both_until([&] { return other_->received[&far].size() == taken; }));
}

TEST_F(MemoryConnect, AResetReachesTheOtherReactor) {
  use_two(MemoryFaults::calm());
  StreamSlot here;
  StreamSlot far;
  pair(here, far);
  caller_->backend().close(here, true);
  EXPECT_TRUE(both_until([&] { return other_->count("failed") == 1; }));
  EXPECT_EQ(other_->failure, std::errc::connection_reset);
  EXPECT_EQ(other_->count("end"), 0);
}

TEST_F(MemoryConnect, WritingToOneThatHasClosedBreaksIt) {
  use_two(MemoryFaults::calm());
  StreamSlot here;
  StreamSlot far;
  pair(here, far);
  EXPECT_EQ(caller_->write(here, "bye").taken, 3U);
  caller_->backend().close(here, false);
  EXPECT_TRUE(both_until([&] { return other_->count("end") == 1; }));
  EXPECT_EQ(other_->received[&far], "bye");
  const Written written = other_->write(far, "anybody there?");
  EXPECT_EQ(written.taken, 14U);
  EXPECT_TRUE(both_until([&] { return other_->count("end") == 1; }));
  other_->turns(2);
  const Written more = other_->write(far, "anybody?");
  EXPECT_EQ(more.taken, 0U);
  EXPECT_TRUE(both_until([&] { return other_->count("failed") == 1; }));
}

TEST_F(MemoryConnect, AListenerThatGoesResetsThoseThatWait) {
  use_two(MemoryFaults::calm());
  const Address at = other_->backend().listen(listener_, Address("", 0), {}).value();
  StreamSlot slot;
  caller_->backend().connect(slot, Address("127.0.0.1", at.port()), {});
  caller_->turns(2);
  EXPECT_EQ(caller_->count("connected"), 1);
  other_->backend().unlisten(listener_);
  caller_->backend().set_reading(slot, true);
  caller_->turns(3);
  EXPECT_EQ(caller_->failure, std::errc::connection_reset);
}

TEST_F(MemoryConnect, ADetachedOneGoesOnInAnotherReactor) {
  MemoryFaults faults;
  faults.buffer_bytes = 2;
  use_two(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  caller_->when_received = [&](StreamSlot& of) { caller_->backend().detach(of); };
  peer.send("aabbcc");
  caller_->turns(3);
  ASSERT_EQ(caller_->count("detached"), 1);
  EXPECT_EQ(caller_->received[&slot] + caller_->held, "aabbcc");  // four buffers had come
  peer.send("dd");
  StreamSlot next;
  other_->backend().open(next, Handle{caller_->detached});
  other_->backend().set_reading(next, true);
  other_->turns(3);
  EXPECT_EQ(other_->received[&next], "dd");
  EXPECT_EQ(other_->write(next, "here").taken, 4U);
  other_->submit();
  EXPECT_EQ(peer.received(), "here");
}

// A reset destroys by chance what was not read.
TEST_F(MemoryConnect, AResetDestroysWhatWasNotRead) {
  int arrived = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    MemoryFaults faults;
    faults.drop = 0.5;
    use(faults, seed);
    StreamSlot slot;
    MemoryPeer peer = open(slot);
    peer.send("before");
    peer.reset();
    caller_->turns(3);
    EXPECT_EQ(caller_->count("failed"), 1);
    if (caller_->count("received") == 1) ++arrived;
  }
  EXPECT_GT(arrived, 5);
  EXPECT_LT(arrived, 35);
}

TEST_F(MemoryConnect, TheSameSeedTellsTheSame) {
  const auto play = [&](std::uint64_t seed) {
    use_two(MemoryFaults::rough(), seed);
    StreamSlot here;
    StreamSlot far;
    pair(here, far);
    StreamSlot refused;
    caller_->backend().connect(refused, there, {});
    DatagramSlot socket;
    const Address at = caller_->backend().bind(socket, Address("127.0.0.1", 0), {}).value();
    caller_->backend().set_receiving(socket, true);
    MemoryDatagramPeer peer = network_->datagram_peer();
    for (int i = 0; i < 50; ++i) peer.send_to(std::to_string(i), at);
    const std::string text = text_of(3000);
    (void)other_->write(far, text);
    for (int i = 0; i < 60; ++i) {
      caller_->turn();
      other_->turn();
    }
    return std::tuple(caller_->told, caller_->pieces, caller_->datagrams[&socket], other_->told);
  };
  const auto first = play(7);
  EXPECT_EQ(first, play(7));
  EXPECT_NE(first, play(8));
}

class MemoryConnectDeath : public MemoryConnect {};

TEST_F(MemoryConnectDeath, UsingASlotBeforeItIsConnected) {
  network_->silence(there);
  StreamSlot slot;
  caller_->backend().connect(slot, there, {});
  EXPECT_DEATH(caller_->backend().set_reading(slot, true), "before on_connected");
  EXPECT_DEATH((void)caller_->write(slot, "x"), "before on_connected");
  EXPECT_DEATH(caller_->backend().shutdown_write(slot), "before on_connected");
  EXPECT_DEATH(caller_->backend().detach(slot), "before on_connected");
  EXPECT_DEATH(caller_->backend().connect(slot, there, {}), "rule 2: a slot's storage was used again");
  caller_->backend().close(slot, false);
  EXPECT_DEATH(caller_->backend().close(slot, false), "after close or detach");
}

}  // namespace
}  // namespace parley
