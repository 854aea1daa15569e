// Reads and sets options of a socket. Each has a name, and the type that its value has.

#include <chrono>
#include <iostream>

#include <parley/socket.h>

using namespace parley;
using namespace std::chrono_literals;

int main() try {
  Socket socket(Family::inet, Type::stream);
  std::cout << std::boolalpha;

  std::cout << "no_delay is " << socket.getsockopt(options::no_delay);
  socket.setsockopt(options::no_delay, true);
  std::cout << ", then " << socket.getsockopt(options::no_delay) << '\n';

  socket.setsockopt(options::keep_alive, true);
  socket.setsockopt(options::keep_idle, 5min);
  std::cout << "keep_idle is " << socket.getsockopt(options::keep_idle).count() << " s\n";

  socket.setsockopt(options::send_buffer, 40'000);  // Linux doubles it, for its own bookkeeping
  std::cout << "send_buffer is " << socket.getsockopt(options::send_buffer) << " bytes\n";

  std::cout << "close waits: " << socket.getsockopt(options::linger).has_value();
  socket.setsockopt(options::linger, 2s);
  std::cout << ", then for " << socket.getsockopt(options::linger)->count() << " s\n";

  socket.setsockopt(options::congestion, "reno");
  const Socket server = create_server({"127.0.0.1", 0});
  socket.connect(server.getsockname());
  std::cout << "connected, with " << socket.getsockopt(options::congestion)
            << "; segments sent again: " << socket.getsockopt(options::tcp_info).total_retransmits << '\n';
  std::cout << "the pending error: " << socket.getsockopt(options::error).message() << '\n';
} catch (const SocketError& error) {
  std::cerr << "socket_options: " << error.what() << '\n';
  return 1;
}
