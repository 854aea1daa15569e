"""The forwarder as coroutines keeps to everything that the one of callbacks does."""

import socket

import connecting_test
from examples import main
from talkers import SECONDS


class ForwarderCoroutine(connecting_test.Forwarder):
    def forward(self, port):
        program = self.serve("forwarder_coroutine", "0", "127.0.0.1", port)
        client = socket.create_connection(("127.0.0.1", program.port), SECONDS)
        self.addCleanup(client.close)
        return program, client

    def test_a_broken_direction_ends_the_other(self):
        server, port = self.server()
        program, client = self.forward(port)
        peer = self.accept(server)
        client.sendall(b"x")
        self.assertEqual(peer.recv(100), b"x")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        self.assertEqual(client.recv(100), b"")
        program.stderr.wait_for(rb"read 127.0.0.1:%d: Connection reset by peer" % port)


if __name__ == "__main__":
    main()
