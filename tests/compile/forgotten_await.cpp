// A forgotten co_await does nothing at all: the compiler says so, of everything that is awaited.

#include <parley/stream.h>

using namespace parley;
using namespace std::chrono_literals;

Task<> task();
Task<> several(std::vector<Task<int>> tasks);

Task<> body(Stream& peer, Listener& listener, DatagramSocket& socket, Queue<int>& queue, TaskGroup& group,
            StreamServer& server, Running<int>& running, std::vector<Task<int>> tasks,
            std::vector<Task<int>> others, const OpenFile& file, const Address& path, Event& event,
            Lock& lock, Semaphore& permits, Condition& changed, Permit& held, Future<int>& future,
            AsCompleted<int>& coming, SignalReceiver& signals, ChildProcess& child) {
  peer.read();                                                   //! nodiscard
  peer.read(10);                                                 //! nodiscard
  peer.read_exactly(10);                                         //! nodiscard
  peer.read_until("\n");                                         //! nodiscard
  peer.read_line();                                              //! nodiscard
  peer.fill();                                                   //! nodiscard
  peer.write("text");                                            //! nodiscard
  peer.write(Slice::permanent("text"));                          //! nodiscard
  peer.writelines({});                                           //! nodiscard
  peer.send_file(file);                                          //! nodiscard
  peer.send_file(file, 0, 10);                                   //! nodiscard
  listener.accept();                                             //! nodiscard
  socket.recvfrom();                                             //! nodiscard
  queue.put(1);                                                  //! nodiscard
  queue.get();                                                   //! nodiscard
  group.join();                                                  //! nodiscard
  server.join();                                                 //! nodiscard
  running.join();                                                //! nodiscard
  connect({"localhost", 80});                                    //! nodiscard
  connect_unix(Address::local("path"));                          //! nodiscard
  sleep(1s);                                                     //! nodiscard
  with_timeout(1s, peer.read());                                 //! nodiscard
  within(1s, task());                                            //! nodiscard
  as_result(peer.write("text"));                                 //! nodiscard
  when_all(task(), peer.read());                                 //! nodiscard
  when_any(task(), sleep(1s));                                   //! nodiscard
  when_all(std::move(tasks));                                    //! nodiscard
  when_any(std::move(others));                                   //! nodiscard
  task();                                                        //! nodiscard
  spawn(task());                                                 //! nodiscard
  serve_tcp({"", 80}, [](Stream) -> Task<> { return task(); });  //! nodiscard
  serve_unix(path, [](Stream) -> Task<> { return task(); });     //! nodiscard
  peer.closed();                                                 //! nodiscard
  queue.join();                                                  //! nodiscard
  event.wait();                                                  //! nodiscard
  lock.acquire();                                                //! nodiscard
  permits.acquire();                                             //! nodiscard
  changed.wait(held);                                            //! nodiscard
  future.get();                                                  //! nodiscard
  coming.next();                                                 //! nodiscard
  signals.receive();                                             //! nodiscard
  create_subprocess_exec({"cat"});                               //! nodiscard
  child.wait();                                                  //! nodiscard
  child.communicate();                                           //! nodiscard
  to_thread([] {});                                              //! nodiscard
  shield(sleep(1s));                                             //! nodiscard
  gather(task(), sleep(1s));                                     //! nodiscard
  timeout_at(Time(), task());                                    //! nodiscard
  with_timeout(1s, task(), "label");                             //! nodiscard
  co_await task();
}
