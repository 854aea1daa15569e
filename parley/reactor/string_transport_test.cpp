#include "parley/reactor/string_transport.h"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "parley/base/print.h"

namespace parley {
namespace {

class Notes : public Protocol {
 public:
  explicit Notes(bool stays = false) : stays_(stays) {}

  void connection_made() override { notes += format("made ", peer(), ';'); }
  void data_received(std::span<char> lent) override { notes += std::string(lent.data(), lent.size()) + ';'; }
  bool eof_received() override {
    notes += "end;";
    return stays_;
  }
  void reading_resumed() override { notes += "resumed;"; }
  void connection_lost(Reason reason) override {
    notes += reason.kind() == Reason::Kind::done     ? "done;"
             : reason.kind() == Reason::Kind::closed ? "closed;"
             : reason.kind() == Reason::Kind::failed ? "failed;"
                                                     : "aborted;";
    transport().write("nothing");  // still valid, and without effect
  }
  using Protocol::transport;

  std::string notes;

 private:
  bool stays_;
};

class StringTransportTest : public testing::Test {
 protected:
  void connect(Protocol& protocol) {
    transport.connect(protocol);
    notes.notes.clear();
  }

  StringTransport transport;
  Notes notes;
};

TEST_F(StringTransportTest, ConnectsAProtocol) {
  transport.connect(notes);
  EXPECT_EQ(notes.notes, "made 192.0.2.1:54321;");
  EXPECT_EQ(&notes.transport(), &transport);
}

TEST_F(StringTransportTest, KeepsWhatIsWritten) {
  connect(notes);
  transport.write("a");
  transport.write(Slice(std::string("b")));
  transport.writelines(std::array<std::string_view, 2>{"c", "d"});
  EXPECT_EQ(transport.written(), "abcd");
  transport.clear();
  transport.shutdown_write();
  transport.write("e");
  EXPECT_EQ(transport.written(), "");
  EXPECT_TRUE(transport.write_ended());
}

TEST_F(StringTransportTest, DeliversWhatReadingAllows) {
  connect(notes);
  transport.receive("a");
  transport.pause_reading();
  transport.receive("b");
  transport.receive("c");
  transport.receive_end();
  transport.turn();
  EXPECT_EQ(notes.notes, "a;");
  transport.resume_reading();
  EXPECT_FALSE(transport.reading());  // from the next turn
  transport.pause_reading();
  transport.turn();
  EXPECT_EQ(notes.notes, "a;");
  transport.resume_reading();
  transport.turn();
  EXPECT_EQ(notes.notes, "a;resumed;bc;end;done;");
  EXPECT_TRUE(transport.closing());
  transport.turn();
  transport.lose(Reason(Reason::Kind::failed));
  EXPECT_EQ(notes.notes, "a;resumed;bc;end;done;");
}

TEST_F(StringTransportTest, StaysOpenForAHalfCloseUntilBothHaveEnded) {
  Notes stays(true);
  connect(stays);
  transport.receive_end();
  EXPECT_FALSE(transport.closing());
  transport.write("a");
  EXPECT_EQ(transport.written(), "a");
  transport.shutdown_write();
  EXPECT_TRUE(transport.closing());
}

TEST_F(StringTransportTest, ClosesInTheTurn) {
  connect(notes);
  transport.lose_connection();
  EXPECT_EQ(notes.notes, "");
  EXPECT_FALSE(transport.reading());
  transport.receive("a");
  transport.write("b");
  transport.turn();
  EXPECT_EQ(notes.notes, "closed;");
  EXPECT_EQ(transport.written(), "");
}

TEST_F(StringTransportTest, Aborts) {
  connect(notes);
  transport.lose_connection();
  transport.abort_connection();
  EXPECT_TRUE(transport.aborted());
  transport.turn();
  EXPECT_EQ(notes.notes, "aborted;");
}

TEST_F(StringTransportTest, BreaksAtOnce) {
  connect(notes);
  transport.lose(Reason(Reason::Kind::failed));
  EXPECT_EQ(notes.notes, "failed;");
}

}  // namespace
}  // namespace parley
