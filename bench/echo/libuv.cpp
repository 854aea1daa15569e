// Echo with libuv, as its guide writes it: a buffer for each read, a request for each write.
#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/in.h>
#include <uv.h>

namespace {

struct Write {
  uv_write_t request;
  uv_buf_t buffer;
};

void allocate(uv_handle_t*, std::size_t size, uv_buf_t* buffer) {
  buffer->base = static_cast<char*>(std::malloc(size));
  buffer->len = size;
}

void on_written(uv_write_t* request, int) {
  auto* const write = reinterpret_cast<Write*>(request);
  std::free(write->buffer.base);
  delete write;
}

void on_closed(uv_handle_t* handle) {
  delete reinterpret_cast<uv_tcp_t*>(handle);
}

void on_read(uv_stream_t* client, ssize_t size, const uv_buf_t* buffer) {
  if (size > 0) {
    auto* const write = new Write{{}, uv_buf_init(buffer->base, static_cast<unsigned>(size))};
    uv_write(&write->request, client, &write->buffer, 1, on_written);
    return;
  }
  std::free(buffer->base);
  if (size < 0) uv_close(reinterpret_cast<uv_handle_t*>(client), on_closed);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* const client = new uv_tcp_t;
  uv_tcp_init(uv_default_loop(), client);
  uv_accept(listener, reinterpret_cast<uv_stream_t*>(client));
  uv_tcp_nodelay(client, 1);
  uv_read_start(reinterpret_cast<uv_stream_t*>(client), allocate, on_read);
}

}  // namespace

int main(int argc, char** argv) {
  uv_tcp_t listener;
  uv_tcp_init(uv_default_loop(), &listener);
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 0, &address);
  uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 128, on_connection);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
