#include <iostream>

#include <parley/socket.h>

int main() {
  parley::Socket server(parley::Family::inet, parley::Type::stream);
  server.bind({"127.0.0.1", 0});
  server.listen(1);
  std::cout << "socket: listening at " << server.getsockname() << '\n';
}
