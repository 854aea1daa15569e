#include "parley/line/stateful_receiver.h"

#include "parley/line/every_split_fixture.h"

namespace parley {
namespace {

// "N..." is N bytes; "0" has none, and "!" comes before the next in a state without bytes.
class Counted : public StatefulReceiver {
 public:
  Counted(StringTransport& transport, bool pauses) : notes(transport, pauses) {}

  Notes notes;

 private:
  State initial_state() override { return {&Counted::size, 1}; }
  State size(std::string_view digit) {
    notes.note("size ", digit);
    if (digit == "!") return {&Counted::nothing, 0};
    return {&Counted::body, static_cast<std::size_t>(digit[0] - '0')};
  }
  State body(std::string_view bytes) {
    notes.note("body ", bytes);
    return {&Counted::size, 1};
  }
  State nothing(std::string_view bytes) {
    notes.note("nothing", bytes);
    return {&Counted::size, 1};
  }
};

TEST(StatefulReceiver, EverySplit) {
  expect_at_every_split<Counted>("3abc1x0!5pause9half",
                                 {"size 3", "body abc", "size 1", "body x", "size 0", "body ", "size !",
                                  "nothing", "size 5", "body pause", "size 9"});
  expect_at_every_split<Counted>("1a4quit1x", {"size 1", "body a", "size 4", "body quit"});
  expect_at_every_split<Counted>("5abort1x", {"size 5", "body abort"});
  expect_at_every_split<Counted>("!", {"size !", "nothing"});
}

TEST(StatefulReceiver, AStateWithoutBytesWaitsWhilePaused) {
  Connected<Counted> counted;
  counted.receiver.notes.on_note = [&](std::string_view) { counted.transport.pause_reading(); };
  counted.transport.receive("!");
  EXPECT_EQ(counted.events(), Events{"size !"});
  counted.resume();
  EXPECT_EQ(counted.events(), (Events{"size !", "nothing"}));
}

TEST(StatefulReceiver, NothingIsKeptOfWhatComesWhole) {
  Connected<Counted> counted;
  const char* place = nullptr;
  counted.receiver.notes.on_note = [&](std::string_view bytes) { place = bytes.data(); };
  std::string lent = "3abc";
  counted.receiver.data_received(lent);
  EXPECT_EQ(place, lent.data() + 1);
}

}  // namespace
}  // namespace parley
