#include "parley/socket/select.h"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "parley/process/fork_fixture.h"
#include "parley/socket/create.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using List = std::vector<Selectable>;

TEST(Select, AnswersThreeListsInTheOrderAsked) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  b.sendall("x");
  d.sendall("x");
  const auto [read, write, except] = select({c, b, a}, {d, a}, {a, c});
  EXPECT_EQ(read, (List{c, a}));
  EXPECT_EQ(write, (List{d, a}));
  EXPECT_EQ(except, List{});
}

TEST(Select, TellsUrgentDataAsExceptional) {
  Socket server = create_server({"127.0.0.1", 0});
  Socket client = create_connection(server.getsockname());
  const auto [peer, address] = server.accept();
  ASSERT_EQ(::send(client.fileno(), "!", 1, MSG_OOB), 1);
  EXPECT_EQ(select({}, {}, {peer}, 5s).except, List{peer});
}

TEST(Select, TakesDescriptorsToo) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Descriptor out(ends[0]), in(ends[1]);
  EXPECT_EQ(select({out.get()}, {in.get()}, {}, 0s).write, List{in.get()});
  ASSERT_EQ(write(in.get(), "x", 1), 1);
  EXPECT_EQ(select({out.get()}, {}, {}).read, List{out.get()});
}

TEST(Select, WaitsForItsTimeoutWhateverSignalsCome) {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  struct sigaction before{};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  const itimerval often{{0, 2000}, {0, 2000}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  auto [a, b] = socketpair();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(select({a}, {}, {}, 30ms).read, List{});
  const auto took = std::chrono::steady_clock::now() - start;
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  EXPECT_GE(took, 30ms);
  EXPECT_LT(took, 5s);
}

TEST(Select, RefusesWhatItCannotTake) {
  raise_descriptor_limit();
  auto [a, b] = socketpair();
  const Descriptor large(fcntl(a.fileno(), F_DUPFD_CLOEXEC, 1024));
  ASSERT_GE(large.get(), 1024);
  EXPECT_THROW(select({large.get()}, {}, {}, 0s), SocketError);
  EXPECT_THROW(select({}, {large.get()}, {}, 0s), SocketError);
  EXPECT_THROW(select({}, {}, {large.get()}, 0s), SocketError);
  EXPECT_THROW(select({a}, {}, {}, -1ns), std::invalid_argument);
  b.close();
  EXPECT_THROW(select({b}, {}, {}, 0s), SocketError);
}

TEST(Select, NamesADescriptorThatIsNotOpen) {
  auto [a, b] = socketpair();
  const int number = b.fileno();
  b.close();
  try {
    select({a}, {number}, {}, 0s);
    FAIL() << "it was taken";
  } catch (const SocketError& error) {
    EXPECT_EQ(std::string(error.what()),
              "select descriptor " + std::to_string(number) + ": Bad file descriptor (it was closed)");
  }
}

// The kernel passes over what is beyond its table of descriptors, and leaves it standing in the answer. In a
// fork's child that is as short as it can be.
TEST(Select, NamesADescriptorBeyondTheTableToo) {
  auto [a, b] = socketpair();
  Fork fork;
  if (fork.in_child()) {
    std::string said;
    for (const int number : {300, 700, 1023}) {
      for (const bool writable : {false, true}) {
        const List closed{number}, ready = writable ? List{a} : List{};
        try {
          said += concat(select(closed, ready, {}, 0s).read.size(), " can be read; ");
        } catch (const SocketError& error) {
          if (error.code() == std::errc::bad_file_descriptor) said += "closed; ";
        }
      }
    }
    fork.say(said);
    Fork::leave();
  }
  EXPECT_EQ(fork.hear(), "closed; closed; closed; closed; closed; closed; ");
  EXPECT_TRUE(fork.has_left());
}

}  // namespace
}  // namespace parley
