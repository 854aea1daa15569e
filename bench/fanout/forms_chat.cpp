// A chat like examples/chat, whose members are told everything in several wire forms, in turns: the first of
// them as it is printed. All forms look the same on the wire, so that one load checks them.
//
//   fanout_forms_chat PORT FORMS
#include <cstddef>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string_view>

#include "parley/reactor.h"

namespace {

class Same : public parley::Form {
  void encode(std::string_view message, parley::Writer& out) override { out.put(message); }
};

class Chatter : public parley::LineReceiver {
 public:
  Chatter(parley::Group& room, parley::Form* form) : room_(room), form_(form) {}

 private:
  void connection_made() override {
    if (form_ == nullptr) {
      room_.add(transport());
    } else {
      room_.add(transport(), *form_);
    }
  }
  void line_received(std::string_view line) override {
    room_.broadcast(omit(transport()), "[", peer(), "] ", line, "\r\n");
  }

  parley::Group& room_;
  parley::Form* form_;
};

}  // namespace

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 2626;
  const std::size_t count = argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 1;
  std::deque<Same> forms(count - 1);
  parley::Reactor reactor;
  parley::Group room(reactor);
  std::size_t next = 0;
  reactor.listen_tcp({"127.0.0.1", port}, [&] {
    const std::size_t form = next++ % count;
    return std::make_unique<Chatter>(room, form == 0 ? nullptr : &forms[form - 1]);
  });
  reactor.run();
}
