#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
#include "parley/reactor/transport.h"

namespace parley {

// Time that may be spent on waiting: a share of all time, saved up to some.
class Patience {
 public:
  Patience(unsigned percent, Duration most, Duration saved) : percent_(percent), most_(most), saved_(saved) {}

  // Time that has passed until now counts; `earns`: and is saved.
  void pass(Time now, bool earns = true);
  // Waits from now on for so long, if `left` is left then. Who waits at the same time as another costs
  // nothing more. False: there is not enough, and nothing was taken.
  bool wait(Time now, Duration time, Duration left = {});

 private:
  const unsigned percent_;
  const Duration most_;
  Duration saved_;
  Time earned_{};  // until then
  Time waits_{};   // until then it is paid for
};

// How long those rest who tell somebody that is far behind: the first time for the brake, and each time twice
// as long until it has come nearer, since one message is let through after each. So it never falls dry, nor
// is it outrun by messages that are large for its speed.
class Rests {
 public:
  static constexpr Duration most = std::chrono::seconds(1);

  // Who comes while another rests for the same reason, rests as long as that one.
  Duration next(Time now, Duration brake);
  bool begun() const { return last_ != Duration::zero(); }
  void begin_anew() { *this = {}; }

 private:
  Duration last_{};
  Time until_{};
};

// Which of a loop's connections are loaded: more than an eighth of a sendq behind.
class Loaded {
 public:
  // A reader moves that reads a sixteenth of a sendq in so long. The kernel takes much at once, and then
  // nothing for a while, so it is judged by what the kernel holds for it, or else by what that has taken.
  static constexpr Duration judged_each = std::chrono::seconds(1);
  static constexpr Duration asked_each = std::chrono::milliseconds(100);

  explicit Loaded(const Limits& limits) : limits_(limits) {}

  bool is(std::size_t behind) const { return behind > limits_.sendq_bytes / 8; }
  void set(TransportId id, std::size_t behind, Time now);
  void took(TransportId id, std::size_t bytes);
  void drop(TransportId id);
  bool empty() const { return readers_.empty(); }
  // Another number whenever something may have changed.
  std::uint64_t version() const { return version_; }

  // Whether it is time to ask what the kernel holds for it, and the answer.
  bool asks(TransportId id, Time now);
  void holds(TransportId id, std::size_t bytes);
  bool moves(TransportId id, Time now);
  // More than half a sendq behind.
  bool far(TransportId id) const;
  // How long a sender who tells it alone is to rest; and whether this one was the last to rest so since it is
  // so far behind.
  Duration rest(TransportId id, TransportId sender, Time now, Duration brake);
  bool rests(TransportId id, TransportId sender) const;

 private:
  struct Reader {
    std::size_t behind;
    Time since;  // when this judgement began
    Time asked{};
    std::size_t taken = 0;  // by the kernel, since it was asked
    std::optional<std::size_t> held{};
    // By the reader, in the time of this judgement. Below 0: what the kernel held and had not told of before.
    std::ptrdiff_t read = 0;
    bool moved = true;  // by the last one
    Rests rests{};
    TransportId rested{};  // who rested for it alone
  };

  Reader* find(TransportId id);
  bool far(const Reader& reader) const { return reader.behind > limits_.sendq_bytes / 2; }

  const Limits& limits_;
  std::unordered_map<std::uint32_t, Reader> readers_;  // by slot
  std::uint64_t version_ = 0;
};

// How those who are told something keep up: what of it matters for whoever tells it.
struct Crowding {
  std::size_t moving = 0;  // those who take what they are sent, loaded or not
  std::size_t loaded = 0;  // of them
  std::size_t busy = 0;    // of them: the kernel has taken all that it takes for them
  std::size_t far = 0;     // of them: more than half a sendq behind

  // Whether so many set the pace: they are most, or more than a tenth and not one alone. How much the kernel
  // takes for a reader differs by megabytes, so that in a burst some are loaded long before others of the
  // same speed.
  bool many(std::size_t count) const { return 2 * count > moving || (count > 1 && tenth(count)); }
  // Whether they are more than a tenth.
  bool tenth(std::size_t count) const { return 10 * count > moving; }
};

// Whether those who tell a group something wait for its members; each group has one. Comparing what a reader
// takes with what it is sent proves nothing while it is waited for, so time is rationed. Where most are
// loaded, they are waited for as long as it takes. Where most have enough in the kernel, they lose nothing
// while one is waited for that is far behind. Otherwise it is waited for only so much of all time, and then
// falls behind alone, to its limit.
class Crowd {
 public:
  // Of the time of a loop, and, where most of a group were loaded within the last second, of the group's as
  // well.
  static constexpr unsigned percent = 5;
  static constexpr unsigned percent_in_crowd = 20;
  static constexpr Duration most = std::chrono::milliseconds(400);
  // Of which so much is kept for groups where those far behind are more than a tenth of the moving members.
  static Duration kept(Duration brake) {
    return std::min<Duration>(std::chrono::milliseconds(200), most - std::min(most, brake));
  }
  static constexpr Duration most_in_crowd = std::chrono::milliseconds(500);

  bool knows(std::uint64_t version) const { return version_ == version; }
  void look(const Crowding& crowding, Time now, std::uint64_t version);
  // How long one who tells it something now is to rest.
  Duration rest(Time now, Duration brake, Patience& of_loop);

 private:
  Crowding crowding_;
  std::uint64_t version_ = 0;
  Time crowded_{};  // until then
  Rests rests_;
  Patience patience_{percent_in_crowd, most_in_crowd, Duration::zero()};
};

}  // namespace parley
