"""How parleyd ends: everybody is told, nothing that was queued is lost, the exit status is 0."""

import signal
import time

from parley_e2e import Test, main
from talkers import PATIENCE, SECONDS, ending, pump

GOODBYE = b"Server is shutting down\r\n"
FLUSH_SECONDS = 5  # what a reader that is behind is given


class Shutdown(Test):
    def ends(self, number):
        server = self.parleyd()
        clients = self.join_many(server, 3)
        clients[0].send(b"the last word\n")
        for client in clients[1:]:
            client.expect(clients[0].says(b"the last word"))
        server.signal(number)
        for client in clients:
            client.expect_end(GOODBYE)
            client.close()
        self.assertEqual(server.wait(), 0)
        server.stdout.wait_for(rb"the last word\r\n")
        self.assertNotIn(b"left", server.stdout.text())

    def test_interrupted(self):
        self.ends(signal.SIGINT)

    def test_terminated(self):
        self.ends(signal.SIGTERM)

    def test_nobody_is_there(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = self.parleyd()
            self.assertEqual(server.stop(number), 0)

    def test_those_who_had_left_are_no_trouble(self):
        server = self.parleyd()
        stays, ended, reset = self.join_many(server, 3)
        ended.close()
        stays.expect(ended.left())
        reset.reset()
        stays.expect(reset.left())
        server.signal(signal.SIGTERM)
        stays.expect_end(GOODBYE)
        stays.close()
        self.assertEqual(server.wait(), 0)

    def test_half_a_line_is_no_message(self):
        server = self.parleyd()
        reader, sender = self.join_many(server, 2)
        sender.send(b"half a l")
        self.fence(reader, sender)
        server.signal(signal.SIGTERM)
        reader.expect_end(GOODBYE)
        sender.expect_end(GOODBYE)

    def test_a_reader_that_is_behind_gets_everything(self):
        server = self.parleyd("--quiet")
        reader, sender = self.join_many(server, 2)
        slow = self.join(server, reader, sender, receive_buffer=4096)
        said = self.fall_behind(sender, reader, slow, 500_000)
        server.signal(signal.SIGTERM)
        reader.expect_end(GOODBYE)
        slow.expect_end(said, GOODBYE)
        for client in (reader, sender, slow):
            client.close()
        self.assertEqual(server.wait(), 0)

    def test_one_that_never_reads_is_not_waited_for_longer(self):
        server = self.parleyd("--quiet")
        reader, sender = self.join_many(server, 2)
        never = self.join(server, reader, sender, receive_buffer=4096)
        self.fall_behind(sender, reader, never, 500_000)
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        reader.expect_end(GOODBYE)
        self.assertEqual(server.wait(FLUSH_SECONDS + SECONDS), 0)
        self.assertLess(time.monotonic() - began, FLUSH_SECONDS + 3 * PATIENCE)

    def test_in_the_middle_of_a_burst(self):
        """The readers' last words are whole lines and the goodbye."""
        server = self.parleyd("--quiet")
        sender, *readers = self.join_many(server, 4)
        text = b"x" * 100
        sender.socket.settimeout(SECONDS)

        def some(reader):
            return len(reader.seen) > 50000

        pump({reader: some for reader in readers}, {sender: 2000 * (text + b"\n")})
        server.signal(signal.SIGTERM)
        pump({reader: ending(GOODBYE) for reader in readers})
        for reader in readers:
            lines = bytes(reader.seen[: -len(GOODBYE)])
            self.assertEqual(lines, sender.says(text) * (len(lines) // len(sender.says(text))))
            reader.seen.clear()
            reader.expect_end()
            reader.close()
        sender.close()
        self.assertEqual(server.wait(), 0)

    def test_the_port_can_be_taken_again_at_once(self):
        server = self.parleyd()
        client = self.join(server)
        server.signal(signal.SIGTERM)
        client.expect_end(GOODBYE)
        client.close()
        self.assertEqual(server.wait(), 0)
        again = self.parleyd(listen=(f"line://127.0.0.1:{server.port}",))
        self.assertEqual(again.port, server.port)
        self.join(again)

    def test_with_every_reactor(self):
        for reactor in ("epoll", "poll", "select"):
            with self.subTest(reactor=reactor):
                server = self.parleyd("--reactor", reactor, "--flush-interval", "10ms")
                clients = self.join_many(server, 3)
                server.signal(signal.SIGINT)
                for client in clients:
                    client.expect_end(GOODBYE)
                    client.close()
                self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    main()
