#include "parley/reactor/protocol.h"

#include <stdexcept>

namespace parley::detail {

void fail_no_transport() {
  throw std::logic_error(
      "a protocol has no transport and no peer before it is told that it begins (connection_made, "
      "start_protocol): what its constructor needs is given to it by its factory");
}

namespace {

// In the place of a null pointer, so that nobody has to ask for that on the way of each write.
class NoTransport final : public Transport {
 public:
  constexpr NoTransport() = default;

  void write(std::string_view) override { fail_no_transport(); }
  void write(Slice) override { fail_no_transport(); }
  void writelines(std::span<const std::string_view>) override { fail_no_transport(); }
  void send_file(OpenFile, std::uint64_t, std::uint64_t) override { fail_no_transport(); }
  void pause_reading() override { fail_no_transport(); }
  void resume_reading() override { fail_no_transport(); }
  bool reading() const override { fail_no_transport(); }
  bool resting() const override { fail_no_transport(); }
  InputBlock take_lent(std::span<const char>) override { fail_no_transport(); }
  void shutdown_write() override { fail_no_transport(); }
  void lose_connection() override { fail_no_transport(); }
  void abort_connection() override { fail_no_transport(); }
  void register_producer(Producer&, Production) override { fail_no_transport(); }
  void unregister_producer() override { fail_no_transport(); }
  void insert(std::unique_ptr<Filter>, std::string_view) override { fail_no_transport(); }
  std::size_t queued() const override { fail_no_transport(); }
  Address peer() const override { fail_no_transport(); }
  Address host() const override { fail_no_transport(); }
  int fileno() const override { fail_no_transport(); }
  const Filter* lowest_filter() const override { fail_no_transport(); }

 private:
  void set_option(StreamOption, bool) override { fail_no_transport(); }
  bool option(StreamOption) const override { fail_no_transport(); }
  void flush_soon() override { fail_no_transport(); }
  void hold_input(bool) override { fail_no_transport(); }
  void fail(std::error_code) override { fail_no_transport(); }
  void fail_in_order(std::error_code, std::string) override { fail_no_transport(); }
  bool gone() const override { fail_no_transport(); }
};

constinit NoTransport none;

}  // namespace

constinit Transport* const no_transport = &none;

}  // namespace parley::detail
