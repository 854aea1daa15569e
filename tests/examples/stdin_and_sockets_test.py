"""Waiting for stdin and a socket together, in a terminal and on pipes, with a peer of Python's."""

import socket

from examples import Test, main
from talkers import SECONDS


class StdinAndSockets(Test):
    def setUp(self):
        super().setUp()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(SECONDS)
        self.addCleanup(self.listener.close)
        self.port = str(self.listener.getsockname()[1])

    def accept(self):
        peer = self.listener.accept()[0]
        peer.settimeout(SECONDS)
        self.addCleanup(peer.close)
        return peer

    def receive(self, peer, data):
        came = b""
        while len(came) < len(data):
            piece = peer.recv(4096)
            self.assertTrue(piece, came)
            came += piece
        self.assertEqual(came, data)

    def test_whichever_is_first_in_a_terminal(self):
        """Both sides speak whenever they like, and what was typed comes although nothing is sent."""
        terminal = self.terminal(self.path("stdin_and_sockets"), "127.0.0.1", self.port)
        peer = self.accept()
        for _ in range(3):
            peer.sendall(b"Who is there?\n")
            peer.sendall(b"Hello?\n")
            terminal.expect(b"Who is there?\r\nHello?\r\n")
            terminal.send(b"Megan\nand Elise\n")
            terminal.expect(b"Megan\r\nand Elise\r\n")  # the terminal's echo
            self.receive(peer, b"Megan\nand Elise\n")
        peer.close()
        terminal.expect_end()
        self.assertEqual(terminal.process.wait(SECONDS), 0)

    def test_the_end_of_stdin_is_not_the_end_of_the_talk(self):
        talker = self.piped(self.path("stdin_and_sockets"), "127.0.0.1", self.port)
        peer = self.accept()
        talker.send(b"no line's end")
        self.receive(peer, b"no line's end")
        talker.end_of_input()
        self.assertEqual(peer.recv(1), b"")
        peer.sendall(b"and you?")
        talker.expect(b"and you?")
        peer.close()
        talker.expect_end()
        self.assertEqual(talker.process.wait(SECONDS), 0)

    def test_two_of_them_in_our_own_chat(self):
        server = self.serve("chat_select")
        talkers = []
        for _ in range(2):
            talker = self.piped(self.path("stdin_and_sockets"), "localhost", str(server.port))
            talker.expect(b"You're connected to the Parley chatserver\r\n")
            talkers.append(talker)
        talkers[0].take_until(b"\r\n")  # the second has come
        talkers[0].send(b"Hello\n")
        self.assertRegex(talkers[1].take_until(b"\r\n"), rb"^\[127\.0\.0\.1:\d+\] Hello\r\n$")

    def test_nobody_there(self):
        status, out, error = self.run_example("stdin_and_sockets", "127.0.0.1", self.port_of_nobody())
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(error, rb"^stdin_and_sockets: connect 127\.0\.0\.1:\d+: Connection refused")


if __name__ == "__main__":
    main()
