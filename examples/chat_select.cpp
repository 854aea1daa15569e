// A chat as the classic tutorials write it, with nothing but sockets and select: what one says, all the
// others read. Try `telnet localhost 2626` in several terminals.

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <parley/select.h>
#include <parley/socket.h>

using namespace parley;

constexpr std::size_t most_clients = 1000;        // select takes no descriptor beyond 1023
constexpr std::size_t longest_line = 16 * 1024;   // who sends a longer one is dropped
constexpr std::size_t most_queued = 1024 * 1024;  // who is further behind is dropped
constexpr std::size_t most_at_once = 4096;        // taken from one client before the others have their turn

struct Client {
  Socket socket;
  Address peer;
  std::string input{};   // what is not a whole line yet
  std::string output{};  // what the kernel has not taken yet
  bool gone = false;
};

class ChatServer {
 public:
  explicit ChatServer(const Address& address)
      : server_(create_server(address, {.dualstack_ipv6 = has_dualstack_ipv6()})) {
    server_.setblocking(false);
    std::cout << "ChatServer started on port " << server_.getsockname().port() << std::endl;
  }

  void run() {
    for (;;) {
      std::vector<Selectable> reading, writing;
      if (accepting_ && clients_.size() < most_clients) reading.push_back(server_);
      for (const auto& [descriptor, client] : clients_) {
        reading.push_back(descriptor);
        if (!client.output.empty()) writing.push_back(descriptor);
      }
      const Selected ready = select(reading, writing, {});
      for (const Selectable& one : ready.write) send(clients_.at(one.fileno()));
      for (const Selectable& one : ready.read) one == server_ ? accept() : receive(clients_.at(one.fileno()));
      remove_gone();
      std::cout.flush();
    }
  }

 private:
  void accept() try {
    auto [socket, peer] = server_.accept();
    socket.setblocking(false);
    const int descriptor = socket.fileno();
    Client& client = clients_.emplace(descriptor, Client{std::move(socket), peer}).first->second;
    client.output = "You're connected to the Parley chatserver\r\n";
    tell(client, "Client joined ", peer);
  } catch (const WouldBlock&) {
    return;  // whoever it was has left again
  } catch (const SocketError& error) {
    std::cerr << error.what() << '\n';
    accepting_ = clients_.empty();  // out of descriptors, say: no more until somebody leaves
  }

  void receive(Client& client) {
    std::string data;
    try {
      data = client.socket.recv(most_at_once);
    } catch (const WouldBlock&) {
      return;
    } catch (const SocketError&) {
      client.gone = true;  // a reset is an end as well
    }
    client.input += data.empty() && !client.input.empty() ? "\n" : data;  // the last line may have no end
    std::size_t begin = 0;
    for (std::size_t end; (end = client.input.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string_view line(client.input.data() + begin, end - begin);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() > longest_line) client.gone = true;
      if (!client.gone) tell(client, "[", client.peer, "] ", line);
    }
    client.input.erase(0, begin);
    if (data.empty() || client.input.size() > longest_line) client.gone = true;
  }

  void send(Client& client) try {
    client.output.erase(0, client.socket.send(client.output));
  } catch (const WouldBlock&) {
    return;
  } catch (const SocketError&) {
    client.gone = true;
  }

  // To everybody but `from`, and to our own stdout. It is queued alone: nobody waits for a slow reader.
  void tell(const Client& from, const auto&... parts) {
    const std::string text = concat(parts...);
    std::cout << text << '\n';
    for (auto& [descriptor, client] : clients_) {
      if (&client == &from || client.gone) continue;
      client.output.append(text).append("\r\n");
      if (client.output.size() > most_queued) client.gone = true;
    }
  }

  void remove_gone() {
    for (auto at = clients_.begin(); at != clients_.end(); ++at) {
      if (!at->second.gone) continue;
      const auto left = clients_.extract(at);
      accepting_ = true;
      tell(left.mapped(), "Client left ", left.mapped().peer);
      return remove_gone();  // that line may have been too much for somebody before
    }
  }

  Socket server_;
  std::map<int, Client> clients_;  // by descriptor
  bool accepting_ = true;
};

int main(int argc, char** argv) try {
  const auto address = Address::parse(concat("*:", argc > 1 ? argv[1] : "2626"));
  if (!address) throw address.error();
  ChatServer(*address).run();
} catch (const std::exception& error) {
  std::cerr << "chat_select: " << error.what() << '\n';
  return 1;
}
