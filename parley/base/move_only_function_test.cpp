#include "parley/base/move_only_function.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace parley {
namespace {

// Tells whether it was given a block of memory, how many of it there are, and how often it moved.
template <std::size_t size, std::size_t alignment = alignof(void*), bool moves_quietly = true>
struct Counted {
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(Counted&& other) noexcept(moves_quietly) : alive_(other.alive_) { ++*alive_; }
  ~Counted() { --*alive_; }
  int operator()(int more) const { return *alive_ + more; }

  static void* operator new(std::size_t bytes) {
    ++blocks;
    return ::operator new(bytes, std::align_val_t(alignment));
  }
  static void* operator new(std::size_t /*bytes*/, void* place) { return place; }
  static void operator delete(void* block) { ::operator delete(block, std::align_val_t(alignment)); }
  static inline int blocks = 0;

 private:
  int* alive_;
  alignas(alignment) std::array<char, size - sizeof(int*)> rest_{};
};

template <class C>
int blocks_for_one() {
  int alive = 0;
  C::blocks = 0;
  {
    MoveOnlyFunction<int(int)> first{C(alive)};
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(first(10), 11);
    MoveOnlyFunction<int(int)> second(std::move(first));
    EXPECT_FALSE(first);
    EXPECT_EQ(second(10), 11);
    first = std::move(second);
    EXPECT_FALSE(second);
    EXPECT_EQ(first(20), 21);
    MoveOnlyFunction<int(int)>& same = first;
    first = std::move(same);
    EXPECT_EQ(first(30), 31);
    first = C(alive);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
  return C::blocks;
}

TEST(MoveOnlyFunction, HoldsWhatIsSmallWithin) {
  EXPECT_EQ(blocks_for_one<Counted<16>>(), 0);
  EXPECT_EQ(blocks_for_one<Counted<24>>(), 0);
}

TEST(MoveOnlyFunction, KeepsWhatIsLargeOrMayThrowOrIsAlignedWidelyApart) {
  EXPECT_EQ(blocks_for_one<Counted<32>>(), 2);
  EXPECT_EQ((blocks_for_one<Counted<16, alignof(void*), false>>()), 2);
  EXPECT_EQ((blocks_for_one<Counted<24, 64>>()), 2);
}

TEST(MoveOnlyFunction, TakesWhatCanOnlyBeMoved) {
  auto number = std::make_unique<int>(41);
  const MoveOnlyFunction<int()> call = [number = std::move(number)] { return *number + 1; };
  EXPECT_EQ(call(), 42);
  static_assert(!std::is_copy_constructible_v<MoveOnlyFunction<int()>>);
  static_assert(!std::is_constructible_v<MoveOnlyFunction<int()>, int>);
  static_assert(!std::is_constructible_v<MoveOnlyFunction<void(int)>, void (*)(std::string)>);
}

TEST(MoveOnlyFunction, IsEmptyWhenMadeOfNothing) {
  void (*const no_function)() = nullptr;
  const MoveOnlyFunction<void()> none[] = {
      {}, nullptr, no_function, std::function<void()>(), MoveOnlyFunction<void()>()};
  for (const auto& one : none) {
    EXPECT_FALSE(one);
    EXPECT_TRUE(one == nullptr);
    EXPECT_THROW(one(), std::bad_function_call);
  }
  MoveOnlyFunction<void()> full = [] {};
  EXPECT_TRUE(full);
  full = nullptr;
  EXPECT_FALSE(full);
}

int twice(int number) {
  return 2 * number;
}

struct Box {
  long in = 0;
  long add(int more) { return in += more; }
};

TEST(MoveOnlyFunction, CallsFunctionsMembersAndWhatIsCopied) {
  EXPECT_EQ(MoveOnlyFunction<int(int)>(twice)(4), 8);
  Box box;
  EXPECT_EQ(MoveOnlyFunction<long(Box&, int)>(&Box::add)(box, 3), 3);
  const std::function<int(int)> copied = twice;
  EXPECT_EQ(MoveOnlyFunction<int(int)>(copied)(5), 10);
  EXPECT_EQ(copied(6), 12);
}

TEST(MoveOnlyFunction, HandsArgumentsOn) {
  const MoveOnlyFunction<std::unique_ptr<int>(std::unique_ptr<int>, std::string&)> call =
      [](std::unique_ptr<int> number, std::string& text) {
        text += "!";
        return number;
      };
  std::string text = "so";
  EXPECT_EQ(*call(std::make_unique<int>(7), text), 7);
  EXPECT_EQ(text, "so!");
}

// Its destructor finds the function in order, with the new one in place.
TEST(MoveOnlyFunction, EndsWhatWasThereLast) {
  MoveOnlyFunction<int()> function;
  int found = 0;
  const auto look = [&](int*) { found = function(); };
  int here = 0;
  function = [kept = std::unique_ptr<int, decltype(look)>(&here, look)] { return 1; };
  function = [] { return 2; };
  EXPECT_EQ(found, 2);
}

}  // namespace
}  // namespace parley
