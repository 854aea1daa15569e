#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
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
// Input comes as to any Protocol. Output waits above the filter, in the connection, until the flush: there
// `flush` is called, once for all that was written, and says what goes down. So what waits is counted, and
// limited, as for any other connection, and a peer that does not read is not encrypted for.
class Filter : public Protocol {
 public:
  // What waits above a filter, and the way down: lent to `Filter::flush` and `Filter::finish`.
  class Output {
   public:
    // The first bytes that wait, in their order; there may be more than are shown. They are valid until they
    // were passed or dropped. Those of a file are read here: one that is only passed is not read.
    std::span<const std::string_view> pieces();
    std::size_t size() const { return size_; }

    // The first bytes go down as they are, without being copied.
    void pass(std::size_t count);
    // The first bytes are used up: what they have become was put, or will be.
    void drop(std::size_t count);

    // Memory for new bytes, `most` of them; what `put` takes of it goes down, behind all that went before.
    std::span<char> room(std::size_t most);
    void put(std::size_t count);
    // The same with bytes that stand elsewhere.
    void put(std::string_view bytes);

    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

   private:
    friend class parley::Filters;
    struct Way;  // from which outbox, to which, and where new bytes are written

    explicit Output(Way& way);
    ~Output() = default;
    void advance(std::size_t count);
    void read_file();

    Way& way_;
    std::span<std::string_view> pieces_;
    std::size_t size_ = 0;
  };

  Filter();
  // With what is to stand above it.
  explicit Filter(std::unique_ptr<Protocol> application) : Filter() { carry(std::move(application)); }
  ~Filter() override;

  // Gives it what is to stand above it, once, before the connection is made: a protocol, or another filter.
  // One that carries a filter already hands it on to that one.
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
  // asked again in the next flush, which `want_flush` brings. No input comes any more if the connection
  // closes.
  virtual bool finish(Output& /*output*/) { return true; }

 protected:
  Protocol& application() { return *application_; }
  // Tells the application that its connection is made, once.
  void tell_made();
  bool application_made() const { return application_made_; }
  // Has `flush` called in the next flush, although nothing may be above.
  void want_flush();
  // No input comes from now on, whatever the application wants, until `resume_input`; then it comes from the
  // next turn, after `reading_resumed`.
  void pause_input();
  void resume_input();
  // The connection ends now, because of this error: `Reason::Kind::failed`.
  void fail(std::error_code error);

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
  // The filter above, if there is one.
  Filter* above() const { return application_ == nullptr ? nullptr : application_->as_filter(); }

  std::unique_ptr<Protocol> application_;
  std::unique_ptr<Outbox> below_;  // what has gone through it
  bool begun_ = false;             // was told connection_made
  bool application_made_ = false;
  bool application_pauses_ = false;  // it was told pause_writing
  bool wants_flush_ = false;
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
