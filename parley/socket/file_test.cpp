#include "parley/socket/file.h"

#include <chrono>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "parley/socket/blocking.h"
#include "parley/socket/create.h"
#include "parley/socket/select.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<SocketFile> && !std::is_copy_constructible_v<Socket>);
static_assert(std::is_nothrow_move_constructible_v<SocketFile>);

std::string error_of(auto&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

bool is_open(int descriptor) {
  return fcntl(descriptor, F_GETFD) >= 0;
}

struct Pair {
  Pair() {
    auto [a, b] = socketpair();
    socket = std::move(a);
    peer = std::move(b);
  }
  Socket socket, peer;
};

const FileOptions all_sizes[] = {{}, {.read_buffer = 0}, {.read_buffer = 1}, {.read_buffer = 3}};

TEST(SocketFile, ReadsLinesWithTheirEnds) {
  for (const FileOptions& how : all_sizes) {
    Pair p;
    SocketFile file = p.socket.makefile(how);
    p.peer.sendall("one\r\n\nthree, which is longer than some\nrest");
    p.peer.close();
    EXPECT_EQ(file.readline(), "one\r\n");
    EXPECT_EQ(file.readline(), "\n");
    EXPECT_EQ(file.readline(), "three, which is longer than some\n");
    EXPECT_EQ(file.readline(), "rest");
    EXPECT_EQ(file.readline(), "");
    EXPECT_EQ(file.read(5), "");
  }
}

TEST(SocketFile, GivesThePartOfALineOverTheLimit) {
  for (const FileOptions& how : all_sizes) {
    Pair p;
    SocketFile file = p.socket.makefile(how);
    p.peer.sendall("abcdef\nxyz\n");
    EXPECT_EQ(file.readline(4), "abcd");
    EXPECT_EQ(file.readline(3), "ef\n");
    EXPECT_EQ(file.readline(3), "xyz");
    EXPECT_EQ(file.readline(3), "\n");
  }
  Pair p;
  SocketFile file = p.socket.makefile({.line_limit = 2});
  p.peer.sendall("abc\n");
  EXPECT_EQ(file.readline(), "ab");
  EXPECT_EQ(file.readline(), "c\n");
}

TEST(SocketFile, GoesThroughItsLines) {
  Pair p;
  SocketFile file(p.socket);
  p.peer.sendall("zero\none\ntwo\nthree");
  p.peer.close();
  EXPECT_EQ(file.readline(), "zero\n");
  std::vector<std::string> lines;
  for (const std::string& line : file.lines()) lines.push_back(line);
  EXPECT_EQ(lines, (std::vector<std::string>{"one\n", "two\n", "three"}));
}

TEST(SocketFile, ReadsSoManyBytesUnlessTheInputEnds) {
  for (const FileOptions& how : all_sizes) {
    Pair p;
    SocketFile file(p.socket, how);
    std::thread writer([&peer = p.peer] {
      for (const char c : std::string("hello, world")) peer.sendall({&c, 1});
      peer.close();
    });
    EXPECT_EQ(file.read(5), "hello");
    EXPECT_EQ(file.read(0), "");
    char memory[4];
    EXPECT_EQ(file.readinto(memory), 4U);
    EXPECT_EQ(std::string_view(memory, 4), ", wo");
    EXPECT_EQ(file.read(100), "rld");
    EXPECT_EQ(file.read(100), "");
    EXPECT_EQ(file.readinto(memory), 0U);
    writer.join();
  }
}

TEST(SocketFile, ReadsLargePiecesAndLinesInTurn) {
  Pair p;
  std::string large(3'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  SocketFile file(p.socket);
  std::thread writer([&] {
    p.peer.sendall("length follows\n" + large + "after\n" + large);
    p.peer.close();
  });
  EXPECT_EQ(file.readline(), "length follows\n");
  EXPECT_TRUE(file.read(large.size()) == large);
  EXPECT_EQ(file.readline(), "after\n");
  EXPECT_TRUE(file.read() == large);
  writer.join();
}

TEST(SocketFile, ReadsToTheEndWithinItsLimit) {
  Pair exact;
  exact.peer.sendall("12345678");
  exact.peer.close();
  EXPECT_EQ(exact.socket.makefile({.read_limit = 8}).read(), "12345678");
  Pair more;
  more.peer.sendall("123456789");
  SocketFile file = more.socket.makefile({.read_limit = 8});
  EXPECT_EQ(error_of([&] { file.read(); }),
            "read: Message too long (there is more than the read_limit of 8 bytes: read(size) takes pieces)");
  EXPECT_THROW(file.read(1), SocketError);
}

TEST(SocketFile, ReadsWhatIsThere) {
  for (const FileOptions& how : all_sizes) {
    Pair p;
    SocketFile file(p.socket, how);
    p.peer.sendall("abcdef");
    std::string all = file.read(1);
    while (all.size() < 6) {
      const std::string piece = file.read1(4);
      EXPECT_LE(piece.size(), 4U);
      all += piece;
    }
    EXPECT_EQ(all, "abcdef");
    p.peer.close();
    EXPECT_EQ(file.read1(4), "");
  }
}

TEST(SocketFile, UnbufferedTakesNoMoreThanWasAskedFor) {
  Pair p;
  SocketFile file(p.socket, {.read_buffer = 0});
  p.peer.sendall("line\n123rest");
  EXPECT_EQ(file.readline(), "line\n");
  EXPECT_EQ(file.read(3), "123");
  EXPECT_EQ(p.socket.recv(100), "rest");
}

TEST(SocketFile, CollectsWhatIsWrittenUntilItIsFlushed) {
  Pair p;
  p.peer.setblocking(false);
  SocketFile file(p.socket, {.write_buffer = 8});
  file.write("1234");
  file.write("5678");
  EXPECT_THROW(p.peer.recv(100), WouldBlock);
  file.write("9");  // no room any more: what was there leaves
  EXPECT_EQ(p.peer.recv(100), "12345678");
  file.flush();
  EXPECT_EQ(p.peer.recv(100), "9");
  file.write("x");
  file.write("longer than the buffer");
  EXPECT_EQ(p.peer.recv(1), "x");
  EXPECT_EQ(p.peer.recv(100), "longer than the buffer");
}

TEST(SocketFile, WithoutABufferEachWriteIsSentAtOnce) {
  Pair p;
  SocketFile file(p.socket, {.write_buffer = 0});
  file.write("Hello World!\n");
  EXPECT_EQ(p.peer.recv(100), "Hello World!\n");
}

TEST(SocketFile, KeepsTheConnectionOpenUntilBothAreClosed) {
  Pair p;
  std::optional<SocketFile> file = p.socket.makefile();
  SocketFile other = p.socket.makefile();
  const int descriptor = file->fileno();
  EXPECT_EQ(descriptor, p.socket.fileno());
  p.socket.close();
  EXPECT_EQ(p.socket.fileno(), -1);
  EXPECT_TRUE(is_open(descriptor));
  file->write("still open");
  file->flush();
  EXPECT_EQ(p.peer.recv(100), "still open");
  file.reset();
  EXPECT_TRUE(is_open(descriptor));
  other.close();
  EXPECT_FALSE(is_open(descriptor));
  EXPECT_EQ(p.peer.recv(100), "");
}

TEST(SocketFile, LeavesTheSocketOpenWhenItIsClosedItself) {
  Pair p;
  {
    SocketFile file(p.socket);
    file.write("last words");
  }  // and is flushed as it goes
  EXPECT_EQ(p.peer.recv(100), "last words");
  p.socket.sendall("more");
  EXPECT_EQ(p.peer.recv(100), "more");
}

TEST(SocketFile, AfterATimeoutFurtherReadsAreRefused) {
  Pair p;
  SocketFile file(p.socket);
  p.socket.settimeout(10ms);  // later, and it holds for the file too
  p.peer.sendall("half a li");
  EXPECT_THROW(file.readline(), Timeout);
  p.peer.sendall("ne\nnext\n");
  const std::string refused =
      ": State not recoverable (an earlier read of this file failed, and what it had read is lost)";
  EXPECT_EQ(error_of([&] { file.readline(); }), "readline" + refused);
  EXPECT_EQ(error_of([&] { file.read(1); }), "read" + refused);
  EXPECT_EQ(error_of([&] { file.read(); }), "read" + refused);
  EXPECT_EQ(error_of([&] { file.read1(1); }), "read1" + refused);
  char memory[1];
  EXPECT_EQ(error_of([&] { file.readinto(memory); }), "readinto" + refused);
  EXPECT_EQ(p.socket.recv(100), "ne\nnext\n");  // the socket itself goes on
  file.write("answer");
  file.flush();
  EXPECT_EQ(p.peer.recv(100), "answer");
}

// Sends a byte now and then, until told to stop or for ten seconds.
class Dripping {
 public:
  explicit Dripping(Socket& peer) : thread_([this, &peer] { drip(peer); }) {}
  ~Dripping() {
    stop_.sendall("x");
    thread_.join();
  }

 private:
  void drip(Socket& peer) {
    for (int i = 0; i < 1000 && select({told_}, {}, {}, 10ms).read.empty(); ++i) peer.sendall("y");
  }
  std::pair<Socket, Socket> ends_ = socketpair();
  Socket &stop_ = ends_.first, &told_ = ends_.second;
  std::thread thread_;
};

TEST(SocketFile, TheTimeoutIsForTheWholeCallHoweverManyPiecesCome) {
  char memory[100'000];
  const std::function<void(SocketFile&)> calls[] = {
      [](SocketFile& file) { file.readline(); }, [](SocketFile& file) { file.read(100'000); },
      [](SocketFile& file) { file.read(); }, [&](SocketFile& file) { file.readinto(memory); }};
  for (const auto& call : calls) {
    Pair p;
    p.socket.settimeout(100ms);
    SocketFile file(p.socket);
    const Dripping dripping(p.peer);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(call(file), Timeout);
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_GE(took, 100ms);
    EXPECT_LT(took, 3s);
  }
}

TEST(SocketFile, AnErrorSaysWhatWasCalled) {
  Pair p;
  SocketFile file(p.socket);
  p.socket.setblocking(false);
  const std::string busy = ": Resource temporarily unavailable";
  char memory[1];
  EXPECT_EQ(error_of([&] { file.readline(); }), "readline" + busy);
  EXPECT_EQ(error_of([&] { file.read(1); }), "read" + busy);
  EXPECT_EQ(error_of([&] { file.read1(1); }), "read1" + busy);
  EXPECT_EQ(error_of([&] { file.readinto(memory); }), "readinto" + busy);
}

TEST(SocketFile, ANonBlockingReadThatLostNothingMayBeTriedAgain) {
  Pair p;
  SocketFile file(p.socket);
  p.socket.setblocking(false);
  EXPECT_THROW(file.readline(), WouldBlock);
  p.peer.sendall("line\npart");
  EXPECT_EQ(file.readline(), "line\n");
  EXPECT_THROW(file.readline(), WouldBlock);
  p.peer.sendall(" of a line\n");
  EXPECT_EQ(error_of([&] { file.readline(); }).substr(0, 31), "readline: State not recoverable");
}

TEST(SocketFile, KeepsWhatAFlushDidNotSend) {
  Pair p;
  SocketFile file(p.socket, {.write_buffer = 10'000'000});
  std::string data(5'000'000, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 23);
  p.socket.settimeout(10ms);
  file.write(data);
  EXPECT_THROW(file.flush(), Timeout);
  p.socket.settimeout(20s);
  std::thread writer([&] {
    file.flush();
    file.close();
    p.socket.close();
  });
  EXPECT_TRUE(p.peer.makefile().read() == data);
  writer.join();
}

TEST(SocketFile, AFlushThatFailsIsToldByCloseAndHiddenByTheDestructor) {
  Pair p;
  SocketFile told(p.socket);
  {
    SocketFile hidden(p.socket);
    hidden.write("x");
    told.write("x");
    p.peer.close();
  }
  EXPECT_EQ(error_of([&] { told.close(); }).substr(0, 18), "close: Broken pipe");
  EXPECT_TRUE(told.closed());
  told.close();
}

TEST(SocketFile, AClosedOneSaysSo) {
  Pair p;
  SocketFile file(p.socket);
  p.peer.sendall("one\ntwo\n");
  EXPECT_EQ(file.readline(), "one\n");
  file.close();
  const std::string closed = ": Bad file descriptor (the file or its socket is closed)";
  EXPECT_EQ(error_of([&] { file.readline(); }), "readline" + closed);
  EXPECT_EQ(error_of([&] { file.write("x"); }), "write" + closed);
  EXPECT_EQ(error_of([&] { file.flush(); }), "flush" + closed);
  EXPECT_EQ(file.fileno(), -1);
  SocketFile detached(p.socket);
  const Descriptor kept(p.socket.detach());
  EXPECT_EQ(error_of([&] { detached.read(1); }), "read" + closed);
  EXPECT_EQ(error_of([&] { p.socket.makefile(); }), "makefile" + closed);
}

TEST(SocketFile, Moves) {
  Pair p;
  SocketFile file(p.socket);
  p.peer.sendall("one\ntwo\n");
  EXPECT_EQ(file.readline(), "one\n");
  file.write("kept");
  SocketFile moved = std::move(file);
  EXPECT_EQ(moved.readline(), "two\n");
  Pair q;
  SocketFile other(q.socket);
  other.write("leaves first");
  other = std::move(moved);
  EXPECT_EQ(q.peer.recv(100), "leaves first");
  other.close();
  EXPECT_EQ(p.peer.recv(100), "kept");
}

TEST(SocketFile, IsRefusedInsideAReactor) {
  Pair p;
  SocketFile file(p.socket);
  const InsideReactor inside;
  EXPECT_THROW(file.readline(), std::logic_error);
}

}  // namespace
}  // namespace parley
