"""Echo over TCP: one client, client after client, two sockets at once; with nc, Python and each other."""

import socket
import socketserver
import threading

from examples import Test, main, needs
from talkers import SECONDS


class Echo(socketserver.BaseRequestHandler):
    """A peer of Python's."""

    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)


class ThreadedEcho(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class Peers(Test):
    def python_server(self):
        """Python's echo server, which listens to everybody at once; answers its port."""
        server = ThreadedEcho(("127.0.0.1", 0), Echo)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return server.server_address[1]


class EchoServer(Peers):
    def test_it_says_who_came_and_ends_with_it(self):
        server = self.serve("echo_server")
        client = self.connect(("127.0.0.1", server.port))
        for text in (b"Hello", b"\0\xff" * 300, "你好".encode()):
            client.send(text)
            client.expect(text)
        client.end_of_input()
        client.expect_end()
        self.assertEqual(server.wait(), 0)
        server.stdout.wait_for_exactly(b"Connected by %s\n" % client.name.encode())

    def test_more_than_the_kernel_holds(self):
        """Everything comes back, although it does not fit anywhere at once."""
        server = self.serve("echo_server")
        data = bytes(range(256)) * 40000  # 10 MB
        with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
            sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
            sender.start()
            came = bytearray()
            while piece := client.recv(1 << 16):
                came += piece
            sender.join()
        self.assertTrue(came == data, f"{len(came)} bytes came back of {len(data)}")

    def test_a_client_that_breaks_off(self):
        server = self.serve("echo_server")
        client = self.connect(("127.0.0.1", server.port))
        client.reset()
        self.assertEqual(server.wait(), 1)
        self.assertRegex(server.stderr.text(), rb"^echo_server: recv 127\.0\.0\.1:\d+: Connection reset by peer\n$")

    @needs("nc")
    def test_nc(self):
        server = self.serve("echo_server")
        self.assertEqual(self.run_peer("nc", "-N", "127.0.0.1", server.port, stdin=b"Hello, world\n"), b"Hello, world\n")
        self.assertEqual(server.wait(), 0)

    def test_a_port_that_is_taken_or_none(self):
        server = self.serve("echo_server")
        status, _, error = self.run_example("echo_server", server.port)
        self.assertEqual(status, 1)
        self.assertRegex(error, rb"^echo_server: bind 0\.0\.0\.0:%d: Address already in use" % server.port)
        status, _, error = self.run_example("echo_server", 70000)
        self.assertEqual(status, 1)
        self.assertIn(b"70000", error)


class EchoClient(Peers):
    def test_what_it_says_comes_back(self):
        port = self.python_server()
        self.assertEqual(self.run_example("echo_client", "127.0.0.1", port), (0, b"Received Hello, world\n", b""))
        self.assertEqual(self.run_example("echo_client", "localhost", port, "Hi"), (0, b"Received Hi\n", b""))
        long = "x" * 100000
        self.assertEqual(self.run_example("echo_client", "127.0.0.1", port, long)[1], b"Received %s\n" % long.encode())

    def test_with_our_own_server(self):
        server = self.serve("echo_server")
        self.assertEqual(self.run_example("echo_client", "127.0.0.1", server.port)[1], b"Received Hello, world\n")
        self.assertEqual(server.wait(), 0)

    def test_nobody_there(self):
        status, out, error = self.run_example("echo_client", "127.0.0.1", self.port_of_nobody())
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(error, rb"^echo_client: connect 127\.0\.0\.1:\d+: Connection refused")


class OneAfterAnother(Peers):
    def test_the_second_has_its_turn_when_the_first_has_left(self):
        server = self.serve("one_after_another")
        first = self.connect(("127.0.0.1", server.port))
        first.send(b"one")
        first.expect(b"one")
        second = self.connect(("127.0.0.1", server.port))
        second.send(b"two")
        first.send(b"three")
        first.expect(b"three")  # it is still the first's turn
        self.assertNotIn(second.name.encode(), server.stdout.text())
        first.end_of_input()
        first.expect_end()
        second.expect(b"two")
        second.close()
        names = first.name.encode(), first.name.encode(), second.name.encode(), second.name.encode()
        server.stdout.wait_for_exactly(b"%s came\n%s left\n%s came\n%s left\n" % names)

    def test_who_breaks_off_does_not_take_the_server_along(self):
        server = self.serve("one_after_another")
        first = self.connect(("127.0.0.1", server.port))
        first.send(b"one")
        first.expect(b"one")
        first.reset()
        server.stdout.wait_for(rb"is lost: recv .*Connection reset by peer\n")
        second = self.connect(("127.0.0.1", server.port))
        second.send(b"two")
        second.expect(b"two")

    @needs("nc")
    def test_nc_after_nc(self):
        server = self.serve("one_after_another")
        for number in range(5):
            line = b"line %d\n" % number
            self.assertEqual(self.run_peer("nc", "-N", "127.0.0.1", server.port, stdin=line), line)


class TwoSockets(Peers):
    def test_a_server_that_takes_one_after_another(self):
        server = self.serve("one_after_another")
        status, out, error = self.run_example("two_sockets", "127.0.0.1", server.port)
        self.assertEqual((status, error), (0, b""))
        self.assertEqual(out, b"first: one\nsecond: no answer while the first is there\nsecond: two\n")

    def test_a_server_that_listens_to_both(self):
        """It answers the second before the first, so that nobody's slowness counts."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(SECONDS)

            def answer():
                with server.accept()[0] as first, server.accept()[0] as second:
                    for client in (second, first):
                        client.sendall(client.recv(100))

            thread = threading.Thread(target=answer)
            thread.start()
            status, out, error = self.run_example("two_sockets", "127.0.0.1", server.getsockname()[1])
            thread.join()
        self.assertEqual((status, out, error), (0, b"first: one\nsecond: two\n", b""))


if __name__ == "__main__":
    main()
