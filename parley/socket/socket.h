#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "parley/base/clock.h"
#include "parley/socket/address.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/error.h"
#include "parley/socket/family.h"
#include "parley/socket/flags.h"
#include "parley/socket/message.h"
#include "parley/socket/options.h"

namespace parley {

class Deadline;
class SocketFile;
class SocketLayer;
struct FileOptions;
struct RawAddress;

// The timeout that new and accepted sockets start with; none at first. It is the process's. Throws
// std::invalid_argument when negative. Thread: any.
std::optional<Duration> getdefaulttimeout() noexcept;
void setdefaulttimeout(std::optional<Duration> timeout);

// Which directions of a connection `Socket::shutdown` ends.
enum class Shutdown { read, write, both };

// A socket, with Python's names. Move-only; it is closed when the object goes, and is not inherited by
// programs that are started. Used from one thread at a time, but for this: one may receive while another
// sends.
//
// A new socket has the default timeout, which is none at first: it blocks. `settimeout` gives each of its
// calls a deadline, after which it throws Timeout; with a timeout of zero (`setblocking(false)`) it throws
// WouldBlock instead of waiting. A signal neither ends a call nor changes its deadline. All errors are
// SocketError; an address of the wrong family and a port out of range are AddressError, before any system
// call. What may wait throws std::logic_error inside a reactor's callback, unless the socket is non-blocking.
class Socket {
 public:
  explicit Socket(Family family = Family::inet, Type type = Type::stream, int proto = 0);
  Socket(Socket&&) noexcept = default;
  Socket& operator=(Socket&&) noexcept = default;

  // Takes over an open socket, which is closed with the object from now on. It has the default timeout,
  // and zero where it has O_NONBLOCK. Throws SocketError, and leaves the descriptor open, where it is no
  // socket.
  static Socket adopt(int descriptor);

  void bind(const Address& address);
  // `backlog`: how many connections the kernel holds until they are accepted; it caps it (SOMAXCONN). A
  // negative one is 0, as in Python.
  void listen(int backlog = 128);
  // The next connection, which has the default timeout whatever its listener has, and its peer's address.
  // Connections that were aborted before they were accepted are passed over.
  std::pair<Socket, Address> accept();

  // Connects to the first address of the endpoint that has the socket's family (`create_connection` tries
  // them all). It says whom a datagram socket sends to and receives from, and may be called again. A
  // non-blocking socket throws WouldBlock, and is writable once the outcome is there, in `options::error`. A
  // stream that the kernel has connected to itself is refused (there, too).
  void connect(const Endpoint& endpoint);
  // The same, but answers what kept it from connecting. Throws where there is nobody to connect to:
  // ResolveError, AddressError.
  std::error_code connect_ex(const Endpoint& endpoint);

  // Ends what `connect` said to a datagram socket: it receives from everybody again. A port
  // that the kernel chose is given back; one that was bound by its number is kept.
  void disconnect();

  // At most `size` bytes, as soon as there are any; empty at the end of input. Of a datagram, what is
  // beyond `size` is lost. `read` is the same.
  std::string recv(std::size_t size, Flags how = {});
  std::string read(std::size_t size) { return recv(size); }
  // The same into one's own memory; answers how many.
  std::size_t recv_into(std::span<char> memory, Flags how = {});
  // With the sender's address, for datagrams.
  std::pair<std::string, Address> recvfrom(std::size_t size, Flags how = {});
  std::pair<std::size_t, Address> recvfrom_into(std::span<char> memory, Flags how = {});
  // With all that came beside the bytes, of which there are at most `ancillary_size` (`cmsg_space`).
  // Descriptors are owned by the answer, whether they are looked at or not.
  Message recvmsg(std::size_t size, std::size_t ancillary_size = 0, Flags how = {});
  // The same into several pieces of one's own memory, one after another.
  MessageInfo recvmsg_into(std::span<const std::span<char>> memory, std::size_t ancillary_size = 0,
                           Flags how = {});

  // Sends what the kernel takes, and answers how much that was. There is never a SIGPIPE.
  std::size_t send(std::string_view data, Flags how = {});
  // Sends everything, within one timeout for the whole. After an error it is unknown how much was sent.
  // `write` is the same.
  void sendall(std::string_view data, Flags how = {});
  void write(std::string_view data) { sendall(data); }
  // One datagram.
  std::size_t sendto(std::string_view data, const Address& address, Flags how = {});
  // Several pieces as one, at most 1024, with ancillary data, to the peer or to an address. Answers how many
  // bytes were sent.
  std::size_t sendmsg(std::span<const std::string_view> pieces, std::span<const Ancillary> ancillary = {},
                      Flags how = {}, const std::optional<Address>& address = std::nullopt);
  std::size_t sendmsg(std::initializer_list<std::string_view> pieces,
                      std::span<const Ancillary> ancillary = {}, Flags how = {},
                      const std::optional<Address>& address = std::nullopt);
  // Sends an open file from `offset` to its end, or `count` bytes of it, without copying them through the
  // program where the kernel can (a pipe or a device is read and sent), within one timeout for the whole.
  // Answers how much was sent; the file's position is after it, also when this throws. Throws
  // std::invalid_argument for a socket that is not a stream or does not block, and for an offset that no file
  // can have.
  std::uint64_t sendfile(int file, std::uint64_t offset = 0,
                         std::optional<std::uint64_t> count = std::nullopt);

  // Ends one or both directions of a connection; the socket stays open.
  void shutdown(Shutdown how);
  // Closing again is no error; every other call throws afterwards. The connection itself ends when the
  // files made of it are closed as well.
  void close() noexcept { open_.reset(); }
  // Gives the descriptor away, open; the object is closed, and so are the files made of it.
  int detach();
  // Another descriptor of the same socket, with the same timeout.
  Socket dup() const;
  // -1 when closed.
  int fileno() const { return open_ ? open_->descriptor.get() : -1; }

  // A file over the connection, which reads lines and writes through a buffer (<parley/socket/file.h>). It
  // shares descriptor and timeout with the socket, and costs no system call.
  SocketFile makefile() const;
  SocketFile makefile(const FileOptions& how) const;

  Address getpeername() const;
  Address getsockname() const;

  void setblocking(bool blocking);
  bool getblocking() const { return gettimeout() != Duration::zero(); }
  // None: waits for ever; zero: never waits. Throws std::invalid_argument when negative.
  void settimeout(std::optional<Duration> timeout);
  std::optional<Duration> gettimeout() const { return open_ ? open_->timeout : std::nullopt; }

  // Throws std::invalid_argument for values that the option cannot have and the kernel would take for others:
  // negative times and sizes, times beyond what the system holds.
  void setsockopt(const Option<bool>& option, bool value);
  void setsockopt(const Option<int>& option, int value);
  void setsockopt(const Option<std::chrono::seconds>& option, std::chrono::seconds value);
  void setsockopt(const Option<std::chrono::milliseconds>& option, std::chrono::milliseconds value);
  void setsockopt(const Option<std::optional<std::chrono::seconds>>& option,
                  std::optional<std::chrono::seconds> value);
  void setsockopt(const Option<std::optional<std::chrono::microseconds>>& option,
                  std::optional<std::chrono::microseconds> value);
  void setsockopt(const Option<std::string>& option, std::string_view value);
  bool getsockopt(const Option<bool>& option) const;
  int getsockopt(const Option<int>& option) const;
  std::chrono::seconds getsockopt(const Option<std::chrono::seconds>& option) const;
  std::chrono::milliseconds getsockopt(const Option<std::chrono::milliseconds>& option) const;
  std::optional<std::chrono::seconds> getsockopt(
      const Option<std::optional<std::chrono::seconds>>& option) const;
  std::error_code getsockopt(const Option<std::error_code>& option) const;
  std::string getsockopt(const Option<std::string>& option) const;
  Credentials getsockopt(const Option<Credentials>& option) const;
  std::optional<std::chrono::microseconds> getsockopt(
      const Option<std::optional<std::chrono::microseconds>>& option) const;
  TcpInfo getsockopt(const Option<TcpInfo>& option) const;
  Type getsockopt(const Option<Type>& option) const;
  Family getsockopt(const Option<Family>& option) const;
  // By the system's numbers, in the system's representation; at most `size` bytes, of which there may be 1
  // MiB.
  void setsockopt(int level, int name, int value);
  void setsockopt(int level, int name, std::string_view value);
  int getsockopt(int level, int name) const;
  std::string getsockopt(int level, int name, std::size_t size) const;

  // Whether programs that are started inherit the socket. A new one is not inherited.
  void set_inheritable(bool inheritable);
  bool get_inheritable() const;

  Family family() const { return family_; }
  Type type() const { return type_; }
  int proto() const { return proto_; }

 private:
  friend class SocketFile;
  friend class SocketLayer;
  friend class BaseRequestHandler;
  friend std::pair<Socket, Socket> socketpair(Family family, Type type, int proto);
  friend Socket create_connection(const Endpoint& endpoint, std::optional<Duration> timeout,
                                  const std::optional<Address>& source, bool all_errors);

  // What a socket has in common with the files made of it.
  struct Open {
    ~Open();

    Descriptor descriptor;
    std::optional<Duration> timeout;
    std::shared_ptr<SocketLayer> layer{};  // none: bytes go to the kernel as they are
  };

  Socket(Descriptor descriptor, Family family, Type type, int proto, std::optional<Duration> timeout);
  // Another object of the same descriptor, which is closed when both are: for files alone.
  Socket(const Socket&) = default;
  // The same of a socket of datagrams, for its handlers: what `sendto` sends leaves from `source`, an address
  // of ours.
  Socket(const Socket& shared, const Address& source) : Socket(shared) { source_ = source.compact(); }

  struct Operation;
  template <class Call>
  std::size_t transfer(const Operation& operation, const Deadline& deadline, Call call) const;
  Address first_address(const Endpoint& endpoint) const;
  std::error_code connect_address(const Address& address);
  int connect_local(const RawAddress& raw, const Deadline& deadline) const;
  // As the kernel takes it. Throws AddressError where this socket cannot have it.
  RawAddress raw_address(const Address& address) const;
  void set_timeout(std::string_view operation, std::optional<Duration> timeout);
  int message_flags(Flags how) const;
  bool has_layer() const { return open_ && open_->layer; }
  // Throws std::logic_error where a layer stands in the way of what only the kernel can do.
  void require_no_layer(std::string_view operation) const;
  std::size_t receive(std::string_view operation, std::span<char> memory, const Deadline& deadline,
                      Flags how = {});
  // Sends all of `data` before the deadline, and takes from it what was sent, also when it throws.
  void send_rest(std::string_view operation, std::string_view& data, const Deadline& deadline,
                 Flags how = {});
  void send_rest_through(std::string_view operation, std::string_view& data, const Deadline& deadline,
                         Flags how);
  void send_read(int file, std::uint64_t offset, bool seekable, std::uint64_t count, const Deadline& deadline,
                 std::uint64_t& sent);

  [[noreturn]] void fail(std::string_view operation, int error, std::string_view advice = {}) const;
  [[noreturn]] void fail(const Operation& operation, int error) const;
  [[noreturn]] void fail_late(const Operation& operation) const;
  [[noreturn]] void fail_connect(const Endpoint& endpoint, std::error_code reason) const;
  // Whom an error is about: the peer, or `at` our own address, or nobody.
  std::string where() const;
  void set_raw_option(int level, int name, const void* value, std::size_t size);
  std::size_t get_raw_option(int level, int name, void* value, std::size_t size) const;
  [[noreturn]] void fail_option(std::string_view operation, int level, int name) const;

  std::shared_ptr<Open> open_;  // none when closed
  Family family_;
  Type type_;
  int proto_;
  CompactAddress source_;        // where datagrams leave from; unspecified: the kernel chooses
  std::optional<Address> peer_;  // for error messages: after a reset the kernel does not tell it any more
};

}  // namespace parley
