#include "parley/process/pages.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <new>
#include <random>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace parley {
namespace {

constexpr std::size_t mib = 1024 * 1024;

// How much of these blocks, the largest there are, has memory behind it, in bytes.
std::size_t resident(const std::vector<char*>& blocks) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::size_t sum = 0;
  for (char* const block : blocks) {
    std::array<unsigned char, Pages::largest / 4096> pages{};
    if (::mincore(block, Pages::largest, pages.data()) != 0) continue;  // not even mapped
    sum += page * static_cast<std::size_t>(std::count(pages.begin(), pages.end(), 1));
  }
  return sum;
}

struct Block {
  char* at;
  std::size_t size;
  char filled;
};

// Against what each block was filled with: none stands in another.
TEST(PagesTest, BlocksDoNotOverlapAndAreAligned) {
  for (unsigned seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Pages pages;
    std::vector<Block> blocks;
    std::size_t bytes = 0;
    for (int step = 0; step < 16'000; ++step) {
      const bool grows = step % 8000 < 4000;
      if (blocks.empty() || random() % 100 < (grows ? 60 : 40)) {
        const std::size_t size = Pages::smallest << random() % 5;
        char* const at = pages.take(size);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % size, 0U);
        const char filled = static_cast<char>(step);
        std::memset(at, filled, size);
        blocks.push_back({at, size, filled});
        bytes += size;
      } else {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        const Block gone = blocks.back();
        blocks.pop_back();
        ASSERT_TRUE(std::all_of(gone.at, gone.at + gone.size, [&](char c) { return c == gone.filled; }));
        pages.give_back(gone.at, gone.size);
        bytes -= gone.size;
      }
      ASSERT_GE(pages.used(), bytes);
      ASSERT_LE(pages.used() + pages.kept(), pages.mapped());
      ASSERT_LE(pages.kept(), mib + pages.used() / 32);
    }
    for (const Block& block : blocks) pages.give_back(block.at, block.size);
    EXPECT_LE(pages.mapped(), 2 * mib);
  }
}

TEST(PagesTest, WhatWasFreedGoesBackToTheSystem) {
  Pages pages;
  std::vector<char*> blocks;
  for (std::size_t i = 0; i < 64 * mib / Pages::largest; ++i) {
    blocks.push_back(pages.take(Pages::largest));
    std::memset(blocks.back(), 'x', Pages::largest);
  }
  EXPECT_GE(resident(blocks), 60 * mib);
  // One of 64 stays, somewhere in the middle.
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 64 != 20) pages.give_back(blocks[i], Pages::largest);
  }
  EXPECT_LE(pages.used() + pages.kept(), 4 * mib);
  EXPECT_LE(resident(blocks), 4 * mib);
  for (std::size_t i = 20; i < blocks.size(); i += 64) pages.give_back(blocks[i], Pages::largest);
  EXPECT_LE(pages.mapped(), 3 * mib);
}

TEST(PagesTest, SmallBlocksFillWhatIsInUse) {
  Pages pages;
  std::vector<char*> blocks;
  blocks.reserve(1600);
  for (int i = 0; i < 1600; ++i) blocks.push_back(pages.take(Pages::smallest));
  EXPECT_LE(pages.used(), 101 * Pages::largest + 2 * Pages::largest);
  for (std::size_t i = 0; i < blocks.size(); i += 2) pages.give_back(blocks[i], Pages::smallest);
  const std::size_t used = pages.used();
  for (std::size_t i = 0; i < blocks.size(); i += 2) blocks[i] = pages.take(Pages::smallest);
  EXPECT_EQ(pages.used(), used);
  for (char* const block : blocks) pages.give_back(block, Pages::smallest);
}

TEST(PagesTest, ThrowsWhereThereIsNoMemoryAndGoesOn) {
  Pages pages;
  pages.set_limit(mib);
  std::vector<char*> blocks;
  EXPECT_THROW(
      {
        while (true) blocks.push_back(pages.take(Pages::largest));
      },
      std::bad_alloc);
  EXPECT_EQ(blocks.size(), 63U);
  pages.give_back(blocks.back(), Pages::largest);
  blocks.back() = pages.take(Pages::largest);
  for (char* const block : blocks) pages.give_back(block, Pages::largest);
}

}  // namespace
}  // namespace parley
