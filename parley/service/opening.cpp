#include "parley/service/opening.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <system_error>
#include <variant>

#include "parley/base/print.h"
#include "parley/process/service_manager.h"
#include "parley/socket/error.h"
#include "parley/socket/socket.h"
#include "parley/tls/stream.h"

namespace parley {

namespace {

// The socket that systemd has handed over under this number or name.
Socket handed_over(const ServerEndpoint& endpoint, const ServerEndpoint::Systemd& asked) {
  std::vector<InheritedDescriptor>& all = inherited_descriptors();
  const auto* const index = std::get_if<std::size_t>(&asked.which);
  const auto found =
      index != nullptr
          ? all.begin() + static_cast<std::ptrdiff_t>(std::min(*index, all.size()))
          : std::ranges::find_if(all, [&](const InheritedDescriptor& inherited) {
              return inherited.descriptor && inherited.name == std::get<std::string>(asked.which);
            });
  if (found == all.end() || !found->descriptor) {
    std::string there = concat("sockets handed over: ", all.size());
    for (const InheritedDescriptor& inherited : all) {
      there += concat(" \"", inherited.name, '"', inherited.descriptor ? "" : " (in use)");
    }
    if (all.empty()) there += "; was it started by a .socket unit?";
    throw SocketError("listen", concat(endpoint), std::make_error_code(std::errc::bad_file_descriptor),
                      there);
  }
  Socket socket = Socket::adopt(found->descriptor.get());
  found->descriptor.release();
  return socket;
}

struct Listening {
  Reactor& reactor;
  const ServerEndpoint& endpoint;
  std::shared_ptr<Factory> factory;
  ListenSettings settings;

  ListeningPort operator()(const ServerEndpoint::Tcp& tcp) {
    settings.options.backlog = tcp.backlog.value_or(settings.options.backlog);
    return reactor.listen_tcp(tcp.address, std::move(factory), std::move(settings));
  }
  ListeningPort operator()(const ServerEndpoint::Tls& tls) {
    settings.wrap = tls::detail::under(server_context(tls).wrap(), std::move(settings.wrap));
    return (*this)(ServerEndpoint::Tcp{tls.address, tls.backlog});
  }
  ListeningPort operator()(const ServerEndpoint::Local& local) {
    settings.options.backlog = local.backlog.value_or(settings.options.backlog);
    if (local.mode) settings.options.mode = local.mode;
    return reactor.listen_unix(local.address, std::move(factory), std::move(settings));
  }
  ListeningPort operator()(const ServerEndpoint::Inherited& inherited) {
    Socket socket = Socket::adopt(inherited.descriptor);
    socket.set_inheritable(false);
    return reactor.adopt_port(std::move(socket), std::move(factory), std::move(settings));
  }
  ListeningPort operator()(const ServerEndpoint::Systemd& systemd) {
    return reactor.adopt_port(handed_over(endpoint, systemd), std::move(factory), std::move(settings));
  }
};

struct Connecting {
  Reactor& reactor;
  std::shared_ptr<Factory> factory;
  ConnectSettings settings;

  Connector operator()(const ClientEndpoint::Tcp& tcp) {
    settings.timeout = tcp.timeout.value_or(settings.timeout);
    if (tcp.bind_address) settings.source = tcp.bind_address;
    return reactor.connect_tcp(tcp.endpoint, std::move(factory), std::move(settings));
  }
  Connector operator()(const ClientEndpoint::Tls& tls) {
    settings.wrap =
        tls::detail::under(tls::default_client().wrap(tls.endpoint.host), std::move(settings.wrap));
    return (*this)(ClientEndpoint::Tcp{tls.endpoint, tls.timeout, tls.bind_address});
  }
  Connector operator()(const ClientEndpoint::Local& local) {
    settings.timeout = local.timeout.value_or(settings.timeout);
    return reactor.connect_unix(local.address, std::move(factory), std::move(settings));
  }
};

template <class Endpoint>
Endpoint read(std::string_view text) {
  auto parsed = Endpoint::parse(text);
  if (!parsed) throw EndpointError(parsed.error());
  return *std::move(parsed);
}

}  // namespace

tls::Context server_context(const ServerEndpoint::Tls& endpoint) {
  tls::Context context = tls::Context::server();
  context.load_cert_chain(endpoint.cert, endpoint.key);
  if (!endpoint.client_ca.empty()) {
    context.load_client_ca(endpoint.client_ca);
    context.set_verify_mode(tls::VerifyMode::required);
  }
  return context;
}

ListeningPort listen(Reactor& reactor, const ServerEndpoint& endpoint, std::shared_ptr<Factory> factory,
                     ListenSettings settings) {
  return std::visit(Listening{reactor, endpoint, std::move(factory), std::move(settings)}, endpoint.where);
}

ListeningPort listen(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                     ListenSettings settings) {
  return listen(reactor, read<ServerEndpoint>(endpoint), std::move(factory), std::move(settings));
}

Connector connect(Reactor& reactor, const ClientEndpoint& endpoint, std::shared_ptr<Factory> factory,
                  ConnectSettings settings) {
  return std::visit(Connecting{reactor, std::move(factory), std::move(settings)}, endpoint.where);
}

Connector connect(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                  ConnectSettings settings) {
  return connect(reactor, read<ClientEndpoint>(endpoint), std::move(factory), std::move(settings));
}

}  // namespace parley
