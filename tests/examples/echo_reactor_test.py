"""Echo over TCP in a reactor, with nc and Python's sockets; Ctrl-C ends it in good order."""

import select
import signal
import socket
import threading

from examples import Test, main, needs
from talkers import SECONDS


class EchoReactor(Test):
    def connect_to(self, server):
        ours = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
        self.addCleanup(ours.close)
        return ours

    def read_all(self, ours):
        with ours.makefile("rb") as file:
            return file.read()

    def test_everybody_is_sent_their_own(self):
        server = self.serve("echo_reactor")
        talkers = [self.connect_to(server) for _ in range(20)]
        for number, ours in enumerate(talkers):
            ours.sendall(b"%d\n" % number * 1000)
        for number, ours in enumerate(talkers):
            ours.shutdown(socket.SHUT_WR)
            self.assertEqual(self.read_all(ours), b"%d\n" % number * 1000)

    def test_who_does_not_read_is_not_read(self):
        """What nobody takes is not held here, but with the sender; and all of it comes back in the end."""
        server = self.serve("echo_reactor")
        ours = self.connect_to(server)
        data = bytes(range(256)) * (32 << 12)  # 32 MiB
        sent = 0
        ours.setblocking(False)
        while sent < len(data) and select.select([], [ours], [], 0.3)[1]:
            sent += ours.send(data[sent : sent + (1 << 16)])
        self.assertLess(sent, len(data), "everything was held somewhere")
        ours.settimeout(SECONDS)
        sender = threading.Thread(target=lambda: (ours.sendall(data[sent:]), ours.shutdown(socket.SHUT_WR)))
        sender.start()
        self.addCleanup(sender.join)
        self.assertTrue(self.read_all(ours) == data, "what came back differs")

    def test_a_reset_is_one_connections_trouble(self):
        server = self.serve("echo_reactor")
        broken = self.connect_to(server)
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        broken.sendall(b"x")
        broken.close()
        ours = self.connect_to(server)
        ours.sendall(b"still here")
        self.assertEqual(ours.recv(100), b"still here")

    def test_ctrl_c_ends_it_in_good_order(self):
        server = self.serve("echo_reactor")
        ours = self.connect_to(server)
        ours.sendall(b"x")
        self.assertEqual(ours.recv(100), b"x")
        server.signal(signal.SIGINT)
        self.assertEqual(ours.recv(100), b"")
        ours.close()
        self.assertEqual(server.wait(), 0)

    @needs("nc")
    def test_nc(self):
        server = self.serve("echo_reactor")
        talker = self.piped("nc", "127.0.0.1", str(server.port))
        for line in (b"Hello\n", b"world\n"):
            talker.send(line)
            talker.expect(line)


if __name__ == "__main__":
    main()
