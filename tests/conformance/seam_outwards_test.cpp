// The seam itself: connecting, what is written otherwise, and datagrams.

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/seam.h"

namespace parley::conformance {
namespace {

class SeamOutwards : public Seam {};
INSTANTIATE_TEST_SUITE_P(Over, SeamOutwards, testing::ValuesIn(all_setups()),
                         [](const auto& setup) { return setup.param.name; });

// Connecting.

TEST_P(SeamOutwards, ConnectingMakesAStreamThatIsNotReadYet) {
  const auto server = outside_->server({"127.0.0.1", 0});
  Link& link = connect(server->at());
  EXPECT_FALSE(link.connected) << "told from inside the call";
  ASSERT_TRUE(until([&] { return link.connected; }));
  const Server::Accepted far = accepted(*server);
  ASSERT_NE(far.peer, nullptr);
  EXPECT_EQ(backend_->host(link), far.from);
  far.peer->send("hello");
  turns(60);
  EXPECT_EQ(link.received, "");
  read(link, true);
  ASSERT_TRUE(until([&] { return link.received == "hello"; }));
  link.output = std::make_unique<std::string>("good day");
  while (link.sent < link.output->size()) {
    const std::size_t before = link.written;
    if (const Written written = write(link); !written.pending && link.sent == link.output->size()) break;
    ASSERT_TRUE(until([&] { return link.written > before; }));
  }
  EXPECT_TRUE(until([&] { return far.peer->received() == "good day"; }));
  far.peer->close();
  EXPECT_TRUE(until([&] { return link.ends == 1; }));
  EXPECT_FALSE(link.failure);
}

TEST_P(SeamOutwards, ConnectingWhereNobodyListensFails) {
  Link& link = connect({"127.0.0.1", outside_->free_port()});
  EXPECT_FALSE(link.failure) << "told from inside the call";
  ASSERT_TRUE(until([&] { return static_cast<bool>(link.failure); }));
  EXPECT_EQ(link.failure, std::errc::connection_refused);
  turns(60);
  EXPECT_FALSE(link.connected);
  backend_->close(link, false);
  EXPECT_TRUE(until([&] { return closed_ == 1; }));
}

TEST_P(SeamOutwards, ConnectingIsGivenUp) {
  const auto silent = outside_->silent({"127.0.0.1", 0});
  const auto server = outside_->server({"127.0.0.1", 0});
  for (int after = 0; after < 4; ++after) {
    Link& waits = connect(silent->at());
    Link& made = connect(server->at());
    turns(after);
    EXPECT_FALSE(waits.connected || waits.failure);
    backend_->close(waits, after % 2 == 0);
    backend_->close(made, false);
    ASSERT_TRUE(until([&] { return links_.empty(); }));
  }
  EXPECT_EQ(closed_, 8U);
  EXPECT_EQ(counts_.open, 0U);
}

TEST_P(SeamOutwards, ConnectingFromAnAddress) {
  const auto server = outside_->server({"127.0.0.1", 0});
  ConnectOptions options;
  options.source = Address("127.0.0.2", 0);
  Link& link = connect(server->at(), options);
  ASSERT_TRUE(until([&] { return link.connected; }));
  EXPECT_EQ(backend_->host(link).host(), "127.0.0.2");
  const Server::Accepted far = accepted(*server);
  ASSERT_NE(far.peer, nullptr);
  EXPECT_EQ(far.from, backend_->host(link));
}

// Writing otherwise.

TEST_P(SeamOutwards, AnOfferTakesWhatGoesAndPinsNothing) {
  const auto server = outside_->server({"127.0.0.1", 0});
  Link& link = connected(*server);
  const std::string text = text_of(20000);
  std::size_t sent = 0;
  // A copy that is gone at once: nothing of it may be pinned.
  const auto offer = [&] {
    std::string copy = text.substr(sent);
    const std::string_view pieces[] = {std::string_view(copy).substr(0, copy.size() / 3),
                                       std::string_view(copy).substr(copy.size() / 3)};
    const std::size_t taken = backend_->offer(link, pieces);
    std::fill(copy.begin(), copy.end(), '?');
    return taken;
  };
  for (int i = 0; i < 20000 && sent < text.size(); ++i) {
    const std::size_t taken = offer();
    ASSERT_LE(taken, text.size() - sent);
    sent += taken;
    turn();
  }
  EXPECT_EQ(link.written, 0U) << "on_written came after an offer";
  ASSERT_TRUE(until([&] { return link.peer->received().size() >= text.size(); }));
  EXPECT_SAME(link.peer->received(), text);
}

TEST_P(SeamOutwards, AFileIsSentFromItsDescriptor) {
  const std::string text = text_of(30000);
  const Handle file = outside_->file(text);
  const auto server = outside_->server({"127.0.0.1", 0});
  Link& link = connected(*server);
  const std::uint64_t from = 1000;
  const std::size_t size = text.size() - 2000;
  std::size_t unfinished = 0;
  while (link.sent < size) {
    const std::size_t before = link.written;
    const std::size_t rest = size - link.sent;
    const Written written = note(link, backend_->start_send_file(link, file, from + link.sent, rest), rest);
    if (!written.pending && link.sent == size) break;
    ++unfinished;
    ASSERT_TRUE(until([&] { return link.written > before; }));
  }
  EXPECT_EQ(link.written, unfinished);
  ASSERT_TRUE(until([&] { return link.peer->received().size() >= size; }));
  EXPECT_SAME(link.peer->received(), text.substr(from, size));
  EXPECT_FALSE(link.failure);
}

TEST_P(SeamOutwards, AFileThatIsShorterThanItWasSaidToBeIsAFailure) {
  const Handle file = outside_->file("short");
  const auto server = outside_->server({"127.0.0.1", 0});
  Link& link = connected(*server);
  (void)backend_->start_send_file(link, file, 0, 100);
  EXPECT_TRUE(until([&] { return static_cast<bool>(link.failure); }));
}

// Datagrams. The network may lose them, double them, and change their order: as over a real one.

TEST_P(SeamOutwards, DatagramsThereAndBack) {
  Post post;
  const Address at = backend_->bind(post, {"127.0.0.1", 0}, {}).value();
  EXPECT_NE(at.port(), 0);
  EXPECT_EQ(backend_->host(post), at);
  const auto far = outside_->correspondent({"127.0.0.1", 0});
  far->send("too early", at);
  turns(60);
  EXPECT_TRUE(post.received.empty()) << "nothing is received until it is asked for";
  backend_->set_receiving(post, true);
  ASSERT_TRUE(until([&] {
    if (post.received.empty() && GetParam().memory) far->send("too early", at);
    return !post.received.empty();
  }));
  EXPECT_EQ(post.received.front().bytes, "too early");
  EXPECT_EQ(post.received.front().peer, far->at());
  const Address asked = post.received.front().asked;
  EXPECT_TRUE(asked == at || asked == Address()) << asked;  // bound to one address, it need not be known
  EXPECT_TRUE(post.received.front().whole);
  const Address to = far->at();
  std::vector<Correspondent::Letter> letters;
  ASSERT_TRUE(send(post, {.bytes = "an answer", .to = &to}, [&] {
    if (letters.empty()) letters = far->take();
    return !letters.empty();
  }));
  EXPECT_EQ(letters.front(), (Correspondent::Letter{"an answer", at}));
  backend_->set_receiving(post, false);
  const std::size_t before = post.received.size();
  far->send("too late", at);
  turns(60);
  EXPECT_EQ(post.received.size(), before);
  close(post);
}

TEST_P(SeamOutwards, AnAnswerComesFromTheAddressThatWasAsked) {
  Post post;
  const Address at = backend_->bind(post, {"", 0}, {}).value();
  backend_->set_receiving(post, true);
  const auto far = outside_->correspondent({"127.0.0.1", 0});
  const Address asked("127.0.0.2", at.port());
  ASSERT_TRUE(until([&] {
    if (post.received.empty() && (GetParam().memory || counts_.upcalls == 0)) far->send("hello", asked);
    return !post.received.empty();
  }));
  EXPECT_EQ(post.received.front().asked, asked);
  const Address from = post.received.front().asked;
  const Address to = post.received.front().peer;
  std::vector<Correspondent::Letter> letters;
  ASSERT_TRUE(send(post, {.bytes = "yes?", .to = &to, .from = &from}, [&] {
    if (letters.empty()) letters = far->take();
    return !letters.empty();
  }));
  EXPECT_EQ(letters.front().from, asked);
  close(post);
}

TEST_P(SeamOutwards, AConnectedSocketOfDatagramsHearsItsPeerAlone) {
  const auto far = outside_->correspondent({"127.0.0.1", 0});
  const auto stranger = outside_->correspondent({"127.0.0.1", 0});
  Post post;
  const Address at = backend_->bind(post, {"127.0.0.1", 0}, {}).value();
  ASSERT_FALSE(backend_->connect(post, far->at()));
  backend_->set_receiving(post, true);
  std::vector<Correspondent::Letter> letters;
  ASSERT_TRUE(send(post, {.bytes = "it is me"}, [&] {
    if (letters.empty()) letters = far->take();
    return !letters.empty();
  }));
  EXPECT_EQ(letters.front(), (Correspondent::Letter{"it is me", at}));
  for (int i = 0; i < 30; ++i) {
    stranger->send("so am I", at);
    turn();
  }
  ASSERT_TRUE(until([&] {
    if (post.received.empty()) far->send("I see", at);
    return !post.received.empty();
  }));
  for (const Post::Came& came : post.received) EXPECT_EQ(came.bytes, "I see");
  ASSERT_FALSE(backend_->connect(post, stranger->at()));  // and now it alone
  letters.clear();
  ASSERT_TRUE(send(post, {.bytes = "and you"}, [&] {
    if (letters.empty()) letters = stranger->take();
    return !letters.empty();
  }));
  EXPECT_EQ(letters.front().bytes, "and you");
  close(post);
}

TEST_P(SeamOutwards, ARefusedDatagramIsTold) {
  Post post;
  ASSERT_TRUE(backend_->bind(post, {"127.0.0.1", 0}, {}).ok());
  ASSERT_FALSE(backend_->connect(post, {"127.0.0.1", outside_->free_port()}));
  backend_->set_receiving(post, true);
  ASSERT_TRUE(send(post, {.bytes = "anybody?"}, [&] { return !post.errors.empty(); }));
  EXPECT_EQ(post.errors.front(), std::errc::connection_refused);
  close(post);
}

// In one batch, some from where the back end chooses.
TEST_P(SeamOutwards, EachOfABatchLeavesFromItsOwnAddress) {
  Post post;
  const Address at = backend_->bind(post, {"0.0.0.0", 0}, {}).value();
  const auto far = outside_->correspondent({"127.0.0.1", 0});
  const Address to = far->at();
  const Address froms[] = {{"127.0.0.1", 0}, {"127.0.0.2", 0}, {"127.3.2.1", 0}};
  std::vector<Outgoing> batch;
  for (const Address& from : froms) batch.push_back({.bytes = "x", .to = &to, .from = &from});
  batch.push_back({.bytes = "x", .to = &to});
  std::set<std::string> hosts;
  for (int tries = 0; tries < 200 && hosts.size() < 3; ++tries) {
    for (std::size_t done = 0; done < batch.size();) {
      const std::size_t sent_before = post.sent;
      const std::size_t completions = post.completions;
      const Sent sent = backend_->start_send(post, std::span(batch).subspan(done));
      done += sent.count;
      if (!sent.pending && sent.error != std::errc::operation_would_block) {
        ASSERT_FALSE(sent.error);
        continue;
      }
      ASSERT_TRUE(until([&] { return post.completions > completions; }));
      done += post.sent - sent_before;
    }
    turns(5);
    for (const Correspondent::Letter& letter : far->take()) {
      EXPECT_EQ(letter.from.port(), at.port());
      hosts.insert(letter.from.host());
    }
  }
  EXPECT_EQ(hosts, (std::set<std::string>{"127.0.0.1", "127.0.0.2", "127.3.2.1"}));
  EXPECT_TRUE(post.errors.empty());
  close(post);
}

TEST_P(SeamOutwards, ToABroadcastAddressOnlyWhereThatWasAskedFor) {
  const Address all("255.255.255.255", 9);
  const auto outcome = [&](const DatagramOptions& options) {
    Post post;
    EXPECT_TRUE(backend_->bind(post, {"127.0.0.1", 0}, options).ok());
    std::error_code error;
    for (int tries = 0; tries < 100 && !error && post.sent == 0; ++tries) {
      const Outgoing outgoing{.bytes = "x", .to = &all};
      const std::size_t completions = post.completions;
      const Sent sent = backend_->start_send(post, {&outgoing, 1});
      post.sent += sent.count;
      if (sent.pending || sent.error == std::errc::operation_would_block) {
        EXPECT_TRUE(until([&] { return post.completions > completions; }));
      } else {
        error = sent.error;
      }
      if (!post.errors.empty()) error = post.errors.front();
    }
    close(post);
    return error;
  };
  EXPECT_EQ(outcome({}), std::errc::permission_denied);
  EXPECT_NE(outcome({.broadcast = true}), std::errc::permission_denied);
}

TEST_P(SeamOutwards, ASocketOfDatagramsIsChanged) {
  Post post;
  const Address at = backend_->bind(post, {"0.0.0.0", 0}, {}).value();
  const Address group("239.255.26.26", 0);
  using Change = DatagramChange;
  EXPECT_FALSE(backend_->change(post, {.what = Change::hops, .value = 1}));
  EXPECT_FALSE(backend_->change(post, {.what = Change::loop, .value = 1}));
  EXPECT_FALSE(backend_->change(post, {.what = Change::broadcast, .value = 1}));
  EXPECT_EQ(backend_->change(post, {.what = Change::leave, .group = group}), std::errc::address_not_available)
      << "it has not joined";
  EXPECT_EQ(backend_->change(post, {.what = Change::join, .group = Address("127.0.0.1", 0)}),
            std::errc::invalid_argument)
      << "that is no group";
  EXPECT_NE(at.port(), 0);
  close(post);
}

TEST_P(SeamOutwards, AnAddressOfDatagramsInUseIsAnError) {
  Post first;
  Post second;
  const Address at = backend_->bind(first, {"127.0.0.1", 0}, {}).value();
  const Result<Address> result = backend_->bind(second, at, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), std::errc::address_in_use);
  close(first);
  EXPECT_TRUE(backend_->bind(second, at, {}).ok());
  close(second);
}

}  // namespace
}  // namespace parley::conformance
