"""The example programs, as the tutorials' readers run them: a server in a terminal, telnet in others."""

import re
import time

from parley_e2e import Test, main, needs, program
from talkers import PATIENCE, exactly, pump
from terminals import ThreeTerminals

SECONDS = 30 * PATIENCE


class Shown:
    """An example in a terminal. Its own lines end in \\n there, of which the terminal makes \\r\\n."""

    def __init__(self, terminal):
        self.terminal = terminal
        started = terminal.take_until(b"\n")
        self.port = int(re.fullmatch(rb"ChatServer started on port (\d+)\r\n", started)[1])

    def next_line(self):
        self.first = self.terminal.take_until(b"\n")
        return self.first

    def check(self, conversation):
        self.terminal.expect(conversation.removeprefix(self.first))


class Examples(ThreeTerminals):
    def begin(self):
        return Shown(self.terminal(program(self.variable), "0"))

    test_three_people_with_telnet = needs("telnet")(ThreeTerminals.test_three_people_with_telnet)

    def crowd(self, count, *last):
        """A server whose stdout nobody watches, and some who talk; the last may have options of their own."""
        server = self.terminal("sh", "-c", 'exec "$0" "$1" > /dev/null', program(self.variable), "0")
        port = self.port_of(server)
        clients = []
        for options in [{}] * count + list(last):
            clients.append(self.connect(("127.0.0.1", port), **options))
            clients[-1].take_until(b"chatserver\r\n")
            for other in clients[:-1]:
                other.expect(clients[-1].joined())
        return clients

    def test_lines_are_not_cut(self):
        reader, other, sender = self.crowd(3)
        data = b"one\r\ntwo\n\nthree\r\n"
        for cut in range(1, len(data)):
            came, _ = self.take_in((data[:cut], data[cut:]), sender, other, reader)
            self.assertEqual(came, b"".join(map(sender.says, (b"one", b"two", b"", b"three"))))

    def test_leaving_in_three_ways(self):
        stays, *leaving = self.crowd(4)
        leaving[0].send(b"bye\n")
        leaving[0].end_of_input()
        stays.expect(leaving[0].says(b"bye"), leaving[0].left())
        leaving[0].expect_end()
        leaving[1].reset()
        stays.expect(leaving[1].left())
        leaving[2].close()
        stays.expect(leaving[2].left())

    def test_a_burst_reaches_everybody(self):
        sender, *readers = self.crowd(6)
        lines = [b"%d" % number for number in range(20000)]
        wanted = b"".join(map(sender.says, lines))
        pump({reader: exactly(wanted) for reader in readers}, {sender: b"\n".join(lines) + b"\n"}, SECONDS)

    def test_a_slow_reader_holds_up_nobody(self):
        """Ten times what it may be behind: it goes, and the others miss nothing."""
        reader, sender, slow = self.crowd(2, {"receive_buffer": 4096})
        line = b"x" * 4000
        deadline = time.monotonic() + SECONDS
        left = False
        for _ in range(2500):
            sender.send(line + b"\n")
            seen = reader.take_until(b"\n")
            if seen == slow.left():
                self.assertFalse(left)
                left = True
                seen = reader.take_until(b"\n")
            self.assertEqual(seen, sender.says(line))
            self.assertLess(time.monotonic(), deadline)
            if left:
                break
        self.assertTrue(left)
        self.fence(sender, reader)


class Chat(Examples, Test):
    variable = "PARLEY_CHAT"


class ChatSelect(Examples, Test):
    variable = "PARLEY_CHAT_SELECT"


if __name__ == "__main__":
    main()
