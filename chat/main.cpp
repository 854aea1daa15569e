// parleyd: the chat server that people reach with telnet.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "chat/config/command_line.h"
#include "chat/config/keys.h"
#include "chat/log.h"
#include "chat/post/async_writer.h"
#include "chat/server.h"
#include "parley/base/print.h"
#include "parley/process/signals.h"
#include "parley/process/standard_descriptors.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/error.h"

namespace {

// Reads the command line and its file again. Throws ConfigError.
using Reread = std::function<chat::Config()>;

enum Status { ended = 0, could_not_start = 1, usage = 2 };

// How much is kept for stdout, and for stderr, while nobody reads them; and how long to wait for it to be
// read at the end.
constexpr std::size_t writer_bytes = 1024 * 1024;
constexpr std::chrono::milliseconds writer_patience(1000);

int fail(Status status, std::string_view what) {
  std::cerr << "parleyd: " << chat::one_line(what) << std::endl;
  return status;
}

// What to do about an address that cannot be had.
std::string advice(const parley::SocketError& error) {
  if (error.code() != std::errc::address_in_use && error.code() != std::errc::permission_denied) return {};
  return "; try another one, as in --listen line://127.0.0.1:2627";
}

// The streams and what is said on them.
struct Outputs {
  chat::LogOutput log_output;
  chat::AsyncWriter errors{log_output.write(), writer_bytes};
  chat::AsyncWriter out{chat::standard_output(), writer_bytes};
  chat::ProgramLog log{errors, parley::Level::info};

  // Throws std::runtime_error where the log's file cannot be opened: then nothing has changed.
  void configure(const chat::Config& config) {
    try {
      log_output.open(config.log_file);
    } catch (const std::exception& error) {
      throw std::runtime_error(parley::concat("log.file: ", error.what()));
    }
    log.set_level(config.log_level);
    errors.retry();
    out.retry();
  }

  // Answers whether all threads have come to an end.
  bool close() {
    const bool written = out.close(writer_patience);
    if (written && out.lost() != 0) {
      log.write(parley::Level::warn,
                parley::concat("stdout did not take the last ", out.lost(), " messages"));
    }
    return errors.close(writer_patience) && written;
  }
};

// parleyd while it runs: what can be read again is.
class Running {
 public:
  // All must outlive it.
  Running(const chat::Config& started, Reread reread, chat::Server& server, Outputs& outputs)
      : started_(started), now_(started), reread_(std::move(reread)), server_(server), outputs_(outputs) {}

  // Reads the configuration and certificates again, and opens the log's file anew, which may have been
  // renamed. What cannot be used leaves the old one in force.
  void reload() {
    reload_configuration();
    server_.reload_certificates(outputs_.log);
  }

 private:
  void reload_configuration() {
    parley::Log& log = outputs_.log;
    chat::Config wanted = now_;
    std::string mistake;
    try {
      wanted = reread_();
    } catch (const chat::ConfigError& error) {
      mistake = error.what();
    }
    try {
      outputs_.configure(wanted);
    } catch (const std::runtime_error& error) {
      mistake += (mistake.empty() ? "" : "; ") + std::string(error.what());
      wanted = now_;
    }
    if (!mistake.empty()) {
      log.write(parley::Level::error, "SIGHUP: the configuration stays as it was: " + mistake);
      return;
    }
    server_.reload(wanted);
    log.write(parley::Level::info, "SIGHUP: the configuration was read again");
    if (const std::string names = chat::needing_restart(started_, wanted); !names.empty()) {
      log.write(parley::Level::warn, "changed, and without effect until parleyd is started anew: " + names);
    }
    now_ = std::move(wanted);
  }

  const chat::Config& started_;
  chat::Config now_;
  const Reread reread_;
  chat::Server& server_;
  Outputs& outputs_;
};

// Runs the server until a signal ends it.
void serve(const chat::Config& config, const Reread& reread, Outputs& outputs) {
  chat::LimitedLog limited(outputs.log, parley::system_clock());
  chat::Server server(config, outputs.out, limited);
  Running running(config, reread, server, outputs);
  const auto shut_down = [&](parley::Signal signal) {
    server.shut_down();  // first, for words need memory, which may be what is missing
    outputs.log.write(parley::Level::info, parley::concat(signal, ": shutting down"));
  };
  server.reactor().on_signal(parley::Signal::interrupt, shut_down);
  server.reactor().on_signal(parley::Signal::terminate, shut_down);
  server.reactor().on_signal(parley::Signal::hangup, [&] { running.reload(); });
  server.listen();
  server.run();
}

int run(int argc, const char* const* argv) {
  // Whoever writes learns from the write itself that nobody reads, or that there is no more room.
  parley::ignore_signal(parley::Signal::broken_pipe);
  parley::ignore_signal(parley::Signal::file_size);
  parley::open_standard_descriptors();
  chat::Invocation invocation = chat::read_command_line(argc, argv);
  if (!invocation.say.empty()) {
    std::cout << invocation.say << std::flush;
    return std::cout ? ended : fail(could_not_start, "stdout cannot be written to");
  }
  const chat::Config config = std::move(invocation.config);
  const auto reread = [&] { return chat::reread_command_line(argc, argv); };

  std::string failure;
  bool closed = true;
  {
    Outputs outputs;
    try {
      outputs.configure(config);
      serve(config, reread, outputs);
    } catch (const parley::SocketError& error) {
      failure = error.what() + advice(error);
    } catch (const std::bad_alloc&) {
      failure = "there is not enough memory";
    } catch (const std::exception& error) {
      failure = error.what();
    }
    closed = outputs.close();
  }
  const int status = failure.empty() ? ended : fail(could_not_start, failure);
  if (!closed) std::quick_exit(status);  // a thread is stuck in a write: nothing may wait for it
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    try {
      return run(argc, argv);
    } catch (const chat::ConfigError& error) {
      return fail(usage, error.what());
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return fail(could_not_start, error.what());
    }
  } catch (const std::bad_alloc&) {
    std::fputs("parleyd: there is not enough memory\n", stderr);
    return could_not_start;
  }
}
