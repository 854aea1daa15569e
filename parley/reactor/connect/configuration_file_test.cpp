#include "parley/reactor/connect/configuration_file.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace parley {
namespace {

using namespace std::chrono_literals;

class ConfigurationFileTest : public testing::Test {
 protected:
  ConfigurationFileTest() { std::filesystem::create_directory(folder_); }
  ~ConfigurationFileTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& text, const std::string& path) const { std::ofstream(path) << text; }
  void write(const std::string& text) const { write(text, path_); }
  void age(std::chrono::hours by = 1h) const {
    std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now() - by);
  }

  const std::string folder_ = testing::TempDir() + "parley_configuration_" + std::to_string(::getpid());
  const std::string path_ = folder_ + "/conf";
  ConfigurationFile file_{path_};
};

TEST_F(ConfigurationFileTest, IsReadOnceAsLongAsNothingChanges) {
  write("one\n");
  age();
  EXPECT_EQ(file_.read_if_changed(), "one\n");
  EXPECT_EQ(file_.read_if_changed(), std::nullopt);
  EXPECT_EQ(file_.read_if_changed(), std::nullopt);
}

TEST_F(ConfigurationFileTest, WrittenAnewReplacedRemovedAndBackAgain) {
  EXPECT_EQ(file_.read_if_changed(), "") << "there is none";
  EXPECT_EQ(file_.read_if_changed(), std::nullopt);
  write("one\n");
  age();
  EXPECT_EQ(file_.read_if_changed(), "one\n");
  write("other\n");
  age();
  EXPECT_EQ(file_.read_if_changed(), "other\n");
  // Of the same size and age, as from an archive.
  const auto time = std::filesystem::last_write_time(path_);
  write("OTHER\n", path_ + ".new");
  std::filesystem::last_write_time(path_ + ".new", time);
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_EQ(file_.read_if_changed(), "OTHER\n");
  EXPECT_EQ(file_.read_if_changed(), std::nullopt);
  std::filesystem::remove(path_);
  EXPECT_EQ(file_.read_if_changed(), "");
  EXPECT_EQ(file_.read_if_changed(), std::nullopt);
  write("back\n");
  EXPECT_EQ(file_.read_if_changed(), "back\n");
}

TEST_F(ConfigurationFileTest, WhatWasWrittenAMomentAgoIsReadAgain) {
  write("one\n");
  EXPECT_EQ(file_.read_if_changed(), "one\n");
  EXPECT_EQ(file_.read_if_changed(), "one\n")
      << "its time would not tell of a second write within the same tick";
  age();
  EXPECT_EQ(file_.read_if_changed(), "one\n");
  EXPECT_EQ(file_.read_if_changed(), std::nullopt);
}

TEST_F(ConfigurationFileTest, WhereALinkPoints) {
  write("one\n", folder_ + "/first");
  write("two\n", folder_ + "/second");
  std::filesystem::create_symlink(folder_ + "/first", path_);
  EXPECT_EQ(file_.read_if_changed(), "one\n");
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(folder_ + "/second", path_);
  EXPECT_EQ(file_.read_if_changed(), "two\n");
}

TEST_F(ConfigurationFileTest, APipeIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(file_.read_if_changed(), "");
  EXPECT_EQ(ConfigurationFile(folder_).read_if_changed(), "");
}

}  // namespace
}  // namespace parley
