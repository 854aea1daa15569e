#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"

namespace parley {

class Filters;
class Outbox;

// What stands between a connection and its protocol, which it owns: it sees what comes before the protocol
// does, and what goes after. By itself it hands everything on, both ways; a derived class overrides what it
// wants to see or change. Filters may stand upon filters.
//
// Input comes as to any Protocol. A filter that hands on what it was lent in several pieces asks
// `transport().reading()` before each, keeps the rest where that is false, and goes on in `reading_resumed`,
// once it has handed that on.
//
// Output waits above the filter, in the connection, until the flush: there `flush` is called, for all that
// was written together, and says what goes down. It is shown at most 64 KiB at once, or a quarter of
// `Limits::sendq_bytes` if that is less, and each file by itself; for what is left it is called again, up to
// `Limits::turn_bytes` in a turn. So what waits is counted, and limited, as for any other connection, and a
// peer that does not read is not encrypted for. A connection under a filter cannot be detached, and
// `take_lent` copies.
class Filter : public Protocol {
 public:
  // What waits above a filter, and the way down: lent to `Filter::flush` and `Filter::finish`.
  class Output {
   public:
    // The first bytes that wait, in their order; there may be more than are shown. They are valid until they
    // were passed or dropped. Those of a file are read here: one that is only passed is not read. Throws
    // SocketError where it cannot be read or has become shorter, which ends the connection as it does without
    // filters; and std::bad_alloc.
    std::span<const std::string_view> pieces();
    std::size_t size() const { return size_; }

    // The first bytes go down as they are, without being copied.
    void pass(std::size_t count);
    // The first bytes are used up: what they have become was put, or will be.
    void drop(std::size_t count);

    // Memory for new bytes, `most` of them; what `put` takes from its front goes down, behind all that went
    // before. It is valid until `room` is called again, or the flush returns. `put` throws std::logic_error
    // for more than is left of it.
    std::span<char> room(std::size_t most);
    void put(std::size_t count);
    // The same with bytes that stand elsewhere.
    void put(std::string_view bytes);

    // What is left above waits for a time that the filter has set itself, and not for the peer: a connection
    // that closes waits with it, however long that is. Otherwise `Limits::close_timeout` counts. To be said
    // in each flush that leaves something.
    void defer();

    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

   private:
    friend class parley::Filters;
    struct Way;  // from which outbox, to which, and where new bytes are written

    explicit Output(Way& way);
    ~Output();
    void advance(std::size_t count);
    void read_file();
    void close_room();

    Way& way_;
    std::span<std::string_view> pieces_;
    std::size_t size_ = 0;
  };

  Filter();
  // With what is to stand above it.
  explicit Filter(std::unique_ptr<Protocol> application) : Filter() { carry(std::move(application)); }
  ~Filter() override;

  // Gives it what is to stand above it, once, before the connection is made: a protocol, or another filter.
  // One that carries a filter already hands it on to that one. Throws std::logic_error where there is a
  // protocol already, and for null.
  void carry(std::unique_ptr<Protocol> above);

  // What the loop, or the filter below, calls. A filter that must not let its application begin yet, because
  // of a handshake, does not call `tell_made` in `connection_made`, but when it is ready. Until then these
  // tell it nothing, not even of the end.
  void connection_made() override { tell_made(); }
  void data_received(std::span<char> lent) override;
  bool eof_received() override { return application_made_ && application().eof_received(); }
  void reading_resumed() override {
    if (application_made_) application().reading_resumed();
  }
  void pause_writing() override;
  void resume_writing() override;
  void connection_lost(Reason reason) override;

  // Called in a flush, while there is something above, and after `want_flush`; again in the same flush, if it
  // has left some of what it was shown although it has taken a part. What it neither passes nor drops waits
  // above. It may close the connection, but must not call the application.
  virtual void flush(Output& output) { output.pass(output.size()); }
  // Called when our direction ends, after the last byte has gone down: for last words. False: not yet; it is
  // asked again in the next flush, which `want_flush` brings. Once the connection closes, input comes to the
  // filters as long as one of them holds something back and has not deferred it (a handshake that is still to
  // end), within `Limits::close_timeout`, and not to the application.
  virtual bool finish(Output& /*output*/) { return true; }

  // The filter above, if there is one.
  Filter* above() const { return application_ == nullptr ? nullptr : application_->as_filter(); }

 protected:
  Protocol& application() { return *application_; }
  // Tells the application that its connection is made, once. One that lived before the filter was put under
  // it is not told again.
  void tell_made();
  // Whether the application was told of its connection.
  bool application_made() const { return application_made_; }
  // Has `flush` called in the next flush, although nothing may be above: from within a flush, in the next
  // turn.
  void want_flush();
  // No input comes from now on, whatever the application wants, until `resume_input`; then it comes from the
  // next turn, after `reading_resumed`.
  void pause_input();
  void resume_input();
  // The connection ends now, because of this error: `Reason::Kind::failed`.
  void fail(std::error_code error);
  // It ends because of this error, but in order, as after `lose_connection`: the filter has something to say
  // to its peer still, in the next flush, where it drops what waits above. `detail`, what is known beyond the
  // error, is for what a connector throws. Only the first failure counts.
  void fail_in_order(std::error_code error, std::string detail = {});

  // Does something from a timer, that is outside the connection's own callbacks, which may call the
  // application. What escapes aborts the connection, as it does there, and is the loop's to log.
  template <class Call>
  void from_timer(Call call) {
    try {
      call();
    } catch (...) {
      transport().abort_connection();
      throw;
    }
  }

 private:
  friend class Filters;

  Filter* as_filter() override { return this; }
  void begin();

  std::unique_ptr<Protocol> application_;
  std::unique_ptr<Outbox> below_;  // what has gone through it
  bool begun_ = false;             // was told connection_made
  bool lets_begin_ = false;        // has called tell_made
  // The application is told what happens: it lives. Also of one that was put under a living application, and
  // has not called tell_made yet.
  bool application_made_ = false;
  bool application_pauses_ = false;  // it was told pause_writing
  bool wants_flush_ = false;
  bool defers_ = false;
  bool pauses_input_ = false;
  bool finished_ = false;  // has said its last words
};

// What makes a filter for each connection: a setting of whatever makes or accepts connections. Null refuses
// the connection. It is called with the peer's address.
using Wrap = std::function<std::unique_ptr<Filter>(const Address& peer)>;

// Two filters, one upon the other: `lower` is nearer to the wire.
Wrap layers(Wrap lower, Wrap upper);

namespace detail {

// The protocol, under the filter that `wrap` makes, if there is one. Null: the connection is refused.
std::unique_ptr<Protocol> wrapped(const Wrap& wrap, const Address& peer, std::unique_ptr<Protocol> protocol);

}  // namespace detail

}  // namespace parley
