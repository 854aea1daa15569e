"""Echo and chat as coroutines, with nc and Python's sockets; Ctrl-C ends them in good order."""

import signal
import socket

from examples import Test, main, needs
from talkers import SECONDS


class Coroutines(Test):
    def connect_to(self, server):
        ours = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
        self.addCleanup(ours.close)
        return ours, ours.makefile("rb")

    def test_echo_of_much_at_a_time(self):
        server = self.serve("echo_coroutine")
        talkers = [self.connect_to(server) for _ in range(20)]
        block = bytes(range(256)) * 1024
        for number, (ours, file) in enumerate(talkers):
            ours.sendall(block[number:])
            ours.shutdown(socket.SHUT_WR)
            self.assertEqual(file.read(), block[number:])

    def test_heads_of_requests_however_they_come(self):
        server = self.serve("request_heads")
        requests = b"GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: b\r\n\r\n"
        answers = b"".join(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(head) + 2, head)
                           for head in requests.split(b"\r\n\r\n")[:-1])
        for piece in (1, 7, 33, len(requests)):
            ours, file = self.connect_to(server)
            ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(requests), piece):
                ours.sendall(requests[at:at + piece])
            ours.shutdown(socket.SHUT_WR)
            self.assertEqual(file.read(), answers)

    def test_a_head_that_is_too_long(self):
        server = self.serve("request_heads")
        ours, file = self.connect_to(server)
        ours.sendall(b"x" * 8192)
        self.assertEqual(file.read(), b"")

    @needs("nc")
    def test_echo_with_nc(self):
        server = self.serve("echo_coroutine")
        talker = self.piped("nc", "127.0.0.1", str(server.port))
        talker.send(b"Hello\n")
        talker.expect(b"Hello\n")

    def test_a_reset_is_one_connections_trouble(self):
        server = self.serve("echo_coroutine")
        broken, _ = self.connect_to(server)
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        broken.sendall(b"x")
        broken.close()
        ours, file = self.connect_to(server)
        ours.sendall(b"still here\n")
        self.assertEqual(file.readline(), b"still here\n")

    def test_chat(self):
        server = self.serve("chat_coroutine")
        one, one_file = self.connect_to(server)
        self.assertEqual(one_file.readline(), b"You're connected to the Parley chatserver\r\n")
        two, two_file = self.connect_to(server)
        self.assertEqual(two_file.readline(), b"You're connected to the Parley chatserver\r\n")
        self.assertEqual(one_file.readline(), b"Client joined 127.0.0.1:%d\r\n" % two.getsockname()[1])
        port = one.getsockname()[1]
        one.sendall(b"hello\r\n")
        self.assertEqual(two_file.readline(), b"[127.0.0.1:%d] hello\r\n" % port)
        one.close()
        one_file.close()
        self.assertEqual(two_file.readline(), b"Client left 127.0.0.1:%d\r\n" % port)

    def test_ctrl_c_ends_them_in_good_order(self):
        for name in ("echo_coroutine", "chat_coroutine"):
            server = self.serve(name)
            ours, file = self.connect_to(server)
            ours.sendall(b"x\n")
            file.readline()
            server.signal(signal.SIGINT)
            self.assertEqual(file.read(), b"")
            ours.close()
            self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    main()
