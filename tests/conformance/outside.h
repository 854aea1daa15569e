#pragma once

#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/address.h"

namespace parley::conformance {

// A back end, and for the one in memory how rough the sea is; and whether what comes stands under filters,
// which nobody is to notice.
struct Setup {
  std::string name;
  Reactor::Kind kind = Reactor::automatic;
  bool memory = false;
  std::uint64_t seed = 1;
  MemoryFaults faults{};
  bool filtered = false;
};
void PrintTo(const Setup& setup, std::ostream* out);

// What every test of the suite runs over; and what those about connections run over too.
const std::vector<Setup>& all_setups();
const std::vector<Setup>& filtered_setups();

// The far end of a connection.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void send(std::string_view bytes) = 0;
  // Ends its output; it still reads.
  virtual void close() = 0;
  virtual void reset() = 0;
  // Reads that many more bytes and then no more; `everything` as at first.
  virtual void window(std::size_t bytes) = 0;
  static constexpr std::size_t everything = static_cast<std::size_t>(-1);

  virtual const std::string& received() = 0;
  virtual bool ended() = 0;
  virtual bool was_reset() = 0;
};

// A foreign descriptor that can be made readable. It can be written to all the time.
class Signal {
 public:
  virtual ~Signal() = default;
  virtual int descriptor() const = 0;
  virtual void raise() = 0;
  virtual void lower() = 0;
};

// Whom the reactor connects to.
class Server {
 public:
  // Nobody listens there any more; whoever waits is reset.
  virtual ~Server() = default;
  virtual Address at() const = 0;
  // The far end of the first connection that waits, and where it comes from. None waits: null.
  struct Accepted {
    std::unique_ptr<Peer> peer;
    Address from;
  };
  virtual Accepted accept() = 0;
};

// A socket of datagrams outside.
class Correspondent {
 public:
  struct Letter {
    std::string bytes;
    Address from;
    bool operator==(const Letter&) const = default;
  };

  // Nobody is there any more.
  virtual ~Correspondent() = default;
  virtual Address at() const = 0;
  virtual void send(std::string_view bytes, const Address& to) = 0;
  // What has come since it was asked last.
  virtual std::vector<Letter> take() = 0;
};

// The world outside a reactor: its clock, its back end, and whoever connects to it.
class Outside {
 public:
  static std::unique_ptr<Outside> make(const Setup& setup);
  virtual ~Outside() = default;

  virtual Reactor::MakeBackend backend() = 0;
  // Makes the kernel hold little for the connections that will come this way.
  virtual void narrow(const ListenerSlot& slot) = 0;
  // `narrow`: little is held on the way to it, so that it falls behind soon when it does not read.
  virtual std::unique_ptr<Peer> connect(const Address& to, bool narrow = false) = 0;
  // A connected stream that no listener has: our descriptor, and the far end.
  virtual std::pair<int, std::unique_ptr<Peer>> connected() = 0;
  // A socket that listens at 127.0.0.1 already, and where.
  virtual std::pair<int, Address> listening() = 0;
  virtual std::unique_ptr<Signal> signal() = 0;

  // Listens for whoever the reactor connects; port 0: one is chosen. Null where the address is taken.
  virtual std::unique_ptr<Server> server(const Address& at) = 0;
  // One that answers nobody: connecting there does not end.
  virtual std::unique_ptr<Server> silent(const Address& at) = 0;
  // A port at which nobody listens, at no address of this machine, unless `server` is asked to.
  virtual int free_port() = 0;
  virtual std::unique_ptr<Correspondent> correspondent(const Address& at) = 0;
  // An open file, until the world goes.
  virtual Handle file(std::string_view contents) = 0;

  // Lets the peers do what they can. Answers whether they could do anything.
  virtual bool move() = 0;
  // Whether there are descriptors for new connections.
  enum class Means { enough, one_to_refuse_with, none };
  virtual void leave(Means means) = 0;

  ManualClock& clock() { return clock_; }

 protected:
  ManualClock clock_;
};

// Text that differs everywhere, so that nothing can be lost or swapped unseen.
std::string text_of(std::size_t size, std::string_view label = "");

// Compares long texts; a failure shows the place alone. For EXPECT_SAME.
testing::AssertionResult same(const char* got_name, const char* wanted_name, std::string_view got,
                              std::string_view wanted);
#define EXPECT_SAME(got, wanted) EXPECT_PRED_FORMAT2(::parley::conformance::same, got, wanted)

}  // namespace parley::conformance
