// Files are sent in order with what is written, whole, and with the connection's own rules.

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "parley/socket/open_file.h"
#include "tests/conformance/filtering.h"

namespace parley::conformance {
namespace {

class SendingFiles : public Conformance {
 protected:
  // Filters read it themselves, and cannot where it is in memory alone.
  OpenFile file(std::string_view contents) {
    if (!filtered()) return OpenFile::borrow(outside().file(contents).native);
    const std::string path = testing::TempDir() + "parley_conformance_file_" + std::to_string(::getpid());
    std::ofstream(path) << contents;
    const OpenFile open(path);
    std::filesystem::remove(path);
    return open;
  }
};
PARLEY_CONFORMANCE(SendingFiles);
PARLEY_CONFORMANCE_UNDER_FILTERS(SendingFiles);

TEST_P(SendingFiles, AFileStandsBetweenWhatIsWritten) {
  const Client client = join({}, true);
  const std::string text = text_of(200000);
  const OpenFile sent = file(text);
  const OpenFile other = file("other");
  client.wire().write("before");
  client.wire().send_file(sent, 1000, 150000);
  client.wire().write("between");
  client.wire().send_file(other, 0, 5);
  client.wire().send_file(other, 1, 3);
  client.wire().write("after");
  const std::string expected = "before" + text.substr(1000, 150000) + "betweenotherthe" + "after";
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= expected.size(); }));
  EXPECT_SAME(client.peer->received(), expected);
  settle();
  EXPECT_EQ(client.wire().queued(), 0U);
}

TEST_P(SendingFiles, ASlowReaderGetsItInParts) {
  Limits limits;
  limits.sendq_bytes = 50000;
  start(limits);
  int paused = 0;
  const Client client = join({.pause_writing = [&](Actor&) { ++paused; }}, true);
  client.peer->window(0);
  const std::string text = text_of(3000000);
  const OpenFile sent = file(text);
  client.wire().write("a");
  client.wire().send_file(sent, 0, text.size());
  client.wire().write("z");
  EXPECT_EQ(client.wire().queued(), text.size() + 2);
  settle();
  // It is no memory: nobody is behind for it. But who writes more waits until most of it has left.
  EXPECT_FALSE(client.story->lost());
  EXPECT_EQ(paused, 1);
  EXPECT_GT(client.wire().queued(), 0U);
  std::size_t window = 0;
  while (window < text.size()) {
    window += 400000;
    client.peer->window(400000);
    settle();
  }
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= text.size() + 2; }));
  EXPECT_SAME(client.peer->received(), "a" + text + "z");
}

TEST_P(SendingFiles, ClosingWaitsForIt) {
  const Client client = join({}, true);
  const std::string text = text_of(300000);
  client.wire().send_file(file(text), 0, text.size());
  client.wire().lose_connection();
  client.wire().send_file(file("too late"), 0, 8);
  ASSERT_TRUE(until([&] { return client.peer->ended(); }));
  EXPECT_SAME(client.peer->received(), text);
  client.peer->close();
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
}

TEST_P(SendingFiles, OneThatIsShorterFailsTheConnection) {
  const Client client = join();
  client.wire().write("before");
  client.wire().send_file(file("short"), 0, 100);
  client.wire().write("after");
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::failed);
  EXPECT_EQ(client.story->reason->error(), FileFailure::shorter);
  EXPECT_EQ(client.story->reason->error(), std::errc::io_error);
}

TEST_P(SendingFiles, WhatCannotBeIsRefused) {
  const Client client = join({}, true);
  EXPECT_THROW(client.wire().send_file(OpenFile(), 0, 1), std::invalid_argument);
  client.peer->window(0);
  const std::string text = text_of(3000000);
  client.wire().send_file(file(text), 0, text.size());
  settle();
  EXPECT_THROW(reactor().detach(client.wire().id(), [](Detached) {}), std::logic_error);
  client.wire().abort_connection();
  EXPECT_TRUE(until([&] { return client.story->lost(); }));
}

// What was queued before a filter came leaves without passing it, a file too.
// The file leaves without passing it.
TEST_P(SendingFiles, AFilterIsPutBehindOne) {
  const Client client = join({}, true);
  const std::string text = text_of(300000);
  client.wire().send_file(file(text), 0, text.size());
  client.wire().insert(std::make_unique<Scripted>(Scripted::Script{
                           .flush = [](Scripted&, Filter::Output& output) { shift(output, 1); }}),
                       {});
  client.wire().write("after");
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= text.size() + 5; }));
  EXPECT_SAME(client.peer->received(), text + shifted("after", 1));
}

}  // namespace
}  // namespace parley::conformance
