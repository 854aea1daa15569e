// parleyd: the chat server that people reach with telnet.

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "chat/config/command_line.h"
#include "chat/log.h"
#include "chat/post/async_writer.h"
#include "chat/server.h"
#include "parley/base/print.h"
#include "parley/process/signals.h"
#include "parley/process/standard_descriptors.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/error.h"

namespace {

enum Status { ended = 0, could_not_start = 1, usage = 2 };

// How much is kept for stdout, and for stderr, while nobody reads them; and how long to wait for it to be
// read at the end.
constexpr std::size_t writer_bytes = 1024 * 1024;
constexpr std::chrono::milliseconds writer_patience(1000);

int fail(Status status, std::string_view what) {
  std::cerr << "parleyd: " << what << std::endl;
  return status;
}

// What to do about an address that cannot be had.
std::string advice(const parley::SocketError& error) {
  if (error.code() != std::errc::address_in_use && error.code() != std::errc::permission_denied) return {};
  return "; try another one, as in --listen line://127.0.0.1:2627";
}

// Runs the server until a signal ends it.
void serve(const chat::Config& config, chat::AsyncWriter& out, parley::Log& log) {
  parley::raise_descriptor_limit();
  parley::ignore_signal(parley::Signal::broken_pipe);

  chat::Server server(config, out, log);
  const auto shut_down = [&](parley::Signal signal) {
    log.write(parley::Level::info, parley::format(signal, ": shutting down"));
    server.shut_down();
  };
  server.reactor().on_signal(parley::Signal::interrupt, shut_down);
  server.reactor().on_signal(parley::Signal::terminate, shut_down);
  server.listen();
  server.run();
}

}  // namespace

int main(int argc, char** argv) {
  chat::Config config;
  try {
    parley::open_standard_descriptors();
    chat::Invocation invocation = chat::read_command_line(argc, argv);
    if (!invocation.say.empty()) {
      std::cout << invocation.say;
      return ended;
    }
    config = std::move(invocation.config);
  } catch (const chat::ConfigError& error) {
    return fail(usage, error.what());
  } catch (const std::exception& error) {
    return fail(could_not_start, error.what());
  }

  std::string failure;
  bool written = true;
  {
    chat::AsyncWriter errors(chat::standard_error(), writer_bytes);
    {
      chat::AsyncWriter out(chat::standard_output(), writer_bytes);
      chat::ProgramLog log(errors, config.log_level);
      try {
        serve(config, out, log);
      } catch (const parley::SocketError& error) {
        failure = error.what() + advice(error);
      } catch (const std::exception& error) {
        failure = error.what();
      }
      written = out.close(writer_patience);
    }
    written = errors.close(writer_patience) && written;
  }
  const int status = failure.empty() ? ended : fail(could_not_start, failure);
  if (!written) std::quick_exit(status);  // a thread is stuck in a write: nothing may wait for it
  return status;
}
