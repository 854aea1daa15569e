"""Examples that connect out: a forwarder, a client that comes back, one with two connections; with Python's sockets."""

import hashlib
import select
import socket
import threading

from examples import Test, main
from talkers import SECONDS


def listening(host="127.0.0.1", port=0):
    server = socket.create_server((host, port), reuse_port=False)
    server.settimeout(SECONDS)
    return server


class Peers(Test):
    def server(self, port=0):
        """A listening socket of Python's, and its port."""
        server = listening(port=port)
        self.addCleanup(server.close)
        return server, server.getsockname()[1]

    def accept(self, server):
        peer, _ = server.accept()
        peer.settimeout(SECONDS)
        self.addCleanup(peer.close)
        return peer


class Forwarder(Peers):
    def forward(self, port):
        program = self.serve("forwarder", "0", "127.0.0.1", port)
        client = socket.create_connection(("127.0.0.1", program.port), SECONDS)
        self.addCleanup(client.close)
        return program, client

    def test_both_directions_and_each_end_of_its_own(self):
        server, port = self.server()
        _, client = self.forward(port)
        peer = self.accept(server)
        client.sendall(b"from the client")
        self.assertEqual(peer.recv(100), b"from the client")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(peer.recv(100), b"")
        peer.sendall(b"from the server")  # the other direction is still open
        self.assertEqual(client.recv(100), b"from the server")
        peer.close()
        self.assertEqual(client.recv(100), b"")

    def test_it_holds_back_who_is_faster_than_the_other(self):
        server, port = self.server()
        program, client = self.forward(port)
        peer = self.accept(server)
        block = bytes(range(256)) * 256
        count = 512  # 32 MiB
        data = memoryview(block * count)
        sent = 0
        client.setblocking(False)
        # Nobody reads: what is taken is what the kernel and the forwarder hold, and no more.
        while sent < len(data) and select.select([], [client], [], 0.3)[1]:
            sent += client.send(data[sent : sent + (1 << 16)])
        self.assertLess(sent, len(data), "everything was held somewhere")
        client.settimeout(SECONDS)
        sender = threading.Thread(target=lambda: (client.sendall(data[sent:]), client.shutdown(socket.SHUT_WR)))
        sender.start()
        self.addCleanup(sender.join)
        self.addCleanup(peer.close)
        digest, size = hashlib.sha256(), 0
        while piece := peer.recv(1 << 16):
            digest.update(piece)
            size += len(piece)
        self.assertEqual(size, count * len(block))
        self.assertEqual(digest.digest(), hashlib.sha256(data).digest())
        self.assertLess(program.memory("VmHWM"), len(data))

    def test_nobody_to_forward_to(self):
        server, port = self.server()
        server.close()
        program, client = self.forward(port)
        self.assertEqual(client.recv(100), b"")
        program.stderr.wait_for(rb"connect 127.0.0.1:%d: Connection refused\n" % port)


class ReconnectingClient(Peers):
    def test_it_comes_back_when_the_server_does(self):
        server, port = self.server()
        client = self.example("reconnecting_client", "127.0.0.1", port)
        client.stdout.follow()
        peer = self.accept(server)
        peer.sendall(b"one\n")
        client.stdout.wait_for(rb"Connected to 127.0.0.1:%d\none\n" % port)
        server.close()
        peer.close()
        client.stdout.wait_for(rb"Lost: [^\n]*\nFailed: connect 127.0.0.1:%d: Connection refused\n" % port)
        server, _ = self.server(port)
        peer = self.accept(server)
        peer.sendall(b"two\n")
        client.stdout.wait_for(rb"Connected to 127.0.0.1:%d\ntwo\n" % port)


class TwoConnections(Peers):
    def test_both_are_open_at_once_and_it_ends_with_the_last(self):
        (one, first), (two, second) = self.server(), self.server()
        client = self.example("two_connections", "127.0.0.1", first, "127.0.0.1", second)
        client.stdout.follow()
        one, two = self.accept(one), self.accept(two)
        for peer, port in ((one, first), (two, second)):
            self.assertEqual(peer.recv(100), b"Hello, 127.0.0.1:%d\r\n" % port)
        two.sendall(b"here\r\n")  # the second is the first to answer
        client.stdout.wait_for(rb"127.0.0.1:%d answers: here\n" % second)
        one.sendall(b"there\r\n")
        client.stdout.wait_for(rb"127.0.0.1:%d answers: there\n" % first)
        for peer in (one, two):
            self.assertEqual(peer.recv(100), b"")
            peer.close()
        self.assertEqual(client.wait(), 0)

    def test_one_of_them_refuses(self):
        (one, first), (two, second) = self.server(), self.server()
        one.close()
        client = self.example("two_connections", "127.0.0.1", first, "127.0.0.1", second)
        client.stdout.follow()
        peer = self.accept(two)
        peer.sendall(b"here\r\n")
        client.stdout.wait_for(rb"127.0.0.1:%d answers: here\n" % second)
        peer.close()
        self.assertEqual(client.wait(), 0)
        self.assertIn(b"connect 127.0.0.1:%d: Connection refused" % first, client.stderr.text())


if __name__ == "__main__":
    main()
