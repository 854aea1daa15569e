// Coroutines over TLS, both ends in one program.

#include "parley/tls/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "parley/socket/socket.h"
#include "parley/stream/connect.h"
#include "parley/stream/deadline.h"
#include "parley/stream/future.h"
#include "parley/stream/run.h"
#include "parley/stream/spawn.h"
#include "parley/stream/task_group.h"
#include "parley/tls/authority_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing_tls::Authority;
using testing_tls::Issued;

class TlsStream : public testing::Test {
 protected:
  TlsStream() {
    const Issued issued = authority.issue();
    server_context.load_cert_chain_pem(issued.certificate, issued.key);
    client_context.load_verify_pem(authority.certificate());
  }

  // Runs `client` beside a server of `handle`, which listens at the address that the client is given.
  template <class Handle, class Client>
  void run_both(Handle handle, Client client, bool plain_server = false) {
    run(both(std::move(handle), std::move(client), plain_server));
  }
  template <class Handle, class Client>
  Task<> both(Handle handle, Client client, bool plain_server) {
    Promise<Address> open;
    Future<Address> opened = open.get_future();
    ServeSettings settings;
    settings.listening = [open](const Address& at) mutable { open.set_value(at); };
    settings.handle_error = [this](std::exception_ptr error) { handler_errors.push_back(std::move(error)); };
    TaskGroup group;
    if (plain_server) {
      group.spawn(serve_tcp({"127.0.0.1", 0}, handle, settings));
    } else {
      group.spawn(serve_tls({"127.0.0.1", 0}, server_context, handle, settings));
    }
    const Address at = co_await opened.get();
    co_await client(Endpoint("localhost", at.port()));
    group.cancel();
    co_await group.join();
  }

  Authority authority;
  tls::Context server_context = tls::Context::server();
  tls::Context client_context = tls::Context::client();
  std::vector<std::exception_ptr> handler_errors;
};

Task<> echo(Stream peer) {
  while (const auto data = co_await peer.read()) co_await peer.write(*data);
}

TEST_F(TlsStream, Echo) {
  run_both(echo, [&](Endpoint to) -> Task<> {
    Stream stream = co_await connect_tls(to, client_context);
    const auto agreed = tls::details(stream);
    EXPECT_TRUE(agreed);
    EXPECT_EQ(agreed.value_or(tls::Details()).version, tls::Version::tls1_3);
    const std::string text(1000000, 'x');
    co_await stream.write(text);
    const auto back = co_await stream.read_exactly(text.size(), text.size());
    EXPECT_EQ(back, text);
    stream.shutdown_write();
    EXPECT_FALSE(co_await stream.read());  // in order
    co_await stream.closed();
  });
  EXPECT_TRUE(handler_errors.empty());
}

TEST_F(TlsStream, AWrongNameIsThrownAsWhatItIs) {
  const Issued other = authority.issue({.names = {"example.org", "www.example.org"}});
  server_context.load_cert_chain_pem(other.certificate, other.key);
  run_both(echo, [&](Endpoint to) -> Task<> {
    try {
      co_await connect_tls(to, client_context);
      ADD_FAILURE() << "it was not refused";
    } catch (const tls::CertificateError& error) {
      EXPECT_THAT(error.what(), HasSubstr("certificate refused: hostname mismatch (it is for example.org, "
                                          "www.example.org, not for localhost)"));
    }
  });
}

// Nobody that the system knows has signed it.
TEST_F(TlsStream, TheDefaultChecks) {
  run_both(echo,
           [&](Endpoint to) -> Task<> { EXPECT_THROW(co_await connect_tls(to), tls::CertificateError); });
}

TEST_F(TlsStream, APlainServer) {
  const auto greeter = [](Stream peer) -> Task<> {
    co_await peer.write("220 mail.example.org\r\n");
    co_await peer.read();
  };
  const auto client = [&](Endpoint to) -> Task<> {
    try {
      co_await connect_tls(to, client_context);
      ADD_FAILURE() << "it was not refused";
    } catch (const tls::Error& error) {
      EXPECT_EQ(error.code(), tls::Failure::not_tls);
      EXPECT_THAT(error.what(), HasSubstr("it said \"220 mail.example.org\""));
    }
  };
  run_both(greeter, client, true);
}

// STARTTLS: a line in clear, and then what nobody sees.
TEST_F(TlsStream, BeginsInTheMiddle) {
  const auto handle = [&](Stream peer) -> Task<> {
    const auto line = co_await peer.read_line();
    EXPECT_EQ(line, "STARTTLS");
    co_await peer.write("go ahead\n");
    co_await start_tls(peer, server_context);
    const auto secret = co_await peer.read_line();
    EXPECT_EQ(secret, "secret");
    co_await peer.write("kept\n");
  };
  const auto client = [&](Endpoint to) -> Task<> {
    Stream stream = co_await connect(to);
    EXPECT_FALSE(tls::details(stream));
    co_await stream.write("STARTTLS\n");
    co_await stream.read_line();
    co_await start_tls(stream, client_context, "localhost");
    EXPECT_TRUE(tls::details(stream));
    co_await stream.write("secret\n");
    const auto answer = co_await stream.read_line();
    EXPECT_EQ(answer, "kept");
  };
  run_both(handle, client, true);
  EXPECT_TRUE(handler_errors.empty());
}

TEST_F(TlsStream, BeginsInVain) {
  const Issued other = authority.issue({.names = {"example.org"}});
  server_context.load_cert_chain_pem(other.certificate, other.key);
  const auto handle = [&](Stream peer) -> Task<> {
    co_await peer.read_line();
    co_await peer.write("go ahead\n");
    co_await start_tls(peer, server_context);
  };
  const auto client = [&](Endpoint to) -> Task<> {
    Stream stream = co_await connect(to);
    co_await stream.write("STARTTLS\n");
    co_await stream.read_line();
    EXPECT_THROW(co_await start_tls(stream, client_context, "localhost"), tls::CertificateError);
    EXPECT_THROW(co_await start_tls(stream, client_context, "localhost"), SocketError);  // it has ended
  };
  run_both(handle, client, true);
}

// What came behind the line was in clear: it is not read as if it had been said in secret.
TEST_F(TlsStream, WhatCameInClearIsDroppedOrRefused) {
  for (const auto cleartext : {tls::Cleartext::dropped, tls::Cleartext::refused}) {
    bool was_refused = false;
    const auto handle = [&, cleartext](Stream peer) -> Task<> {
      co_await peer.read_line();
      co_await peer.write("go ahead\n");
      try {
        co_await start_tls(peer, server_context, cleartext);
      } catch (const tls::Error& error) {
        was_refused = error.code() == tls::Failure::cleartext;
        co_return;
      }
      const auto line = co_await peer.read_line();
      EXPECT_EQ(line, "secret");
    };
    const auto client = [&, cleartext](Endpoint to) -> Task<> {
      Stream stream = co_await connect(to);
      co_await stream.write("STARTTLS\nRCPT TO:<mallory@example.org>\n");
      if (cleartext == tls::Cleartext::refused) {
        EXPECT_THROW(co_await stream.read_line(), SocketError);  // reset
        co_return;
      }
      co_await stream.read_line();
      co_await start_tls(stream, client_context, "localhost");
      co_await stream.write("secret\n");
      EXPECT_FALSE(co_await stream.read());
    };
    run_both(handle, client, true);
    EXPECT_EQ(was_refused, cleartext == tls::Cleartext::refused);
    EXPECT_TRUE(handler_errors.empty());
  }
}

TEST_F(TlsStream, APeerThatDoesNotBeginIsNotWaitedForForEver) {
  const auto silent = [](Stream peer) -> Task<> {
    while (co_await peer.read()) {
    }
  };
  const auto client = [&](Endpoint to) -> Task<> {
    Stream stream = co_await connect(to);
    EXPECT_THROW(co_await start_tls(stream, client_context, "localhost", tls::Cleartext::dropped, 20ms),
                 Timeout);
    EXPECT_FALSE(stream);
    const ConnectSettings hasty{.timeout = 20ms};
    EXPECT_THROW(co_await connect_tls(to, client_context, hasty), Timeout);
  };
  run_both(silent, client, true);
}

TEST_F(TlsStream, TruncationIsThrown) {
  const auto handle = [](Stream peer) -> Task<> {
    co_await peer.write("half of");
    co_await peer.read();
    Socket wire = Socket::adopt(peer.transport()->fileno());
    wire.shutdown(Shutdown::write);
    wire.detach();
    co_await peer.read();
  };
  run_both(handle, [&](Endpoint to) -> Task<> {
    Stream stream = co_await connect_tls(to, client_context);
    const auto some = co_await stream.read();
    EXPECT_EQ(some, "half of");
    co_await stream.write("go on");
    try {
      co_await stream.read();
      ADD_FAILURE() << "it looked like an end";
    } catch (const SocketError& error) {
      EXPECT_EQ(error.code(), tls::Failure::truncated);
    }
  });
}

// What a page above wants stands above TLS: it sees what is said.
TEST_F(TlsStream, OtherFiltersStandAbove) {
  class Shouting final : public Filter {
    void data_received(std::span<char> lent) override {
      for (char& c : lent) c = c == 'a' ? 'A' : c;
      Filter::data_received(lent);
    }
  };
  run_both(echo, [&](Endpoint to) -> Task<> {
    ConnectSettings settings;
    settings.wrap = [](const Address&) { return std::make_unique<Shouting>(); };
    Stream stream = co_await connect_tls(to, client_context, settings);
    co_await stream.write("banana");
    const auto back = co_await stream.read_exactly(6);
    EXPECT_EQ(back, "bAnAnA");
  });
}

}  // namespace
}  // namespace parley
