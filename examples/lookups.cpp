// Tells what is known of this machine, of a host and of a service: lookups [HOST [SERVICE]]

#include <iostream>
#include <string>

#include <parley/socket.h>

using namespace parley;

int main(int argc, char** argv) try {
  const std::string host = argc > 1 ? argv[1] : "localhost";
  const std::string service = argc > 2 ? argv[2] : "http";

  std::cout << "This machine: " << gethostname() << ", in full " << getfqdn() << '\n';
  for (const auto& [index, name] : if_nameindex()) {
    std::cout << "Interface " << index << ": " << name << '\n';
  }
  std::cout << "Port of " << service << ": " << getservbyname(service) << '\n';

  for (const AddressInfo& info : getaddrinfo(host, service, {.type = Type::stream})) {
    std::cout << host << ": " << info.address;
    std::cout << ", whose name is " << getnameinfo(info.address).host << '\n';
  }
} catch (const ResolveError& error) {
  std::cerr << error.what() << '\n';  // says what was looked up, and why it was not found
  return 2;
} catch (const std::exception& error) {
  std::cerr << "lookups: " << error.what() << '\n';
  return 1;
}
