#include "chat/config/listener.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "parley/base/print.h"

namespace chat {
namespace {

constexpr std::string_view forms = "line://127.0.0.1:2626, line://[::1]:2626 or line+unix:/path.sock";
constexpr std::string_view unix_prefix = "unix:";
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
  throw ConfigError(parley::format("listener.room must be a name like \"#lobby\": '#', then up to ",
                                   longest_room - 1, " bytes without spaces and commas"));
}

parley::Address local_address(std::string_view path) {
  if (!path.starts_with('/') && !path.starts_with('.')) {
    throw ConfigError("a Unix socket needs a path like /run/parleyd.sock");
  }
  try {
    return parley::Address::local(path);
  } catch (const parley::AddressError& error) {
    throw ConfigError(error.what());
  }
}

parley::Address numeric_address(std::string_view host, int port) {
  // The library would take no host for every address of the machine: here that must be said.
  if (host.empty())
    throw ConfigError("there is no address; every address of this machine is [::] or 0.0.0.0");
  try {
    return parley::Address(host, port);
  } catch (const parley::AddressError&) {
    throw ConfigError(parley::format("\"", host, "\" is no IP address; 127.0.0.1 is this machine alone, ",
                                     "[::] or 0.0.0.0 every address it has"));
  }
}

int port_number(std::string_view text) {
  int port = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 0 || port > 65535) {
    throw ConfigError(parley::format("\"", text, "\" is no port, which is a number from 0 to 65535"));
  }
  return port;
}

// What stands behind `line://`.
parley::Address network_address(std::string_view place) {
  if (place.ends_with('/')) place.remove_suffix(1);
  std::string_view host = place;
  int port = ListenerDraft{}.port;
  const std::size_t colon = place.rfind(':');
  if (colon != place.npos && place.find(']', colon) == place.npos) {
    host = place.substr(0, colon);
    port = port_number(place.substr(colon + 1));
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    throw ConfigError("an IPv6 address stands in brackets");
  }
  return numeric_address(host, port);
}

parley::Address address_of(std::string_view url) {
  const std::size_t colon = url.find(':');
  const std::string_view scheme = url.substr(0, colon);
  const std::string_view rest = colon == url.npos ? std::string_view() : url.substr(colon + 1);
  if (scheme == "line" && rest.starts_with("//")) return network_address(rest.substr(2));
  if (scheme == "line+unix" && colon != url.npos) return local_address(rest);
  constexpr std::array<std::string_view, 6> unbuilt = {"irc", "ircs", "ws", "wss", "http", "https"};
  const std::string_view protocol = scheme.substr(0, scheme.find('+'));
  if (colon != url.npos && std::find(unbuilt.begin(), unbuilt.end(), protocol) != unbuilt.end()) {
    throw ConfigError(parley::format(protocol, " is not built yet"));
  }
  throw ConfigError("this is no URL to listen at");
}

}  // namespace

ListenerConfig listener_from_url(std::string_view url) {
  try {
    ListenerConfig listener;
    listener.address = address_of(url);
    return listener;
  } catch (const ConfigError& error) {
    throw ConfigError(parley::format("--listen ", url, ": ", error.what(), "; it must be like ", forms));
  }
}

ListenerConfig listener_from_draft(const ListenerDraft& draft) {
  check_room(draft.room);
  ListenerConfig listener;
  listener.room = draft.room;
  try {
    const std::string_view address = draft.address;
    listener.address = address.starts_with(unix_prefix) ? local_address(address.substr(unix_prefix.size()))
                                                        : numeric_address(address, draft.port);
  } catch (const ConfigError& error) {
    throw ConfigError(parley::format("listener.address: ", error.what()));
  }
  return listener;
}

}  // namespace chat
