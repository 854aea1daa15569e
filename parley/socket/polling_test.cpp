#include "parley/socket/polling.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "parley/socket/create.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using All = std::vector<Polled>;

TEST(Poll, TellsWhatWasAskedForAlone) {
  auto [a, b] = socketpair();
  Poll poll;
  poll.add(a, PollEvent::read | PollEvent::urgent);
  EXPECT_EQ(poll.poll(0s), All{});
  poll.modify(a, PollEvent::read | PollEvent::write);
  EXPECT_EQ(poll.poll(5s), (All{{a, PollEvent::write}}));
  b.sendall("x");
  EXPECT_EQ(poll.poll(5s), (All{{a, PollEvent::read | PollEvent::write}}));
  poll.modify(a, PollEvent::none);
  EXPECT_EQ(poll.poll(0s), All{});
}

TEST(Poll, TellsUrgentData) {
  Socket server = create_server({"127.0.0.1", 0});
  const Socket client = create_connection(server.getsockname());
  const auto [peer, address] = server.accept();
  Poll poll;
  poll.add(peer, PollEvent::urgent);
  ASSERT_EQ(::send(client.fileno(), "!", 1, MSG_OOB), 1);
  EXPECT_EQ(poll.poll(5s), (All{{peer, PollEvent::urgent}}));
}

TEST(Poll, TellsAnEndOfInputFromAHangUp) {
  auto [a, b] = socketpair();
  Poll poll;
  poll.add(a, PollEvent::end_of_input);
  b.shutdown(Shutdown::write);
  EXPECT_EQ(poll.poll(5s), (All{{a, PollEvent::end_of_input}}));
  b.close();
  EXPECT_EQ(poll.poll(5s), (All{{a, PollEvent::end_of_input | PollEvent::hang_up}}));
}

TEST(Poll, TellsErrorsUnasked) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Descriptor in(ends[1]);
  Poll poll;
  poll.add(in.get(), PollEvent::none);
  close(ends[0]);  // nobody can ever read what is written
  EXPECT_EQ(poll.poll(5s), (All{{in.get(), PollEvent::error}}));
}

TEST(Poll, TellsWhatWasClosedWhileItWasWatched) {
  auto [a, b] = socketpair();
  const int number = a.fileno();
  Poll poll;
  poll.add(a, PollEvent::read);
  a.close();
  EXPECT_EQ(poll.poll(5s), (All{{number, PollEvent::not_open}}));
  poll.remove(number);
  EXPECT_EQ(poll.poll(0s), All{});
}

TEST(Poll, AddingTwiceAndWhatIsNotThereAreErrors) {
  auto [a, b] = socketpair();
  Poll poll;
  EXPECT_THROW(poll.modify(a, PollEvent::read), std::out_of_range);
  EXPECT_THROW(poll.remove(a), std::out_of_range);
  poll.add(a, PollEvent::write);
  EXPECT_THROW(poll.add(a, PollEvent::read), std::invalid_argument);
  EXPECT_EQ(poll.poll(5s), (All{{a, PollEvent::write}}));
  poll.remove(a);
  EXPECT_THROW(poll.remove(a), std::out_of_range);
  a.close();
  try {
    poll.remove(a);
    FAIL() << "it was found";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(),
                 "Poll::remove: descriptor -1 is not watched (a closed socket has none: remove it before)");
  }
}

TEST(Poll, CanBeMoved) {
  auto [a, b] = socketpair();
  Poll first;
  first.add(a, PollEvent::write);
  Poll second = std::move(first);
  EXPECT_EQ(second.poll(5s).size(), 1U);
}

TEST(PollEvent, Prints) {
  EXPECT_EQ(concat(PollEvent::none), "none");
  EXPECT_EQ(concat(PollEvent::read | PollEvent::hang_up), "read|hang_up");
  EXPECT_EQ(concat(PollEvent::urgent | PollEvent::write | PollEvent::end_of_input | PollEvent::error |
                   PollEvent::not_open),
            "urgent|write|end_of_input|error|not_open");
}

}  // namespace
}  // namespace parley
