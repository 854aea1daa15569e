// What a task or a factory cannot answer, and what cannot be awaited, is one error that says what to do.

#include <parley/reactor.h>
#include <parley/stream.h>

using namespace parley;
using namespace std::chrono_literals;

template <int>
struct Each : Protocol {
  void data_received(std::span<char> lent) override { transport().write({lent.data(), lent.size()}); }
};

using Echo = Each<0>;

Task<int> number();
Task<> nothing();
int kept = 0;

const auto refers = []() -> Task<int&> { co_return kept; };  //! not Task<int&>

Task<> body(Task<int> task, Task<> other, Queue<int>& queue) {
  std::string answer(1, 'x');
  auto getting = queue.get();
  answer += static_cast<char>(co_await task);               //! what has a name is moved
  answer += static_cast<char>((co_await getting).value());  //! what has a name is moved
  co_await other;                                           //! what has a name is moved
  co_await nothing();
}

void factories(Reactor& reactor) {
  reactor.listen_tcp({"", 80}, [] { return new Echo; });                                       //! make_unique
  reactor.listen_unix(Address::local("x"), [](const Address&) { return new Each<1>; });        //! make_unique
  reactor.connect_tcp({"localhost", 80}, []() -> Each<2>* { return new Each<2>; });            //! make_unique
  ReconnectingClientFactory([] { return static_cast<Protocol*>(new Echo); }).start_factory();  //! make_unique
  reactor.listen_tcp({"", 80}, [] { return std::make_unique<Echo>(); });
}

Task<> none() {
  co_await when_any();  //! when_any of nothing
  co_await nothing();
}
