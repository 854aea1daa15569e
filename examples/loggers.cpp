// Two servers in one program, which log what their clients send: the first as it comes, the second line by
// line.

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

class Logger : public Protocol {
  void connection_made() override { std::cout << peer() << " came" << std::endl; }
  void data_received(std::span<char> lent) override {
    const std::string_view data(lent.data(), lent.size());
    std::cout << peer() << " sent " << data.size() << " bytes: " << data << std::endl;
  }
  void connection_lost(Reason reason) override { std::cout << peer() << " left: " << reason << std::endl; }
};

class LineLogger : public LineReceiver {
  void connection_made() override { std::cout << peer() << " came" << std::endl; }
  void line_received(std::string_view line) override {
    std::cout << peer() << ": " << line << std::endl;
    if (line == "quit") transport().lose_connection();
  }
  void connection_lost(Reason reason) override { std::cout << peer() << " left: " << reason << std::endl; }
};

int main(int argc, char** argv) {
  Reactor reactor;
  const auto bytes = reactor.listen_tcp({"", argc > 1 ? std::atoi(argv[1]) : 2627},
                                        [] { return std::make_unique<Logger>(); });
  const auto lines = reactor.listen_tcp({"", argc > 2 ? std::atoi(argv[2]) : 2628},
                                        [] { return std::make_unique<LineLogger>(); });
  std::cout << "Bytes at port " << bytes.host().port() << ", lines at port " << lines.host().port()
            << std::endl;
  reactor.run();
}
