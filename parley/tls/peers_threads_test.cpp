// Sockets over TLS with peers that others wrote: the programs of OpenSSL, and Python's ssl.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "parley/server/clients_fixture.h"
#include "parley/socket/file.h"
#include "parley/tls/server.h"
#include "parley/tls/sockets_fixture.h"

namespace parley::tls {
namespace {

using testing::HasSubstr;

// Runs a program with the shell, and gives what it prints.
class Program {
 public:
  explicit Program(const std::string& command) : pipe_(::popen((command + " 2>&1").c_str(), "r"), ::pclose) {
    if (!pipe_) throw std::runtime_error("popen");
  }
  std::string line() {
    std::array<char, 4096> read;
    return std::fgets(read.data(), read.size(), pipe_.get()) == nullptr ? "" : read.data();
  }
  std::string rest() {
    std::string all;
    for (std::string each = line(); !each.empty(); each = line()) all += each;
    return all;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe_;
};

bool is_there(const std::string& command) {
  return std::system((command + " > /dev/null 2>&1").c_str()) == 0;
}

// Says what it hears.
struct Echo : StreamRequestHandler {
  void handle() override {
    for (std::string line = rfile().readline(); !line.empty(); line = rfile().readline()) {
      wfile().write("heard " + line);
    }
  }
};

// Answers a line, and ends the connection.
struct Once : StreamRequestHandler {
  void handle() override { wfile().write("heard " + rfile().readline()); }
};

class TlsPeers : public testing::Test {
 protected:
  TlsPeers() {
    std::string pattern = (std::filesystem::temp_directory_path() / "parley-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder = pattern;
    const testing_tls::Issued issued = contexts.authority.issue({.names = {"localhost"}});
    std::ofstream(folder / "ca.pem") << contexts.authority.certificate();
    std::ofstream(folder / "cert.pem") << issued.certificate;
    std::ofstream(folder / "key.pem") << issued.key;
  }
  ~TlsPeers() override { std::filesystem::remove_all(folder); }

  std::string file(const std::string& name) const { return (folder / name).string(); }

  // A server of Python's that serves one connection; `body` is of it.
  std::string python_server(const std::string& body) const {
    std::ofstream(folder / "peer.py") << "import socket, ssl\n"
                                         "context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)\n"
                                         "context.load_cert_chain('"
                                      << file("cert.pem") << "', '" << file("key.pem")
                                      << "')\n"
                                         "listener = socket.create_server(('127.0.0.1', 0))\n"
                                         "listener.settimeout(30)\n"
                                         "print(listener.getsockname()[1], flush=True)\n"
                                         "plain, _ = listener.accept()\n"
                                         "plain.settimeout(30)\n"
                                      << body;
    return "timeout 60 python3 " + file("peer.py");
  }

  Contexts contexts;
  std::filesystem::path folder;
};

TEST_F(TlsPeers, APythonClientIsServed) {
  if (!is_there("python3 -c 'import ssl'")) GTEST_SKIP() << "python3 is missing";
  ThreadingTlsTcpServer server({"127.0.0.1", 0}, handler<Echo>, contexts.server);
  const Beside beside(server);
  std::ofstream(folder / "peer.py")
      << "import socket, ssl\n"
         "context = ssl.create_default_context(cafile='"
      << file("ca.pem")
      << "')\n"
         "plain = socket.create_connection(('127.0.0.1', "
      << server.server_address().port()
      << "), 30)\n"
         "peer = context.wrap_socket(plain, server_hostname='localhost', suppress_ragged_eofs=False)\n"
         "big = b'x' * 60000 + b'\\n'\n"
         "peer.sendall(b'hello\\n' + big * 5)\n"
         "file = peer.makefile('rb')\n"
         "print(peer.version(), file.readline(), all(file.readline() == b'heard ' + big for _ in range(5)))\n"
         "peer.unwrap()\n";  // waits for close_notify, which the handler's end sends
  EXPECT_EQ(Program("timeout 60 python3 " + file("peer.py")).rest(), "TLSv1.3 b'heard hello\\n' True\n");
}

TEST_F(TlsPeers, APythonServerIsAskedAndGoesOnInClear) {
  if (!is_there("python3 -c 'import ssl'")) GTEST_SKIP() << "python3 is missing";
  Program peer(
      python_server("peer = context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False)\n"
                    "data = peer.recv(100)\n"
                    "peer.sendall(b'heard ' + data)\n"
                    "assert peer.recv(100) == b''\n"
                    "plain = peer.unwrap()\n"
                    "plain.sendall(b'in clear\\n')\n"
                    "print(plain.recv(100))\n"));
  TlsSocket client = contexts.client.wrap_socket(
      create_connection({"127.0.0.1", std::stoi(peer.line())}, patience), "localhost");
  client.sendall("hello");
  EXPECT_EQ(client.recv(100), "heard hello");
  Socket clear = client.unwrap();
  EXPECT_EQ(clear.makefile().readline(), "in clear\n");
  clear.sendall("too");
  EXPECT_EQ(peer.rest(), "b'too'\n");
}

TEST_F(TlsPeers, APythonServerThatCutsIsNotOneThatEnds) {
  if (!is_there("python3 -c 'import ssl'")) GTEST_SKIP() << "python3 is missing";
  Program peer(
      python_server("peer = context.wrap_socket(plain, server_side=True)\n"
                    "peer.recv(100)\n"
                    "peer.sendall(b'half')\n"
                    "peer.close()\n"));
  TlsSocket client = contexts.client.wrap_socket(
      create_connection({"127.0.0.1", std::stoi(peer.line())}, patience), "localhost");
  client.sendall("hello");
  EXPECT_EQ(client.recv(100), "half");
  try {
    client.recv(100);
    FAIL() << "Python sends no close_notify when it closes";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Failure::truncated);
  }
}

TEST_F(TlsPeers, OpensslsClientIsServed) {
  if (!is_there("openssl version")) GTEST_SKIP() << "openssl is missing";
  ForkingTlsTcpServer server({"127.0.0.1", 0}, handler<Once>, contexts.server);
  const Beside beside(server);
  const std::string said =
      Program(concat("echo hello | timeout 60 openssl s_client -quiet -verify_return_error "
                     "-servername localhost -verify_hostname localhost -CAfile ",
                     file("ca.pem"), " -connect 127.0.0.1:", server.server_address().port()))
          .rest();
  EXPECT_THAT(said, HasSubstr("heard hello"));
}

}  // namespace
}  // namespace parley::tls
