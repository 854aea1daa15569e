#include "parley/socket/descriptors.h"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "parley/socket/create.h"
#include "parley/socket/interfaces.h"
#include "parley/socket/open_file.h"
#include "parley/socket/poller.h"
#include "parley/socket/selectors.h"

namespace parley {
namespace {

bool is_open(int descriptor) {
  return fcntl(descriptor, F_GETFD) >= 0;
}

// This process may open no more descriptors while it stands.
class OutOfDescriptors {
 public:
  OutOfDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit low{64, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    for (;;) {
      Descriptor one(open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!one) break;
      taken_.push_back(std::move(one));
    }
  }
  ~OutOfDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  void give_one_back() { taken_.pop_back(); }

 private:
  rlimit before_{};
  std::vector<Descriptor> taken_;
};

Socket listener() {
  Socket server = create_server({"127.0.0.1", 0});
  server.setblocking(false);
  return server;
}

// A client that is in the listener's queue, and has sent something already.
Socket waiting_client(const Socket& server) {
  Socket client = create_connection(server.getsockname());
  client.sendall("unread: closing would reset the connection\n");
  for (int unacknowledged = 1; unacknowledged > 0; std::this_thread::yield()) {
    EXPECT_EQ(ioctl(client.fileno(), SIOCOUTQ, &unacknowledged), 0);
  }
  return client;
}

TEST(Descriptor, ClosesWhatItOwns) {
  int first, second;
  {
    Descriptor a(open("/dev/null", O_RDONLY)), b(open("/dev/null", O_RDONLY));
    first = a.get();
    second = b.get();
    ASSERT_TRUE(is_open(first) && is_open(second));
    a = std::move(b);
    EXPECT_FALSE(is_open(first));
    EXPECT_EQ(a.get(), second);
    EXPECT_FALSE(b);  // NOLINT: a moved-from one owns nothing
  }
  EXPECT_FALSE(is_open(second));
}

TEST(Descriptor, GivesAwayWhatItOwned) {
  Descriptor owner(open("/dev/null", O_RDONLY));
  const int given = owner.release();
  owner.reset();
  EXPECT_TRUE(is_open(given));
  errno = EINTR;
  Descriptor(given).reset();
  EXPECT_EQ(errno, EINTR);
  EXPECT_FALSE(is_open(given));
}

TEST(DescriptorLimit, IsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{100, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  rlimit after{};
  getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST(ReserveDescriptor, RefusesOneConnectionWhenThereAreNoMoreDescriptors) {
  const Socket server = listener();
  ReserveDescriptor reserve;
  Socket first = waiting_client(server);
  Socket second = waiting_client(server);
  {
    const OutOfDescriptors all_gone;
    ASSERT_EQ(accept4(server.fileno(), nullptr, nullptr, 0), -1);
    ASSERT_EQ(errno, EMFILE);
    EXPECT_TRUE(reserve.refuse(server.fileno(), "full\r\n"));
    EXPECT_TRUE(reserve.held());
    EXPECT_TRUE(reserve.refuse(server.fileno(), "full too\r\n"));
    EXPECT_FALSE(reserve.refuse(server.fileno(), "nobody\r\n"));
    EXPECT_TRUE(reserve.held());
    EXPECT_EQ(first.recv(100), "full\r\n");
    EXPECT_EQ(first.recv(100), "");
    EXPECT_EQ(first.getsockopt(options::error), std::error_code());  // an end, and no reset
    EXPECT_EQ(second.recv(100), "full too\r\n");
    EXPECT_EQ(second.recv(100), "");
  }
}

TEST(OutOfDescriptors, EveryoneSaysWhatToDo) {
  Socket server = listener();
  const Socket client = waiting_client(server);
  const std::function<void()> calls[] = {[] { Socket socket; },
                                         [] { socketpair(); },
                                         [&] { server.accept(); },
                                         [&] { (void)server.dup(); },
                                         [&] { fromfd(server.fileno()); },
                                         [&] { create_connection(server.getsockname()); },
                                         [] { OpenFile opened("/dev/null"); },
                                         [] { Wakeup wakeup; },
                                         [] { DefaultSelector<> selector; },
                                         [] { if_nametoindex("lo"); },
                                         [] { Address("fe80::1%lo", 80); }};
  const OutOfDescriptors all_gone;
  int number = 0;
  for (const auto& call : calls) {
    try {
      call();
      ADD_FAILURE() << number << " found a descriptor";
    } catch (const std::exception& error) {
      EXPECT_NE(std::string_view(error.what()).find("ulimit -n"), std::string_view::npos) << error.what();
    }
    ++number;
  }
}

TEST(ReserveDescriptor, SaysWhenItHasNothingToRefuseWith) {
  const Socket server = listener();
  const Socket client = waiting_client(server);
  OutOfDescriptors all_gone;
  ReserveDescriptor reserve;
  EXPECT_FALSE(reserve.held());
  EXPECT_FALSE(reserve.refuse(server.fileno(), "full\r\n"));
  all_gone.give_one_back();
  EXPECT_TRUE(reserve.refuse(server.fileno(), "full\r\n"));
  EXPECT_TRUE(reserve.held());
}

}  // namespace
}  // namespace parley
