#include <iostream>

#include <parley/stream.h>

parley::Task<> say_where() {
  parley::Listener listener({"127.0.0.1", 0});
  std::cout << "stream: listening at " << listener.host() << '\n';
  co_return;
}

int main() {
  parley::run(say_where());
}
