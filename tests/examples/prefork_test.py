"""A reactor that forked children serve with: by several processes, which end together in good order."""

import os
import re
import signal
import time

from examples import Test, main
from talkers import SECONDS


class Prefork(Test):
    def serve_with_children(self):
        server = self.serve("prefork")
        self.wait_until(lambda: len(self.children(server)) == 3)
        children = self.children(server)

        def end():
            if server.process.poll() is None:  # as long as it has not waited for them, they are these
                for child in children:
                    os.kill(child, signal.SIGKILL)

        self.addCleanup(end)
        return server, children

    def children(self, server):
        with open(f"/proc/{server.pid}/task/{server.pid}/children", encoding="ascii") as file:
            return set(map(int, file.read().split()))

    def wait_until(self, holds):
        end = time.monotonic() + SECONDS
        while not holds():
            self.assertLess(time.monotonic(), end, "it does not come to that")
            time.sleep(0.01)

    def greeted(self, server):
        """A client, and the process that serves it."""
        client = self.connect(("127.0.0.1", server.port))
        greeting = client.take_until(b" hears you\n")
        return client, int(re.fullmatch(rb"Process (\d+) hears you\n", greeting)[1])

    def test_each_child_serves_and_the_parent_does_not(self):
        server, children = self.serve_with_children()
        for child in children:
            for other in children - {child}:
                os.kill(other, signal.SIGSTOP)
            client, by = self.greeted(server)
            self.assertEqual(by, child)
            client.send(b"hello")
            client.expect(b"hello")
            for other in children:
                os.kill(other, signal.SIGCONT)

    def test_they_end_in_good_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server, children = self.serve_with_children()
            clients = [self.greeted(server)[0] for _ in range(5)]
            server.signal(number)
            for client in clients:
                client.expect_end(b"")
                client.close()
            self.assertEqual(server.wait(), 0)
            for child in children:
                self.assertFalse(os.path.exists(f"/proc/{child}"))


if __name__ == "__main__":
    main()
