// How ports are listened at.

#include <cerrno>
#include <memory>
#include <string>

#include "parley/socket/error.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

class Listening : public Conformance {};
PARLEY_CONFORMANCE(Listening);

TEST_P(Listening, BothFamiliesShareAPortAndTheHintSaysWhatIsInTheWay) {
  const std::shared_ptr<Factory> shared = factory([] { return std::unique_ptr<Protocol>(); });
  const auto hint = [&](const Address& at) -> std::string {
    try {
      reactor().listen_tcp(at, shared);
    } catch (const SocketError& error) {
      EXPECT_EQ(error.code(), std::error_code(EADDRINUSE, std::system_category()));
      return error.what();
    }
    return "it listens";
  };
  const Address both = reactor().listen_tcp({"", 0}, shared).host();
  EXPECT_NE(hint({"0.0.0.0", both.port()}).find("an IPv6 socket that takes IPv4 too has the port"),
            std::string::npos);
  EXPECT_NE(hint(both).find("is it running already?"), std::string::npos);
  const Address four = reactor().listen_tcp({"0.0.0.0", 0}, shared).host();
  EXPECT_NE(hint({"", four.port()}).find("v6_only listens beside it"), std::string::npos);
  ListenSettings settings;
  settings.options.v6_only = true;
  const Address six("::", four.port());
  EXPECT_EQ(reactor().listen_tcp(six, shared, settings).host(), six);
}

}  // namespace
}  // namespace parley::conformance
