#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace parley {

// What a child has as its stdin, stdout or stderr.
enum class ChildStream : std::uint8_t {
  pipe,     // a pipe, whose other end is ours
  inherit,  // the same as this process
  null,     // /dev/null
};

// How a child process is to be started; each may be left out.
struct SpawnSettings {
  // Its environment; none: this process's. PATH is searched as it stands there, where it does.
  std::optional<std::map<std::string, std::string>> env{};
  // Its working directory; empty: this process's.
  std::string cwd{};
  // The program, where it is not the first of the arguments.
  std::string executable{};
  ChildStream input = ChildStream::pipe;
  ChildStream output = ChildStream::pipe;
  ChildStream error = ChildStream::pipe;
  // In a session and a process group of its own: what a terminal sends to all, it is not sent, and all that
  // it starts can be sent a signal at once (ProcessTransport::signal_group).
  bool new_session = false;
  // How many bytes may wait for it to read its stdin: one more is refused.
  std::size_t stdin_bytes = 1024 * 1024;
};

}  // namespace parley
