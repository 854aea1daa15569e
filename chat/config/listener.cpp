#include "chat/config/listener.h"

#include <algorithm>
#include <cstddef>
#include <variant>

#include "parley/base/print.h"

namespace chat {
namespace {

constexpr std::string_view forms = "line://127.0.0.1:2626, line://[::1]:2626 or line+unix:/path.sock";
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

parley::ServerEndpoint endpoint_of(std::string_view text) {
  auto endpoint = parley::ServerEndpoint::parse(text);
  if (!endpoint) throw ConfigError(endpoint.error().what());
  check_address(*endpoint);
  return *endpoint;
}

// Of what stands behind `line://`: an address, with or without a port.
parley::ServerEndpoint endpoint_at(std::string_view place) {
  if (place.ends_with('/')) place.remove_suffix(1);
  const std::size_t port = place.find(':', place.starts_with('[') ? place.find(']') : 0);
  return endpoint_of(port == place.npos ? parley::concat("tcp://", place, ":", default_port)
                                        : parley::concat("tcp://", place));
}

parley::ServerEndpoint endpoint_of_url(std::string_view url) {
  constexpr std::string_view short_form = "line://";
  constexpr std::string_view long_form = "line+";
  if (url.starts_with(short_form)) return endpoint_at(url.substr(short_form.size()));
  if (url.starts_with(long_form)) return endpoint_of(url.substr(long_form.size()));
  throw ConfigError("this is no URL to listen at");
}

parley::ServerEndpoint endpoint_of_draft(const ListenerDraft& draft) {
  try {
    parley::ServerEndpoint endpoint{
        parley::ServerEndpoint::Tcp{.address = {draft.address, draft.port.value_or(default_port)}}};
    check_address(endpoint);
    return endpoint;
  } catch (const parley::AddressError&) {
    if (draft.address.find(':') == draft.address.npos) {
      throw ConfigError(parley::concat("\"", draft.address, "\" is no IP address; 127.0.0.1 is this machine ",
                                       "alone, :: or 0.0.0.0 every address it has"));
    }
  }
  const parley::ServerEndpoint endpoint = endpoint_of(draft.address);
  if (draft.port) throw ConfigError("an endpoint says all: there is no listener.port beside it");
  return endpoint;
}

}  // namespace

ListenerConfig listener_from_url(std::string_view url) {
  try {
    ListenerConfig listener;
    listener.endpoint = endpoint_of_url(url);
    return listener;
  } catch (const ConfigError& error) {
    throw ConfigError(parley::concat("--listen ", url, ": ", error.what(), "; it must be like ", forms));
  }
}

ListenerConfig listener_from_draft(const ListenerDraft& draft) {
  check_room(draft.room);
  ListenerConfig listener;
  listener.room = draft.room;
  try {
    listener.endpoint = endpoint_of_draft(draft);
  } catch (const ConfigError& error) {
    throw ConfigError(parley::concat("listener.address: ", error.what()));
  }
  return listener;
}

}  // namespace chat
