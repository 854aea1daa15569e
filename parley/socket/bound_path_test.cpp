#include "parley/socket/bound_path.h"

#include <array>
#include <barrier>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "parley/socket/create.h"
#include "parley/socket/opening.h"

namespace parley {
namespace {

class BoundPathTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "parley_path_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/socket";
  }
  void TearDown() override {
    EXPECT_FALSE(std::filesystem::exists(path_ + ".parley.lock"));
    std::filesystem::remove_all(folder_);
  }

  Address at() const { return Address::local(path_); }
  bool exists() const { return std::filesystem::exists(path_); }

  static Opened listening(const Address& at, const ListenOptions& options = {}) {
    Result<Opened> opened = open_listening(at, options);
    EXPECT_TRUE(opened.ok()) << (opened ? "" : opened.error().message());
    return opened ? *std::move(opened) : Opened{};
  }
  void leave_behind() const { Socket(Family::local).bind(at()); }
  static bool answers(const Address& at) { return !Socket(Family::local).connect_ex(at); }

  std::string folder_;
  std::string path_;
};

// Runs in a forked child; true when `body` says so there.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(BoundPathTest, GoesWithItsOwnerAndIsTakenOverFromTheDead) {
  leave_behind();
  {
    const Opened server = listening(at(), {.mode = 0600U});
    EXPECT_TRUE(answers(at()));
    EXPECT_EQ(server.path.path(), path_);
    struct stat there{};
    ASSERT_EQ(::stat(path_.c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777U, 0600U);
    EXPECT_FALSE(open_listening(at(), {})) << "it lives";
  }
  EXPECT_FALSE(exists());
}

TEST_F(BoundPathTest, ALiveServerIsNotDisturbedByALook) {
  const Opened server = listening(at());
  EXPECT_FALSE(open_listening(at(), {}));
  EXPECT_FALSE(open_datagram(at(), {}));
  EXPECT_THROW(fromfd(server.descriptor.get()).accept(), WouldBlock) << "nobody has come";
}

TEST_F(BoundPathTest, WhatIsBoundAndNotYetListenedAtIsNotTakenOver) {
  Socket early(Family::local);
  early.bind(at());
  EXPECT_FALSE(is_left_over(at()));
  const auto second = open_listening(at(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), std::errc::address_in_use);
  EXPECT_FALSE(open_datagram(at(), {}));
  early.listen();
  EXPECT_TRUE(answers(at()));
}

TEST_F(BoundPathTest, AFileOrALinkIsLeftAlone) {
  std::ofstream(path_) << "precious";
  auto refused = open_listening(at(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), InUse::by_file);
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
  std::filesystem::rename(path_, folder_ + "/other");
  Socket(Family::local).bind(Address::local(folder_ + "/dead"));
  std::filesystem::create_symlink(folder_ + "/dead", path_);
  EXPECT_FALSE(open_listening(at(), {}));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(BoundPathTest, ANewerServersPathIsLeftAlone) {
  for (const bool with_socket : {false, true}) {
    Opened old = listening(at());
    std::filesystem::remove(path_);
    const Opened newer = listening(at());
    if (with_socket) {
      old.path.remove_with(std::move(old.descriptor));
    } else {
      old.path.remove();
    }
    EXPECT_TRUE(answers(at())) << with_socket;
  }
}

TEST_F(BoundPathTest, ARelativePathIsMeantAsOfTheBind) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::create_directory(folder_ + "/elsewhere");
  const auto stranger = Address::local(folder_ + "/elsewhere/socket");
  for (const bool with_socket : {false, true}) {
    std::filesystem::current_path(folder_);
    Opened server = listening(Address::local("socket"));
    const Opened other = listening(stranger);
    std::filesystem::current_path(folder_ + "/elsewhere");
    if (with_socket) {
      server.path.remove_with(std::move(server.descriptor));
    } else {
      server.path.remove();
    }
    EXPECT_FALSE(exists()) << with_socket;
    EXPECT_TRUE(answers(stranger)) << with_socket;
  }
  std::filesystem::current_path(before);
}

TEST_F(BoundPathTest, ALongFolderIsNoHindrance) {
  const std::filesystem::path before = std::filesystem::current_path();
  const std::filesystem::path deep = folder_ + "/" + std::string(100, 'a');
  std::filesystem::create_directory(deep);
  std::filesystem::current_path(deep);
  Opened server = listening(Address::local("socket"));
  std::filesystem::current_path(before);
  server.path.remove_with(std::move(server.descriptor));
  EXPECT_FALSE(std::filesystem::exists(deep / "socket"));
}

TEST_F(BoundPathTest, AForkedChildRemovesNothing) {
  Opened server = listening(at());
  EXPECT_TRUE(in_child([&] {
    server.path.remove();
    const Opened gone = std::move(server);
    return true;
  }));
  EXPECT_TRUE(answers(at()));
}

TEST_F(BoundPathTest, StaysForAChildThatServesOn) {
  std::array<int, 2> wait{};
  ASSERT_EQ(::pipe(wait.data()), 0);
  Opened server = listening(at());
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(wait[1]);
    char end;
    [[maybe_unused]] const auto ended = ::read(wait[0], &end, 1);
    server.path.inherit();
    server.path.remove_with(std::move(server.descriptor));
    ::_exit(0);
  }
  server.path.remove_with(std::move(server.descriptor));
  EXPECT_TRUE(exists());
  EXPECT_TRUE(answers(at()));
  ::close(wait[1]);
  ::close(wait[0]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(exists()) << "the child has made it its own";
}

// Each looks at the path before any of them takes it over.
TEST_F(BoundPathTest, OfSeveralStartsAtADeadPathOneLives) {
  constexpr int starts = 4;
  constexpr int rounds = 300;
  for (int round = 0; round < rounds; ++round) {
    leave_behind();
    std::vector<Opened> servers(starts);
    std::barrier together(starts);
    std::vector<std::thread> threads;
    for (Opened& server : servers) {
      threads.emplace_back([&] {
        together.arrive_and_wait();
        if (Result<Opened> opened = open_listening(at(), {})) server = *std::move(opened);
      });
    }
    for (std::thread& thread : threads) thread.join();
    int live = 0;
    for (const Opened& server : servers) live += server.descriptor ? 1 : 0;
    ASSERT_EQ(live, 1) << "round " << round;
    ASSERT_TRUE(answers(at()));
  }
}

TEST_F(BoundPathTest, ALockThatSomebodyElseHasIsNotWaitedFor) {
  leave_behind();
  const std::string name = path_ + ".parley.lock";
  {
    const Descriptor held(::open(name.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
    EXPECT_FALSE(open_listening(at(), {}));
  }
  const Opened server = listening(at());  // one that nobody holds is no hindrance, and goes
  EXPECT_FALSE(std::filesystem::exists(name));
  std::filesystem::remove(path_);
  leave_behind();
  std::ofstream(name) << "not ours";
  EXPECT_FALSE(open_listening(at(), {}));
  EXPECT_EQ(std::filesystem::file_size(name), 8U);
  std::filesystem::remove(name);
}

}  // namespace
}  // namespace parley
