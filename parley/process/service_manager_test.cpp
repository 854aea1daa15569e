#include "parley/process/service_manager.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <unistd.h>

#include "parley/base/print.h"
#include "parley/process/child.h"
#include "parley/socket/address.h"
#include "parley/socket/error.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

// In a child: what a service manager does before it runs a program.
void hand_over(int count, const char* names, int pid = ::getpid()) {
  for (int i = 0; i < count; ++i) {
    const Socket socket;
    ::dup2(socket.fileno(), 100 + i);  // out of the way first
  }
  for (int i = 0; i < count; ++i) ::dup2(100 + i, 3 + i);
  ::setenv("LISTEN_PID", concat(pid).c_str(), 1);
  ::setenv("LISTEN_FDS", concat(count).c_str(), 1);
  if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
}

bool closes_on_exec(int descriptor) {
  return (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0;
}

// What each child answers: 0, or the number of the line that did not hold.
#define HOLDS(condition) \
  if (!(condition)) return __LINE__ % 256

TEST(InheritedDescriptors, AreThoseThatWereHandedOver) {
  Child child([] {
    hand_over(3, "http:chat");
    HOLDS(!closes_on_exec(3) && !closes_on_exec(4));
    std::vector<InheritedDescriptor>& all = inherited_descriptors();
    HOLDS(all.size() == 3);
    HOLDS(all[0].descriptor.get() == 3 && all[0].name == "http");
    HOLDS(all[1].descriptor.get() == 4 && all[1].name == "chat");
    HOLDS(all[2].descriptor.get() == 5 && all[2].name == "unknown");
    HOLDS(closes_on_exec(3) && closes_on_exec(4) && closes_on_exec(5));
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
      HOLDS(std::getenv(name) == nullptr);
    all[0].descriptor.release();
    HOLDS(inherited_descriptors().size() == 3 && !inherited_descriptors()[0].descriptor);
    return 0;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

TEST(InheritedDescriptors, AreNoneForAnotherProcess) {
  Child child([] {
    hand_over(1, nullptr, ::getppid());
    HOLDS(inherited_descriptors().empty());
    HOLDS(std::getenv("LISTEN_PID") == nullptr && std::getenv("LISTEN_FDS") == nullptr);
    return 0;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
  EXPECT_EQ(Child([] { return static_cast<int>(inherited_descriptors().size()); }).wait().exit_code(), 0);
}

int complaint(const char* count, const char* pid, const char* says) {
  ::setenv("LISTEN_FDS", count, 1);
  ::setenv("LISTEN_PID", pid, 1);
  try {
    inherited_descriptors();
  } catch (const std::runtime_error& error) {
    return std::string_view(error.what()) == says ? 0 : 2;
  }
  return 1;
}

TEST(InheritedDescriptors, SayWhatMakesNoSense) {
  const auto own = [] { return concat(::getpid()); };
  EXPECT_EQ(Child([&] { return complaint("x", own().c_str(), "LISTEN_FDS=x: this is no number"); })
                .wait()
                .exit_code(),
            0);
  EXPECT_EQ(
      Child([&] { return complaint("1", "-1", "LISTEN_PID=-1: this is no number"); }).wait().exit_code(), 0);
  EXPECT_EQ(Child([&] {
              return complaint("2000000000", own().c_str(), "LISTEN_FDS=2000000000: that many cannot be");
            })
                .wait()
                .exit_code(),
            0);
  Child closed([&] {
    ::close(3);
    return complaint("1", own().c_str(), "LISTEN_FDS=1: the descriptor 3 is not open");
  });
  EXPECT_EQ(closed.wait().exit_code(), 0);
}

class Manager {
 public:
  explicit Manager(const Address& at) : socket_(Family::local, Type::datagram) {
    socket_.bind(at);
    socket_.setblocking(false);
    ::setenv("NOTIFY_SOCKET", concat(at).c_str(), 1);
  }
  ~Manager() { ::unsetenv("NOTIFY_SOCKET"); }

  std::string told() { return socket_.recv(100); }

 private:
  Socket socket_;
};

TEST(NotifyServiceManager, SendsADatagram) {
  {
    Manager manager(Address::abstract(concat("parley-notify-", ::getpid())));
    EXPECT_TRUE(notify_service_manager("READY=1"));
    EXPECT_TRUE(notify_service_manager("STOPPING=1"));
    EXPECT_EQ(manager.told(), "READY=1");
    EXPECT_EQ(manager.told(), "STOPPING=1");
  }
  const std::string path = concat(testing::TempDir(), "parley-notify-", ::getpid());
  Manager manager(Address::local(path));
  EXPECT_TRUE(notify_service_manager("READY=1"));
  EXPECT_EQ(manager.told(), "READY=1");
  ::unlink(path.c_str());
  EXPECT_THROW(notify_service_manager("READY=1"), SocketError);  // it has gone
}

TEST(NotifyServiceManager, NobodyIsToldWhereThereIsNone) {
  EXPECT_FALSE(notify_service_manager("READY=1"));
  ::setenv("NOTIFY_SOCKET", "", 1);
  EXPECT_FALSE(notify_service_manager("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace parley
