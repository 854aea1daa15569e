#include "chat/config/listener.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>

#include "parley/base/print.h"

namespace chat {
namespace {

constexpr std::string_view forms =
    "line://127.0.0.1:2626, line://[::1]:2626, line+tls://127.0.0.1:2626 or line+unix:/path.sock";
constexpr std::string_view tls_form = "line+tls://";
constexpr int default_port = 2626;
constexpr std::size_t longest_room = 64;

// `room`: printable, and a name that IRC can have too (RFC 2812, 1.3).
void check_room(std::string_view room) {
  const auto odd = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == ',';
  };
  if (room.size() >= 2 && room.size() <= longest_room && room[0] == '#' &&
      std::none_of(room.begin(), room.end(), odd))
    return;
  throw ConfigError(parley::concat("listener.room must be a name like \"#lobby\": '#', then up to ",
                                   longest_room - 1, " bytes without spaces and commas"));
}

// The library takes no address for every one of the machine: here that must be said.
void check_address(const parley::ServerEndpoint& endpoint) {
  const auto* const tcp = std::get_if<parley::ServerEndpoint::Tcp>(&endpoint.where);
  if (tcp != nullptr && tcp->address.family() == parley::Family::unspecified) {
    throw ConfigError("there is no address; every address of this machine is [::] or 0.0.0.0");
  }
}

// Takes an endpoint of TLS apart.
ListenerConfig listener_of(parley::ServerEndpoint endpoint) {
  ListenerConfig listener;
  if (auto* const tls = std::get_if<parley::ServerEndpoint::Tls>(&endpoint.where)) {
    listener.tls = TlsConfig{tls->cert, tls->key, tls->client_ca};
    listener.endpoint.where = parley::ServerEndpoint::Tcp{tls->address, tls->backlog};
  } else {
    listener.endpoint = std::move(endpoint);
  }
  check_address(listener.endpoint);
  return listener;
}

ListenerConfig listener_of(std::string_view text) {
  auto endpoint = parley::ServerEndpoint::parse(text);
  if (!endpoint) throw ConfigError(endpoint.error().what());
  return listener_of(*std::move(endpoint));
}

// Of what stands behind `line://`: an address, with or without a port.
ListenerConfig listener_at(std::string_view place) {
  if (place.ends_with('/')) place.remove_suffix(1);
  const std::size_t port = place.find(':', place.starts_with('[') ? place.find(']') : 0);
  return listener_of(port == place.npos ? parley::concat("tcp://", place, ":", default_port)
                                        : parley::concat("tcp://", place));
}

ListenerConfig listener_of_url(std::string_view url, const std::optional<TlsConfig>& tls) {
  constexpr std::string_view short_form = "line://";
  constexpr std::string_view long_form = "line+";
  if (url.starts_with(short_form)) return listener_at(url.substr(short_form.size()));
  if (wants_tls(url)) {
    ListenerConfig listener = listener_at(url.substr(tls_form.size()));
    if (!tls) throw ConfigError("there is no certificate for it, as in --tls-cert FILE --tls-key FILE");
    listener.tls = tls;
    return listener;
  }
  if (url.starts_with(long_form)) return listener_of(url.substr(long_form.size()));
  throw ConfigError("this is no URL to listen at");
}

ListenerConfig listener_of_draft(const ListenerDraft& draft) {
  try {
    return listener_of(parley::ServerEndpoint{
        parley::ServerEndpoint::Tcp{.address = {draft.address, draft.port.value_or(default_port)}}});
  } catch (const parley::AddressError&) {
    if (draft.address.find(':') == draft.address.npos) {
      throw ConfigError(parley::concat("\"", draft.address, "\" is no IP address; 127.0.0.1 is this machine ",
                                       "alone, :: or 0.0.0.0 every address it has"));
    }
  }
  ListenerConfig listener = listener_of(draft.address);
  if (draft.port) throw ConfigError("an endpoint says all: there is no listener.port beside it");
  if (listener.tls && draft.tls != TlsConfig{}) {
    throw ConfigError("an endpoint says all: there is no listener.tls_cert, tls_key or client_ca beside it");
  }
  return listener;
}

}  // namespace

bool wants_tls(std::string_view url) {
  return url.starts_with(tls_form);
}

ListenerConfig listener_from_url(std::string_view url, const std::optional<TlsConfig>& tls) {
  try {
    return listener_of_url(url, tls);
  } catch (const ConfigError& error) {
    throw ConfigError(parley::concat("--listen ", url, ": ", error.what(), "; it must be like ", forms));
  }
}

ListenerConfig listener_from_draft(const ListenerDraft& draft) {
  check_room(draft.room);
  // Whoever has written one of these does not want to be reached in clear.
  if (draft.tls.cert.empty() && draft.tls != TlsConfig{}) {
    throw ConfigError(parley::concat("listener.", draft.tls.key.empty() ? "client_ca" : "tls_key",
                                     ": there is no listener.tls_cert beside it"));
  }
  ListenerConfig listener;
  try {
    listener = listener_of_draft(draft);
  } catch (const ConfigError& error) {
    throw ConfigError(parley::concat("listener.address: ", error.what()));
  }
  listener.room = draft.room;
  if (!draft.tls.cert.empty()) listener.tls = draft.tls;
  return listener;
}

}  // namespace chat
