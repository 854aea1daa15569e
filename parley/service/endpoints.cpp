#include "parley/service/endpoints.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "parley/service/endpoint_text.h"

namespace parley {

namespace {

using Value = EndpointText::Value;

constexpr unsigned largest_int = std::numeric_limits<int>::max();
constexpr std::string_view tls_form = "tls:443:interface=127.0.0.1:cert=FILE:key=FILE";
constexpr unsigned longest_timeout = 1'000'000'000;  // seconds; beyond, a Duration would overflow

// Of text that came from outside, nothing may look like another line of a log.
std::string shown(std::string_view text) {
  std::string shown(text);
  std::ranges::replace_if(
      shown, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  return shown;
}

// What an address says about itself, told at its place in the text.
template <class Make>
Address address(const EndpointText& text, const Value& value, Make make) {
  try {
    return make();
  } catch (const AddressError& error) {
    text.fail(value.column, error.what());
  }
}

Address numeric(const EndpointText& text, const Value& host, unsigned port) {
  return address(text, host, [&] { return Address(host.text, static_cast<int>(port)); });
}

Address local(const EndpointText& text, const Value& path) {
  return address(text, path, [&] {
    return path.text.starts_with('@') ? Address::abstract(std::string_view(path.text).substr(1))
                                      : Address::local(path.text);
  });
}

// The path of `unix:///run/chat`.
Address local_of_url(const EndpointText& text) {
  const Value& path = *text.url();
  if (!path.text.starts_with('/')) text.fail(path.column, "the path of a URL begins with a third slash");
  const Value decoded{text.percent_decoded(path), path.column};
  return address(text, path, [&] { return Address::local(decoded.text); });
}

struct HostAndPort {
  Value host;
  unsigned port;
};

// Of `host:port` and `[::1]:port`, as it stands in a URL.
HostAndPort host_and_port(const EndpointText& text, unsigned least_port) {
  const Value& url = *text.url();
  const std::string_view whole = url.text;
  if (const std::size_t more = whole.find_first_of("/?#@"); more != std::string_view::npos) {
    text.fail(url.column + more, "the URL has nothing but a host and a port");
  }
  Value host{{}, url.column};
  std::size_t end = 0;
  if (whole.starts_with('[')) {
    const std::size_t close = whole.find(']');
    if (close == std::string_view::npos) text.fail(url.column, "the bracket is not closed");
    host = {std::string(whole.substr(1, close - 1)), url.column + 1};
    if (host.text.find(':') == std::string::npos)
      text.fail(host.column, "only an IPv6 address stands in brackets");
    end = close + 1;
  } else {
    end = std::min(whole.find(':'), whole.size());
    host.text = whole.substr(0, end);
    if (whole.find(':', std::min(end + 1, whole.size())) != std::string_view::npos) {
      text.fail(url.column, "an IPv6 address stands in brackets in a URL: [::1]");
    }
  }
  if (end == whole.size() || whole[end] != ':') text.fail(url.column + end, "the port is missing");
  const Value port{std::string(whole.substr(end + 1)), url.column + end + 1};
  host.text = text.percent_decoded(host);
  return {std::move(host), text.number(port, "port", least_port, 65535)};
}

std::optional<int> backlog(const EndpointText& text) {
  const Value* const value = text.find("backlog");
  if (value == nullptr) return std::nullopt;
  return static_cast<int>(text.number(*value, "backlog", 1, largest_int));
}

// In seconds, with a fraction of up to nine digits.
std::optional<Duration> timeout(const EndpointText& text) {
  const Value* const value = text.find("timeout");
  if (value == nullptr) return std::nullopt;
  const std::size_t point = std::min(value->text.find('.'), value->text.size());
  const unsigned seconds =
      text.number({value->text.substr(0, point), value->column}, "timeout", 0, longest_timeout);
  Duration duration = std::chrono::seconds(seconds);
  if (point != value->text.size()) {
    std::string digits = value->text.substr(point + 1);
    const Value fraction{digits, value->column + point + 1};
    if (digits.size() > 9)
      text.fail(fraction.column, "the timeout has more than nine digits after the point");
    (void)text.number(fraction, "fraction of the timeout", 0, 999'999'999);
    digits.resize(9, '0');
    duration += std::chrono::nanoseconds(text.number({digits, fraction.column}, "timeout", 0, 999'999'999));
  }
  if (duration == Duration::zero()) text.fail(value->column, "the timeout is zero");
  return duration;
}

// Arguments that Twisted has and Parley has not, each with what to do instead.
void refuse(const EndpointText& text,
            std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
  for (const auto& [name, instead] : all) {
    if (const Value* const value = text.find(name)) {
      text.fail(value->column, concat("there is no ", name, ": ", instead));
    }
  }
}

[[noreturn]] void fail_kind(const EndpointText& text, std::string_view kinds) {
  text.fail(1, concat("\"", text.kind(), "\" is no kind of endpoint; there are: ", kinds));
}

// Every address of this machine, where no interface is named.
Address interface_of(const EndpointText& text) {
  const unsigned port = text.number(text.need("port"), "port", 0, 65535);
  const Value* const interface = text.find("interface");
  return interface == nullptr ? Address("", static_cast<int>(port)) : numeric(text, *interface, port);
}

ServerEndpoint tls_server(EndpointText& text) {
  text.expect({"port", "cert", "key", "interface", "backlog", "client_ca"}, 1);
  const auto path = [&](std::string_view name) {
    const Value* const value = text.find(name);
    return value == nullptr ? std::string() : value->text;
  };
  return {ServerEndpoint::Tls{.address = interface_of(text),
                              .cert = text.need("cert").text,
                              .key = path("key"),
                              .client_ca = path("client_ca"),
                              .backlog = backlog(text)}};
}

// As Twisted writes it, where one file may hold both, too.
ServerEndpoint ssl_server(EndpointText& text) {
  refuse(text, {{"extraCertChain", "its certificates stand behind the first one in the file of certKey"},
                {"sslmethod", "TLS 1.2 and 1.3 are spoken"},
                {"dhParameters", "keys are exchanged over elliptic curves"}});
  text.expect({"port", "privateKey", "certKey", "interface", "backlog"}, 1);
  const std::string& key = text.need("privateKey").text;
  const Value* const cert = text.find("certKey");
  return {ServerEndpoint::Tls{.address = interface_of(text),
                              .cert = cert == nullptr ? key : cert->text,
                              .key = cert == nullptr ? std::string() : key,
                              .backlog = backlog(text)}};
}

ServerEndpoint server(EndpointText text) {
  const std::string& kind = text.kind();
  const bool url = text.url() != nullptr;
  if (kind == "tcp" && url) {
    const auto [host, port] = host_and_port(text, 0);
    return {ServerEndpoint::Tcp{.address = numeric(text, host, port)}};
  }
  if (kind == "tcp") {
    text.expect({"port", "interface", "backlog"}, 1);
    return {ServerEndpoint::Tcp{.address = interface_of(text), .backlog = backlog(text)}};
  }
  if ((kind == "tls" || kind == "ssl") && url) {
    text.fail(kind.size() + 1, concat("a server needs a certificate, which no URL names: ", tls_form));
  }
  if (kind == "tls") return tls_server(text);
  if (kind == "ssl") return ssl_server(text);
  if (kind == "unix" && url) return {ServerEndpoint::Local{.address = local_of_url(text)}};
  if (kind == "unix") {
    text.expect({"path", "mode", "backlog"}, 1);
    const Value& path = text.need("path");
    ServerEndpoint::Local where{.address = local(text, path)};
    if (const Value* const mode = text.find("mode")) {
      if (path.text.starts_with('@')) text.fail(mode->column, "an abstract name has no mode");
      where.mode = text.number(*mode, "mode", 0, 0777, 8);
    }
    where.backlog = backlog(text);
    return {where};
  }
  if (url && (kind == "fd" || kind == "systemd")) text.fail(kind.size() + 1, "this kind has no URLs");
  if (kind == "fd") {
    text.expect({"number"}, 1);
    const unsigned number = text.number(text.need("number"), "descriptor", 0, largest_int);
    return {ServerEndpoint::Inherited{static_cast<int>(number)}};
  }
  if (kind == "systemd") {
    text.expect({"index", "name"}, 1);
    if (text.find("name") != nullptr && text.find("index") != nullptr) {
      text.fail(text.find("name")->column, "an index and a name are one too many");
    }
    if (text.find("name") != nullptr) return {ServerEndpoint::Systemd{text.need("name").text}};
    const Value& index = text.need("index");
    const bool digits = std::ranges::all_of(index.text, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return {ServerEndpoint::Systemd{index.text}};
    return {ServerEndpoint::Systemd{std::size_t{text.number(index, "index", 0, largest_int)}}};
  }
  fail_kind(text, "tcp, tls, ssl, unix, fd, systemd");
}

// One that is reached over TCP.
template <class Where>
ClientEndpoint host_endpoint(EndpointText& text) {
  if (text.url() != nullptr) {
    const auto [host, port] = host_and_port(text, 1);
    if (host.text.empty()) text.fail(host.column, "the host is empty");
    return {Where{.endpoint = {host.text, static_cast<int>(port)}}};
  }
  text.expect({"host", "port", "timeout", "bind_address"}, 2);
  const std::string& host = text.need("host").text;
  const unsigned port = text.number(text.need("port"), "port", 1, 65535);
  Where where{.endpoint = {host, static_cast<int>(port)}, .timeout = timeout(text)};
  if (text.find("bind_address") != nullptr) where.bind_address = numeric(text, text.need("bind_address"), 0);
  return {where};
}

ClientEndpoint client(EndpointText text) {
  const std::string& kind = text.kind();
  const bool url = text.url() != nullptr;
  if (kind == "tcp") return host_endpoint<ClientEndpoint::Tcp>(text);
  if (kind == "tls" || kind == "ssl") {
    constexpr std::string_view instead = "that is for a tls::Context, whose wrap is for a tcp endpoint";
    refuse(text, {{"certificate", instead},
                  {"certKey", instead},
                  {"privateKey", instead},
                  {"trustRoots", instead},
                  {"caCertsDir", instead},
                  {"hostname", instead}});
    return host_endpoint<ClientEndpoint::Tls>(text);
  }
  if (kind == "unix" && url) return {ClientEndpoint::Local{.address = local_of_url(text)}};
  if (kind == "unix") {
    text.expect({"path", "timeout"}, 1);
    return {ClientEndpoint::Local{.address = local(text, text.need("path")), .timeout = timeout(text)}};
  }
  if (kind == "fd" || kind == "systemd") text.fail(1, concat("\"", kind, "\" endpoints are for servers"));
  fail_kind(text, "tcp, tls, ssl, unix");
}

template <class Endpoint, class Read>
Result<Endpoint, EndpointError> result(std::string_view text, Read read) {
  try {
    return read(EndpointText(text));
  } catch (const EndpointError& error) {
    return error;
  }
}

// Printing.

void escape(Writer& out, std::string_view value) {
  for (const char c : value) {
    if (c == ':' || c == '\\' || c == '=') out.put('\\');
    out.put(c);
  }
}

// The path or the name as it stands in a string. Its first slash is escaped where it would be a URL's.
void print_local(Writer& out, const Address& address) {
  out.put("unix:");
  std::string_view path = address.path();
  if (path.starts_with('\0')) {
    out.put('@');
    path.remove_prefix(1);
  } else if (path.starts_with("//")) {
    out.put('\\');
  }
  escape(out, path);
}

void print_timeout(Writer& out, const std::optional<Duration>& timeout) {
  if (!timeout) return;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*timeout);
  print_all(out, ":timeout=", seconds.count());
  if (const auto rest = (*timeout - seconds).count(); rest != 0) {
    std::string digits = concat(rest + 1'000'000'000).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    print_all(out, '.', digits);
  }
}

void print_backlog(Writer& out, const std::optional<int>& backlog) {
  if (backlog) print_all(out, ":backlog=", *backlog);
}

// Nothing where it is empty.
void print_text(Writer& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.put(name);
  escape(out, value);
}

void print_interface(Writer& out, const Address& address) {
  if (address.family() != Family::unspecified) print_text(out, ":interface=", address.host());
}

template <class Where>
void print_host(Writer& out, const Where& where) {
  out.put(":host=");
  escape(out, where.endpoint.host);
  print_all(out, ":port=", where.endpoint.port);
  print_timeout(out, where.timeout);
  if (where.bind_address) print_text(out, ":bind_address=", where.bind_address->host());
}

struct Printing {
  Writer& out;

  void operator()(const ServerEndpoint::Tcp& tcp) const {
    print_all(out, "tcp:", tcp.address.port());
    print_interface(out, tcp.address);
    print_backlog(out, tcp.backlog);
  }
  void operator()(const ServerEndpoint::Tls& tls) const {
    print_all(out, "tls:", tls.address.port());
    print_text(out, ":cert=", tls.cert);
    print_text(out, ":key=", tls.key);
    print_interface(out, tls.address);
    print_backlog(out, tls.backlog);
    print_text(out, ":client_ca=", tls.client_ca);
  }
  void operator()(const ServerEndpoint::Local& local) const {
    print_local(out, local.address);
    if (local.mode) {
      std::array<char, 12> digits;
      const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), *local.mode, 8).ptr;
      print_all(out,
                ":mode=", std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
    }
    print_backlog(out, local.backlog);
  }
  void operator()(const ServerEndpoint::Inherited& inherited) const {
    print_all(out, "fd:", inherited.descriptor);
  }
  void operator()(const ServerEndpoint::Systemd& systemd) const {
    if (const auto* const index = std::get_if<std::size_t>(&systemd.which)) {
      print_all(out, "systemd:", *index);
    } else {
      out.put("systemd:name=");
      escape(out, std::get<std::string>(systemd.which));
    }
  }
  void operator()(const ClientEndpoint::Tcp& tcp) const {
    out.put("tcp");
    print_host(out, tcp);
  }
  void operator()(const ClientEndpoint::Tls& tls) const {
    out.put("tls");
    print_host(out, tls);
  }
  void operator()(const ClientEndpoint::Local& local) const {
    print_local(out, local.address);
    print_timeout(out, local.timeout);
  }
};

}  // namespace

EndpointError::EndpointError(std::string_view text, std::size_t column, std::string_view wrong)
    : std::invalid_argument(concat("endpoint \"", shown(text), "\": column ", column, ": ", shown(wrong))),
      column_(column) {}

Result<ServerEndpoint, EndpointError> ServerEndpoint::parse(std::string_view text) {
  return result<ServerEndpoint>(text, server);
}

Result<ClientEndpoint, EndpointError> ClientEndpoint::parse(std::string_view text) {
  return result<ClientEndpoint>(text, client);
}

void print(Writer& out, const ServerEndpoint& endpoint) {
  std::visit(Printing{out}, endpoint.where);
}

void print(Writer& out, const ClientEndpoint& endpoint) {
  std::visit(Printing{out}, endpoint.where);
}

}  // namespace parley
