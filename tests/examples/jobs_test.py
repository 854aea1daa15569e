"""A task that takes jobs from a queue, into which protocols put them: one after another, for all clients."""

import socket

from examples import Test, main
from talkers import SECONDS


class Jobs(Test):
    def connect_to(self, server):
        ours = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
        self.addCleanup(ours.close)
        file = ours.makefile("rb")
        self.addCleanup(file.close)
        return ours, file

    def test_in_their_order_for_who_asked(self):
        server = self.serve("jobs")
        (one, one_file), (two, two_file) = self.connect_to(server), self.connect_to(server)
        one.sendall(b"a\nb\n")
        self.assertEqual(one_file.readline(), b"a is done\r\n")
        two.sendall(b"c\n")
        self.assertEqual(one_file.readline(), b"b is done\r\n")
        self.assertEqual(two_file.readline(), b"c is done\r\n")

    def test_more_than_the_queue_holds(self):
        server = self.serve("jobs")
        ours, file = self.connect_to(server)
        ours.sendall(b"x\n" * 103)  # 100 wait, and one at least is being done
        self.assertEqual(file.readline(), b"too busy\r\n")

    def test_who_is_gone_holds_nobody_up(self):
        server = self.serve("jobs")
        gone, gone_file = self.connect_to(server)
        gone.sendall(b"x\n")
        gone_file.close()  # the socket stays open as long as its file
        gone.close()
        ours, file = self.connect_to(server)
        ours.sendall(b"y\n")
        self.assertEqual(file.readline(), b"y is done\r\n")


if __name__ == "__main__":
    main()
