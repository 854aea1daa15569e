// What needs the kernel: all that is not tested over the memory back end too, and why. Beside it stand the
// tests of child processes and of signals (parley/reactor/process_test.cpp, signal_handlers_test.cpp), which
// are the kernel's own.

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "parley/socket/error.h"
#include "parley/socket/socket.h"
#include "tests/conformance/connecting.h"

namespace parley::conformance {
namespace {

std::vector<Setup> all_of_the_kernel() {
  std::vector<Setup> some = all_setups();
  std::erase_if(some, [](const Setup& setup) { return setup.memory; });
  return some;
}

class Kernel : public Connecting {
 protected:
  static std::shared_ptr<Factory> nobody() {
    return factory([] { return std::unique_ptr<Protocol>(); });
  }
};
INSTANTIATE_TEST_SUITE_P(Over, Kernel, testing::ValuesIn(all_of_the_kernel()),
                         [](const auto& setup) { return setup.param.name; });

// Wrong descriptors: to the memory back end, a broken rule.
TEST_P(Kernel, OnlyAStreamThatListensIsAPort) {
  const auto make = [] { return std::unique_ptr<Protocol>(); };
  EXPECT_THROW(reactor().adopt_port(Socket(Family::inet, Type::datagram), factory(make)), SocketError);
  EXPECT_THROW(reactor().adopt_port(Socket(), factory(make)), SocketError);
  EXPECT_THROW(reactor().adopt_port(Socket(), nullptr), std::invalid_argument);
  const std::string path = testing::TempDir() + "parley_adopted_" + GetParam().name;
  std::filesystem::remove(path);
  Socket local(Family::local);
  local.bind(Address::local(path));
  local.listen();
  ListeningPort port = reactor().adopt_port(std::move(local), factory(make));
  EXPECT_EQ(port.host(), Address::local(path));
  port.stop_listening();
  EXPECT_TRUE(std::filesystem::exists(path)) << "it is for whoever has made it to remove";
  std::filesystem::remove(path);
}

// Paths in the file system: in memory there is none.
TEST_P(Kernel, ANewerServersPathIsLeftAlone) {
  const std::string path = testing::TempDir() + "parley_newer_" + GetParam().name;
  std::filesystem::remove(path);
  const auto shared = nobody();
  ListeningPort old = reactor().listen_unix(Address::local(path), shared);
  std::filesystem::remove(path);
  ListeningPort newer = reactor().listen_unix(Address::local(path), shared);
  old.stop_listening();
  EXPECT_TRUE(std::filesystem::exists(path));
  newer.stop_listening();
  EXPECT_FALSE(std::filesystem::exists(path));
}

// The same.
TEST_P(Kernel, AFileThatIsNoSocketIsLeftAlone) {
  const std::string path = testing::TempDir() + "parley-no-socket-" + GetParam().name;
  std::ofstream(path) << "precious";
  EXPECT_THROW(reactor().listen_unix(Address::local(path), nobody()), SocketError);
  std::string kept;
  std::ifstream(path) >> kept;
  EXPECT_EQ(kept, "precious");
  std::filesystem::remove(path);
}

// The same, and the queue of a listener, of which the kernel tells with EAGAIN.
TEST_P(Kernel, AUnixSocketAndItsFullQueue) {
  const std::string path = testing::TempDir() + "parley_connect_" + GetParam().name;
  std::filesystem::remove(path);
  const Address at = Address::local(path);
  reactor().connect_unix(at, factory_);
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->reason, std::errc::no_such_file_or_directory);

  Socket server(Family::local);
  server.bind(at);
  server.listen(0);
  Socket first(Family::local);
  first.connect(at);
  reactor().connect_unix(at, factory_);  // the queue is full
  settle();
  EXPECT_FALSE(story_.made());
  std::string late;
  reactor().connect_unix(at, [] { return std::unique_ptr<Protocol>(); },
                         {.timeout = 10ms, .failed = [&](const SocketError& error) { late = error.what(); }});
  settle();
  pass(10ms);
  EXPECT_EQ(late, concat("connect ", Endpoint(at),
                         ": timed out after 0.01 s (the queue of who listens there is full)"));
  Socket accepted = server.accept().first;
  pass(20ms);
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(factory_->told.back(), concat("build ", at));
  server.close();
  reactor().connect_unix(at, factory_);
  ASSERT_TRUE(until([&] { return factory_->reason == std::errc::connection_refused; }));
  EXPECT_EQ(factory_->failure, concat("connect ", Endpoint(at),
                                      ": Connection refused (the socket file is there, but "
                                      "nobody listens on it)"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace parley::conformance
