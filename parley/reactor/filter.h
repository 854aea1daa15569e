#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "parley/base/slice.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"

namespace parley {

// What stands between a connection and its protocol: a Protocol towards the wire, a Transport towards the
// application, whose protocol it owns. By itself it hands everything on, both ways; a derived class
// overrides what it wants to see or change. Filters may stand upon filters. A connection's id is that of
// its filters too, and finds the topmost one: what a Group tells a filtered connection passes its filters.
class Filter : public Protocol, public Transport {
 public:
  explicit Filter(std::unique_ptr<Protocol> application);

  // What the loop, or the filter below, calls.
  void connection_made() override;
  void data_received(std::span<char> lent) override { application_->data_received(lent); }
  bool eof_received() override { return application_->eof_received(); }
  void reading_resumed() override { application_->reading_resumed(); }
  void pause_writing() override { application_->pause_writing(); }
  void resume_writing() override { application_->resume_writing(); }
  void connection_lost(Reason reason) override { application_->connection_lost(reason); }

  // What the application calls. As with every transport, nothing here may call the application.
  void write(std::string_view bytes) override { below().write(bytes); }
  void write(Slice slice) override { below().write(std::move(slice)); }
  void writelines(std::span<const std::string_view> pieces) override { below().writelines(pieces); }
  void pause_reading() override { below().pause_reading(); }
  void resume_reading() override { below().resume_reading(); }
  bool reading() const override { return below().reading(); }
  void shutdown_write() override { below().shutdown_write(); }
  void lose_connection() override { below().lose_connection(); }
  void abort_connection() override { below().abort_connection(); }
  void register_producer(Producer& producer, Production how) override {
    below().register_producer(producer, how);
  }
  void unregister_producer() override { below().unregister_producer(); }
  std::size_t queued() const override { return below().queued(); }
  Address peer() const override { return below().peer(); }
  Address host() const override { return below().host(); }

 protected:
  Protocol& application() { return *application_; }
  // Valid from `connection_made` until the end of `connection_lost`.
  Transport& below() const { return Protocol::transport(); }

  // Does something from a timer, that is outside the connection's own callbacks, which may call the
  // application. What escapes aborts the connection, as it does there, and is the loop's to log.
  template <class Call>
  void from_timer(Call call) {
    try {
      call();
    } catch (...) {
      below().abort_connection();
      throw;
    }
  }

 private:
  Transport& topmost() override;
  void join();

  std::unique_ptr<Protocol> application_;
};

}  // namespace parley
