#include <iostream>

#include <parley/tls.h>

parley::Task<> say_where() {
  const auto context = parley::tls::Context::client();
  parley::Listener listener({"127.0.0.1", 0});
  if (context.check_hostname()) std::cout << "tls: listening at " << listener.host() << '\n';
  co_return;
}

int main() {
  parley::run(say_where());
}
