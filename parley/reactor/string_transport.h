#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"

namespace parley {

// A transport without a network, for tests of protocols: it keeps what is written to it, and the test
// plays the peer and the loop. As with the loop, no call of a transport calls the protocol: that is done by
// `connect`, `receive`, `receive_end`, `lose` and `turn` alone. What passes filters is written when these
// return.
class StringTransport final : public Transport {
 public:
  explicit StringTransport(Address peer = Address("192.0.2.1", 54321));
  ~StringTransport();

  // Becomes the protocol's transport and calls `connection_made`. The protocol stays the caller's and is
  // used until `connection_lost` has been called.
  void connect(Protocol& protocol);

  // The peer sends this. The protocol is given it at once, or when reading is allowed again.
  void receive(std::string_view bytes);
  // The peer sends no more. The protocol is told as soon as it was given everything, even when paused.
  void receive_end();
  // The connection breaks; `connection_lost` is called at once.
  void lose(Reason reason);
  // A turn of the loop: `reading_resumed` where it is due, then what has waited, then one piece of a
  // producer that is pulled, then `connection_lost` if the connection is closing.
  void turn();

  // What was written and not cleared. After a failure, of a filter or of a file, nothing is added.
  const std::string& written() const { return written_; }
  void clear() { written_.clear(); }
  // Whether lose_connection or abort_connection was called here, or the end of input has closed it.
  bool closing() const { return closing_.has_value() && (gone() || filters_finished()); }
  bool aborted() const { return closing_ == Reason::Kind::aborted; }
  bool write_ended() const { return write_ended_ && filters_finished(); }

  void write(std::string_view bytes) override;
  void write(Slice slice) override;
  void writelines(std::span<const std::string_view> pieces) override;
  using Transport::send_file;
  void send_file(OpenFile file, std::uint64_t offset, std::uint64_t count) override;
  void pause_reading() override;
  void resume_reading() override;
  bool reading() const override { return !paused_ && !resuming_ && !withheld_ && !closing_ && !leaving_; }
  void shutdown_write() override;
  void lose_connection() override;
  void abort_connection() override;
  void register_producer(Producer& producer, Production how) override;
  void unregister_producer() override;
  void insert(std::unique_ptr<Filter> filter, std::string_view rest) override;
  std::size_t queued() const override;
  Address peer() const override { return peer_; }
  Address host() const override { return {}; }
  int fileno() const override { return -1; }
  const Filter* lowest_filter() const override;

 private:
  struct Filtering;  // what waits above and in the filters, where there are some

  void set_option(StreamOption what, bool on) override;
  bool option(StreamOption what) const override;
  void flush_soon() override {}
  void hold_input(bool held) override;
  void fail(std::error_code error) override;
  void fail_in_order(std::error_code error, std::string detail) override;
  void application_made() override { made_ = true; }
  void deliver();
  void flush();
  void begin_inserted();
  void close(Reason::Kind why);
  bool filters_finished() const;
  bool gone() const override { return aborted() || closing_ == Reason::Kind::failed; }

  Address peer_;
  Protocol* protocol_ = nullptr;  // null before it is connected, and after connection_lost
  std::unique_ptr<Filtering> filtering_;
  std::error_code failure_;
  std::string written_;
  std::string waiting_;  // received, not yet given to the protocol
  std::optional<Reason::Kind> closing_;
  std::optional<Reason::Kind> leaving_;  // will close once its producer has finished
  Producer* producer_ = nullptr;
  bool pulled_ = false;
  bool made_ = false;      // the application was told of its connection
  bool flushing_ = false;  // the filters are being asked what goes down
  bool paused_ = false;
  bool resuming_ = false;
  bool withheld_ = false;
  bool end_waits_ = false;
  bool peer_ended_ = false;
  bool write_ended_ = false;
  bool no_delay_ = true;
  bool keep_alive_ = false;
};

}  // namespace parley
