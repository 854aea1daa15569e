#include "parley/reactor/standard_io.h"

#include <utility>

#include "parley/process/shared_streams.h"
#include "parley/reactor/process/relay.h"

namespace parley {

TransportId standard_io(Reactor& reactor, std::unique_ptr<Protocol> protocol,
                        const StandardIoSettings& settings) {
  RelayEnds ends{own_stream(settings.input, false), own_stream(settings.output, true), settings.output};
  return relay(reactor, std::move(protocol), std::move(ends));
}

}  // namespace parley
