// Each line that a member sends goes to every other member of one group.
#include <cstdlib>
#include <memory>
#include <string_view>

#include "parley/reactor.h"

namespace {

class Member : public parley::LineReceiver {
 public:
  explicit Member(parley::Group& group) : group_(group) {}

 private:
  void connection_made() override { group_.add(transport()); }
  void line_received(std::string_view line) override {
    group_.broadcast(parley::omit(transport()), line, "\r\n");
  }

  parley::Group& group_;
};

}  // namespace

int main(int argc, char** argv) {
  parley::Reactor reactor;
  parley::Group group(reactor);
  reactor.listen_tcp({"127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 0},
                     [&group] { return std::make_unique<Member>(group); });
  reactor.run();
}
