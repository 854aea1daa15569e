"""The two loggers, with nc and sockets."""

import re

from examples import Test, main, needs


class Loggers(Test):
    def loggers(self):
        """The program, with its ports: `bytes` and `lines`."""
        program = self.serve("loggers", 0, 0)
        program.bytes, program.lines = map(int, re.findall(rb"port (\d+)", program.first))
        return program

    def test_bytes_as_they_come(self):
        loggers = self.loggers()
        client = self.connect(("127.0.0.1", loggers.bytes))
        name = client.name.encode()
        loggers.stdout.wait_for_exactly(b"%s came\n" % name)
        client.send(b"no line end")
        loggers.stdout.wait_for(rb"%s sent 11 bytes: no line end\n" % re.escape(name))
        client.end_of_input()
        client.expect_end()
        loggers.stdout.wait_for(rb"%s left: closed by the peer\n" % re.escape(name))

    def test_lines_however_they_come(self):
        loggers = self.loggers()
        client = self.connect(("127.0.0.1", loggers.lines))
        name = client.name.encode()
        client.send(b"one\r\ntwo\nthr")
        loggers.stdout.wait_for_exactly(b"%s came\n%s: one\n%s: two\n" % (name, name, name))
        client.send(b"ee\nquit\nnever\n")
        client.expect_end()
        client.close()
        loggers.stdout.wait_for_exactly(
            b"%s came\n%s: one\n%s: two\n%s: three\n%s: quit\n%s left: closed\n" % ((name,) * 6)
        )

    def test_both_at_once(self):
        loggers = self.loggers()
        first = self.connect(("127.0.0.1", loggers.bytes))
        second = self.connect(("127.0.0.1", loggers.lines))
        for number in range(3):
            first.send(b"%d" % number)
            loggers.stdout.wait_for(rb"%s sent 1 bytes: %d\n" % (re.escape(first.name.encode()), number))
            second.send(b"line %d\n" % number)
            loggers.stdout.wait_for(rb"%s: line %d\n" % (re.escape(second.name.encode()), number))

    @needs("nc")
    def test_nc(self):
        loggers = self.loggers()
        self.assertEqual(self.run_peer("nc", "-N", "127.0.0.1", loggers.lines, stdin=b"Hello\nworld"), b"")
        loggers.stdout.wait_for(rb": Hello\n.*: world\n.* left: closed by the peer\n")


if __name__ == "__main__":
    main()
