#include "parley/reactor/string_transport.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/filter.h"
#include "parley/socket/open_file.h"

namespace parley {
namespace {

class Notes : public Protocol {
 public:
  explicit Notes(bool stays = false) : stays_(stays) {}

  void connection_made() override { notes += concat("made ", peer(), ';'); }
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

// What a loop refuses is refused here too.

class Farewell : public Filter {
 public:
  using Filter::fail;
  using Filter::transport;
  bool finish(Output& output) override {
    output.put("farewell");
    return true;
  }
};

TEST_F(StringTransportTest, AFailureLeavesNoTimeForLastWords) {
  Farewell filter;
  filter.carry(std::make_unique<Notes>());
  connect(filter);
  transport.write("text");
  filter.fail(std::make_error_code(std::errc::protocol_error));
  transport.turn();
  EXPECT_EQ(transport.written(), "");
  EXPECT_TRUE(transport.closing());
}

TEST_F(StringTransportTest, NothingLeavesOfAFlushThatFails) {
  class Failing final : public Filter {
    void flush(Output& output) override {
      output.pass(output.size());
      fail(std::make_error_code(std::errc::protocol_error));
    }
  } filter;
  filter.carry(std::make_unique<Notes>());
  connect(filter);
  transport.write("text");
  transport.turn();
  EXPECT_EQ(transport.written(), "");
}

TEST_F(StringTransportTest, AFilterIsNotPutThereInAFlushNorIsNone) {
  connect(notes);
  EXPECT_THROW(transport.insert(nullptr, {}), std::invalid_argument);

  class Inserting final : public Filter {
   public:
    bool refused = false;

   private:
    void flush(Output& output) override {
      try {
        transport().insert(std::make_unique<Filter>(), {});
      } catch (const std::logic_error&) {
        refused = true;
      }
      output.pass(output.size());
    }
  } filter;
  filter.carry(std::make_unique<Notes>());
  StringTransport other;
  other.connect(filter);
  other.write("text");
  other.turn();
  EXPECT_TRUE(filter.refused);
  EXPECT_EQ(other.written(), "text");
}

// A filter that puts another one above itself before it lets the application begin: each is told once.
TEST_F(StringTransportTest, OneThatIsPutUnderAnApplicationBeforeItBeginsBeginsWithIt) {
  class Told final : public Filter {
   public:
    explicit Told(int& times) : times_(times) {}
    void connection_made() override {
      ++times_;
      Filter::connection_made();
    }

   private:
    int& times_;
  };
  class Choosing final : public Filter {
   public:
    int told = 0;
    void connection_made() override {
      transport().insert(std::make_unique<Told>(told), {});
      tell_made();
    }
  } filter;
  auto application = std::make_unique<Notes>();
  Notes& told = *application;
  filter.carry(std::move(application));
  transport.connect(filter);
  transport.turn();
  EXPECT_EQ(told.notes, "made 192.0.2.1:54321;resumed;");
  EXPECT_EQ(filter.told, 1);
  transport.receive("a");
  EXPECT_EQ(told.notes, "made 192.0.2.1:54321;resumed;a;");
}

TEST_F(StringTransportTest, AFileThatIsTooShortIsAFailureThatSaysSo) {
  class Failed final : public Protocol {
   public:
    std::error_code error;

   private:
    void data_received(std::span<char>) override {}
    void connection_lost(Reason reason) override { error = reason.error(); }
  } failed;
  transport.connect(failed);
  const std::string path = testing::TempDir() + "string_transport_short_" + std::to_string(::getpid());
  std::ofstream(path) << "text";
  transport.send_file(OpenFile(path), 0, 5);
  transport.turn();
  EXPECT_EQ(failed.error, FileFailure::shorter);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace parley
