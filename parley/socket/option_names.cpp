#include "parley/socket/option_names.h"

#include <string_view>

#include "parley/base/print.h"
#include "parley/socket/options.h"

namespace parley {

namespace {

struct Named {
  int level;
  int name;
  std::string_view text;
};

template <class Value>
Named of(const Option<Value>& option, std::string_view text) {
  return {option.level, option.name, text};
}

}  // namespace

std::string name_of_option(int level, int name) {
  const Named all[] = {
      of(options::reuse_addr, "reuse_addr"),
      of(options::reuse_port, "reuse_port"),
      of(options::no_delay, "no_delay"),
      of(options::keep_alive, "keep_alive"),
      of(options::keep_idle, "keep_idle"),
      of(options::keep_interval, "keep_interval"),
      of(options::keep_count, "keep_count"),
      of(options::user_timeout, "user_timeout"),
      of(options::send_buffer, "send_buffer"),
      of(options::receive_buffer, "receive_buffer"),
      of(options::linger, "linger"),
      of(options::v6_only, "v6_only"),
      of(options::broadcast, "broadcast"),
      of(options::out_of_band_inline, "out_of_band_inline"),
      of(options::dont_route, "dont_route"),
      of(options::receive_low_water, "receive_low_water"),
      of(options::bind_to_device, "bind_to_device"),
      of(options::quick_ack, "quick_ack"),
      of(options::cork, "cork"),
      of(options::defer_accept, "defer_accept"),
      of(options::max_segment, "max_segment"),
      of(options::fast_open, "fast_open"),
      of(options::ttl, "ttl"),
      of(options::unicast_hops, "unicast_hops"),
      of(options::tos, "tos"),
      of(options::traffic_class, "traffic_class"),
      of(options::multicast_ttl, "multicast_ttl"),
      of(options::multicast_hops, "multicast_hops"),
      of(options::multicast_loop, "multicast_loop"),
      of(options::multicast_loop6, "multicast_loop6"),
      of(options::packet_info, "packet_info"),
      of(options::packet_info6, "packet_info6"),
      of(options::pass_credentials, "pass_credentials"),
      of(options::timestamp, "timestamp"),
      of(options::peer_credentials, "peer_credentials"),
      of(options::accepts_connections, "accepts_connections"),
      of(options::congestion, "congestion"),
      of(options::not_sent_low_water, "not_sent_low_water"),
      of(options::syn_count, "syn_count"),
      of(options::fin_timeout, "fin_timeout"),
      of(options::tcp_info, "tcp_info"),
      of(options::min_ttl, "min_ttl"),
      of(options::min_hops, "min_hops"),
      of(options::priority, "priority"),
      of(options::mark, "mark"),
      of(options::receive_ttl, "receive_ttl"),
      of(options::receive_hops, "receive_hops"),
      of(options::receive_tos, "receive_tos"),
      of(options::receive_traffic_class, "receive_traffic_class"),
      of(options::type, "type"),
      of(options::domain, "domain"),
      of(options::protocol, "protocol"),
      of(options::receive_timeout, "receive_timeout"),
      of(options::send_timeout, "send_timeout"),
      of(options::error, "error"),
  };
  for (const Named& one : all) {
    if (one.level == level && one.name == name) return std::string(one.text);
  }
  return concat("option ", name, " of level ", level);
}

}  // namespace parley
