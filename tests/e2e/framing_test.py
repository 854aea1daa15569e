"""Lines: how they end, in which pieces they come, how long they may be."""

from parley_e2e import Test, main

LIMIT = 4096
REFUSAL = b"Line too long: 4096 bytes at most\r\n"


def all_splits(data):
    """Every way to cut bytes into pieces: 2 to the power of their number less one."""
    for cuts in range(1 << (len(data) - 1)):
        pieces = [bytearray()]
        for index, byte in enumerate(data):
            pieces[-1].append(byte)
            if cuts >> index & 1:
                pieces.append(bytearray())
        yield pieces


class Splits(Test):
    """Two messages in every split, down to a byte at a time."""

    def deliver_in_all_splits(self, data, *seen):
        self.deliver(all_splits(data), *seen)

    def deliver(self, splits, *seen):
        server = self.parleyd()
        reader, other, sender = self.join_many(server, 3)
        for pieces in splits:
            came, answers = self.take_in(pieces, sender, other, reader)
            self.assertEqual(came, b"".join(map(sender.says, seen)), pieces)
            self.assertEqual(answers, b"")

    def test_both_ends_of_a_line(self):
        self.deliver_in_all_splits(b"ab\r\nc\n", b"ab", b"c")

    def test_empty_lines(self):
        self.deliver_in_all_splits(b"\r\n\na\r\n\n", b"", b"", b"a", b"")

    def test_characters_of_several_bytes(self):
        self.deliver_in_all_splits("é\n你\r\n".encode(), "é".encode(), "你".encode())

    def test_characters_that_are_broken(self):
        self.deliver_in_all_splits(b"\xe4\xbd\n\xa0b\r\n", "\ufffd".encode(), "\ufffdb".encode())

    def test_control_characters(self):
        self.deliver_in_all_splits(b"a\x01\nb\rc\r\n", b"a", b"bc")

    def test_a_return_and_a_nul(self):
        """RFC 1123, section 3.3.1: the end of a line, too."""
        self.deliver_in_all_splits(b"a\r\0\nb\r\0", b"a", b"", b"b")

    def test_two_longer_messages(self):
        first, second = "Grüß Gott, 你好!".encode(), b"  and a second one\twith a tab"
        data = first + b"\r\n" + second + b"\n"
        splits = [(data[:cut], data[cut:]) for cut in range(1, len(data))]
        splits.append([bytes([byte]) for byte in data])
        self.deliver(splits, first, second)


class Lines(Test):
    def test_several_in_one_segment(self):
        server = self.parleyd()
        reader, sender = self.join_many(server, 2)
        sender.send(b"one\ntwo\r\n\nthree\r\n\r\nfour\n")
        reader.expect(*map(sender.says, (b"one", b"two", b"", b"three", b"", b"four")))

    def test_lines_of_two_people_do_not_mix(self):
        server = self.parleyd()
        reader, one, two = self.join_many(server, 3)
        one.send(b"half of ")
        two.send(b"another ")
        self.fence(self.join(server, reader, one, two), reader, one, two)
        one.send(b"one\n")
        reader.expect(one.says(b"half of one"))
        two.send(b"two\n")
        reader.expect(two.says(b"another two"))

    def test_a_last_line_that_ends_in_a_return(self):
        server = self.parleyd()
        reader, sender = self.join_many(server, 2)
        sender.send(b"almost\r")
        sender.end_of_input()
        reader.expect(sender.says(b"almost"), sender.left())


class LongLines(Test):
    """4096 bytes as they came, the end not counted; beyond that a line is refused, once."""

    def setUp(self):
        super().setUp()
        self.server = self.parleyd()
        self.reader, self.sender = self.join_many(self.server, 2)

    def accepted(self, data):
        self.sender.send(data)
        self.reader.expect(self.sender.says(data.rstrip(b"\r\n")))

    def refused(self, *pieces):
        """The sender hears it, once, and nobody else hears a thing."""
        for piece in pieces:
            self.sender.send(piece)
        self.sender.expect(REFUSAL)
        self.fence(self.reader, self.sender)
        self.fence(self.sender, self.reader)

    def test_the_longest_line(self):
        for end in (b"\n", b"\r\n"):
            for character in (b"x", b"\xc3\xa9"):
                self.accepted(character * (LIMIT // len(character)) + end)
        self.fence(self.reader, self.sender)

    def test_the_longest_line_whose_end_comes_in_two_pieces(self):
        self.sender.send(b"x" * LIMIT + b"\r")
        other = self.join(self.server, self.reader, self.sender)
        self.fence(other, self.reader, self.sender)
        self.sender.send(b"\n")
        self.reader.expect(self.sender.says(b"x" * LIMIT))
        self.fence(self.reader, self.sender)

    def test_the_longest_line_as_the_last_without_an_end(self):
        self.sender.send(b"x" * LIMIT)
        self.sender.end_of_input()
        self.reader.expect(self.sender.says(b"x" * LIMIT), self.sender.left())
        self.sender.expect_end()

    def test_the_longest_lines_one_after_the_other(self):
        line = b"y" * LIMIT
        self.sender.send((line + b"\r\n") * 20)
        self.reader.expect(self.sender.says(line) * 20)

    def test_a_line_becomes_longer_than_its_limit_when_it_is_cleaned(self):
        self.sender.send(b"\xc3" * LIMIT + b"\n")
        self.reader.expect(self.sender.says("\ufffd".encode() * LIMIT))

    def test_one_byte_too_many(self):
        for end in (b"\n", b"\r\n"):
            self.refused(b"x" * (LIMIT + 1) + end)

    def test_bytes_that_would_be_removed_count(self):
        self.refused(b"x" * LIMIT + b"\0\n")
        self.accepted(b"x" * LIMIT + b"\n")

    def test_one_byte_too_many_in_two_pieces(self):
        self.refused(b"x" * LIMIT, b"x\n")
        self.refused(b"x" * LIMIT + b"\r", b"x\n")

    def test_far_too_long(self):
        self.refused(*[b"x" * 50000] * 20, b"\n")

    def test_said_once_while_more_keeps_coming(self):
        other = self.join(self.server, self.reader, self.sender)
        for _ in range(5):
            self.sender.send(b"z" * 5000)
            self.fence(other, self.reader)
        self.sender.send(b"the rest\n")
        seen = self.sender.take_until(other.says(b"mark 5"))
        seen += self.sender.take_until(b"\r\n") if REFUSAL not in seen else b""
        self.assertEqual(seen.count(REFUSAL), 1, seen)
        self.fence(self.reader, self.sender)
        self.fence(self.sender, self.reader)

    def test_each_long_line_is_refused(self):
        long = b"x" * 9000 + b"\n"
        self.sender.send(long + b"good\n" + long + long + b"\n" + long)
        self.sender.expect(REFUSAL * 4)
        self.reader.expect(self.sender.says(b"good"), self.sender.says(b""))
        self.fence(self.sender, self.reader)
        self.fence(self.reader, self.sender)

    def test_a_long_last_line_without_an_end(self):
        self.sender.send(b"x" * (LIMIT + 1))
        self.sender.end_of_input()
        self.reader.expect(self.sender.left())
        self.sender.expect_end(REFUSAL)

    def test_nothing_of_it_is_kept_in_memory(self):
        before = self.server.memory()
        for _ in range(64):
            self.sender.send(b"x" * (1 << 18))
        self.sender.send(b"\n")
        self.sender.expect(REFUSAL)
        self.fence(self.sender, self.reader)
        self.assertLess(self.server.memory("VmHWM") - before, 8 << 20)


if __name__ == "__main__":
    main()
