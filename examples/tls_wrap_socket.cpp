// Asks a server over TLS for the head of a page: tls_wrap_socket [HOST [PORT [AUTHORITIES]]]

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include <parley/socket.h>
#include <parley/tls.h>

using namespace parley;
using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  const std::string host = argc > 1 ? argv[1] : "www.debian.org";
  const int port = argc > 2 ? std::atoi(argv[2]) : 443;

  tls::Context context = tls::Context::client();  // the system's authorities, and the name is checked
  if (argc > 3) context.load_verify_locations(argv[3]);

  tls::TlsSocket server = context.wrap_socket(create_connection({host, port}, 10s), host);
  const tls::Details details = server.details();
  std::cout << details << '\n' << details.peer_certificate.value() << '\n';

  server.sendall("HEAD / HTTP/1.0\r\nHost: " + host + "\r\n\r\n");
  SocketFile answer = server.makefile();
  for (const std::string& line : answer.lines()) {
    if (line == "\r\n") break;
    std::cout << line;
  }
} catch (const std::exception& error) {
  std::cerr << "tls_wrap_socket: " << error.what() << '\n';
  return 1;
}
