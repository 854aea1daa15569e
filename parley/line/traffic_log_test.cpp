#include "parley/line/traffic_log.h"

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/line/policies_fixture.h"

namespace parley {
namespace {

using namespace std::string_literals;

struct Traffic : PolicyTest {
  ~Traffic() override { end(); }

  // What passes, without the peer's name, which stands before each line.
  std::string without(std::string text, const MemoryPeer& peer) {
    const std::string name = concat(peer.address());
    std::string result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(line.starts_with(name + " ")) << line;
      result += line.substr(name.size() + 1) + "\n";
    }
    return result;
  }
  std::ostringstream out;
};

TEST_F(Traffic, EverythingIsWrittenInItsOrder) {
  listen(log_traffic(out));
  on_made = [](Transport& transport) { transport.write("Hello\r\n"); };
  on_data = [](Transport& transport, std::string_view) {
    transport.write("");
    transport.writelines(std::vector<std::string_view>{"two ", "parts"});
    transport.write(Slice::permanent("slice"));
    transport.shutdown_write();
  };
  MemoryPeer peer = connect();
  peer.send("a\tb\\\x01\xff\n");
  turns();
  EXPECT_EQ(peer.received(), "Hello\r\ntwo partsslice");
  peer.close();
  turns();
  EXPECT_EQ(without(out.str(), peer),
            "connected\n> Hello\\r\\n\n< a\\tb\\\\\\x01\\xff\\n\n> two partsslice\n> end\n< end\n"
            "lost: closed by the peer\n");
}

TEST_F(Traffic, InHexadecimalSixteenALine) {
  listen(log_traffic(out, TrafficForm::hex));
  MemoryPeer peer = connect();
  peer.send("0123456789abcdef\r\n\x80~"s);
  turns();
  EXPECT_EQ(without(out.str(), peer),
            "connected\n"
            "< 00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "< 00000010  0d 0a 80 7e                                      |...~|\n");
}

TEST_F(Traffic, ALogIsToldAtItsLevel) {
  struct Lines final : Log {
    void write(Level level, std::string_view message) noexcept override {
      EXPECT_EQ(level, Level::info);
      lines.emplace_back(message);
    }
    std::vector<std::string> lines;
  } log;
  listen(log_traffic(log, TrafficForm::text, Level::info));
  MemoryPeer peer = connect();
  peer.send("x");
  turns();
  const std::string name = concat(peer.address());
  EXPECT_EQ(log.lines, (std::vector<std::string>{name + " connected", name + " < x"}));
  end();
}

TEST_F(Traffic, ASinkThatThrowsEndsTheConnectionAndTheApplicationIsTold) {
  bool full = false;
  listen(log_traffic([&](std::string_view) {
    if (full) throw std::runtime_error("the disk is full");
  }));
  MemoryPeer peer = connect();
  full = true;
  peer.send("x");
  turns();
  EXPECT_EQ(events, (std::vector<std::string>{"made", concat("lost: ", Reason(Reason::Kind::handler))}));
  EXPECT_TRUE(peer.was_reset());
}

}  // namespace
}  // namespace parley
