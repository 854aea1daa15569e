#include "parley/process/pid_file.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/process/child.h"

namespace parley {
namespace {

class PidFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "parley-pid-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = name + "/server.pid";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string content() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator());
  }
  std::string own() const { return concat(::getpid(), '\n'); }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(PidFileTest, IsThereAsLongAsItsObject) {
  std::optional<PidFile> file(path_);
  EXPECT_EQ(content(), own());
  EXPECT_EQ(files(), 1);
  PidFile moved(std::move(*file));
  file.reset();
  EXPECT_EQ(content(), own());
  {
    const PidFile last(std::move(moved));
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(PidFileTest, IsRefusedWhileALivingProcessHoldsIt) {
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  Child other([&] {
    ::close(end[1]);
    const PidFile file(path_);
    char byte = '1';
    if (::write(ready[1], &byte, 1) != 1) return 1;
    return ::read(end[0], &byte, 1) == 0 ? 0 : 1;  // until the other end is closed
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  try {
    const PidFile file(path_);
    ADD_FAILURE() << "it was given to both";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::device_or_resource_busy);
    EXPECT_NE(
        std::string(error.what()).find(concat("pid file ", path_, ": process ", other.pid(), " holds it")),
        std::string::npos)
        << error.what();
  }
  EXPECT_EQ(content(), concat(other.pid(), '\n'));
  EXPECT_EQ(files(), 1);
  ::close(end[1]);
  EXPECT_EQ(other.wait().exit_code(), 0);
  EXPECT_EQ(files(), 0);
  for (const int descriptor : {ready[0], ready[1], end[0]}) ::close(descriptor);
}

TEST_F(PidFileTest, IsRefusedInTheSameProcessToo) {
  const PidFile file(path_);
  EXPECT_THROW(PidFile{path_}, std::system_error);
  EXPECT_EQ(content(), own());
  EXPECT_EQ(files(), 1);
}

TEST_F(PidFileTest, OneThatWasLeftBehindIsReplaced) {
  Child killed([&] {
    const PidFile file(path_);
    return ::kill(::getpid(), SIGKILL);
  });
  EXPECT_EQ(killed.wait().signal(), SIGKILL);
  EXPECT_EQ(content(), concat(killed.pid(), '\n'));
  {
    const PidFile file(path_);
    EXPECT_EQ(content(), own());
  }
  // A number that belongs to somebody else by now is nobody's lock.
  std::ofstream(path_) << ::getppid() << '\n';
  const PidFile file(path_);
  EXPECT_EQ(content(), own());
  EXPECT_EQ(files(), 1);
}

TEST_F(PidFileTest, AnotherOnesFileIsNotRemoved) {
  {
    const PidFile file(path_);
    std::filesystem::remove(path_);
    std::ofstream(path_) << "other";
  }
  EXPECT_EQ(content(), "other");
}

TEST_F(PidFileTest, AForkedChildLeavesItAlone) {
  std::optional<PidFile> file(path_);
  Child child([&] {
    file.reset();
    return 0;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
  EXPECT_EQ(content(), own());
}

TEST_F(PidFileTest, ARelativePathIsMeantAsOfItsBeginning) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  {
    const PidFile file("server.pid");
    EXPECT_EQ(file.path(), "server.pid");
    std::filesystem::current_path("/");
  }
  EXPECT_EQ(files(), 0);
  std::filesystem::current_path(before);
}

TEST_F(PidFileTest, FollowsNoLink) {
  const std::string target = (folder_ / "precious").string();
  std::ofstream(target) << "data";
  std::filesystem::create_symlink(target, path_);
  EXPECT_THROW(PidFile{path_}, std::system_error);
  std::ifstream file(target);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "data");
  EXPECT_EQ(files(), 2);
}

TEST_F(PidFileTest, SaysWhereItCannotBe) {
  try {
    const PidFile file((folder_ / "none" / "x.pid").string());
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_NE(std::string(error.what()).find("none/x.pid"), std::string::npos);
  }
}

// However many begin at once, one has it; and who reads the file finds a whole number.
TEST_F(PidFileTest, IsOnesOfMany) {
  for (int round = 0; round < 5; ++round) {
    std::ofstream(path_) << "1\n";  // left behind
    int go[2];
    int end[2];
    int told[2];
    ASSERT_EQ(::pipe(go) | ::pipe(end) | ::pipe(told), 0);
    const auto body = [&] {
      ::close(go[1]);
      ::close(end[1]);
      char byte = 0;
      if (::read(go[0], &byte, 1) != 0) return 9;
      std::optional<PidFile> file;
      try {
        file.emplace(path_);
      } catch (const std::system_error&) {
      }
      const char answer = file ? 'y' : 'n';
      if (::write(told[1], &answer, 1) != 1 || ::read(end[0], &byte, 1) != 0) return 9;
      return file ? 1 : 0;
    };
    std::vector<Child> children;
    for (int i = 0; i < 8; ++i) children.emplace_back(body);
    ::close(go[1]);
    std::string answers;
    for (char byte = 0; answers.size() < 8 && ::read(told[0], &byte, 1) == 1;) {
      answers += byte;
      EXPECT_TRUE(content().ends_with('\n'));
    }
    ::close(end[1]);
    int holders = 0;
    for (Child& child : children) holders += child.wait().exit_code();
    EXPECT_EQ(holders, 1);
    EXPECT_EQ(files(), 0);
    for (const int descriptor : {go[0], end[0], told[0], told[1]}) ::close(descriptor);
  }
}

}  // namespace
}  // namespace parley
