"""Telnet's option negotiation (RFC 854): answered with refusals, and gone before lines are cut."""

import socket

from parley_e2e import Test, main

SE, NOP, DM, BRK, IP, AO, AYT, EC, EL, GA, SB = 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250
WILL, WONT, DO, DONT, IAC = 251, 252, 253, 254, 255
ECHO, TIMING_MARK, NAWS, LINEMODE = 1, 6, 31, 34


def telnet(*codes):
    return bytes((IAC, *codes))


class Negotiation(Test):
    def setUp(self):
        super().setUp()
        self.server = self.parleyd()
        self.reader, self.other, self.sender = self.join_many(self.server, 3)

    def in_every_split(self, data, answers, *seen):
        """In two pieces, and a byte at a time: the sender gets the answers, the others the texts."""
        splits = [(data[:cut], data[cut:]) for cut in range(1, len(data))]
        for pieces in [*splits, [bytes([byte]) for byte in data]]:
            came, answered = self.take_in(pieces, self.sender, self.other, self.reader)
            self.assertEqual(came, b"".join(map(self.sender.says, seen)), pieces)
            self.assertEqual(answered, answers, pieces)

    def test_every_option_is_refused(self):
        for option in range(255):
            self.sender.send(telnet(DO, option))
            self.sender.expect(telnet(WONT, option))
            self.sender.send(telnet(WILL, option))
            self.sender.expect(telnet(DONT, option))
        self.fence(self.sender, self.reader)
        self.fence(self.reader, self.sender)

    def test_a_refusal_is_not_answered(self):
        """An answer to it would never end (RFC 854, page 3)."""
        self.sender.send(b"".join(telnet(refusal, option) for refusal in (WONT, DONT) for option in range(255)))
        self.fence(self.sender, self.reader)
        self.fence(self.reader, self.sender)

    def test_many_requests_in_one_segment(self):
        requests = b"".join(telnet(DO, option) + telnet(WILL, option) for option in range(40))
        answers = b"".join(telnet(WONT, option) + telnet(DONT, option) for option in range(40))
        self.sender.send(b"be" + requests + b"fore\n")
        self.sender.expect(answers)
        self.reader.expect(self.sender.says(b"before"))

    def test_requests_at_every_split(self):
        data = b"a" + telnet(DO, ECHO) + b"b\n" + telnet(WILL, NAWS) + b"c\r" + telnet(DO, TIMING_MARK) + b"\n"
        answers = telnet(WONT, ECHO) + telnet(DONT, NAWS) + telnet(WONT, TIMING_MARK)
        self.in_every_split(data, answers, b"ab", b"c")

    def test_options_that_look_like_ends_of_lines(self):
        data = b"a" + telnet(DO, 10) + telnet(WILL, 13) + telnet(WONT, 10) + b"\n"
        self.in_every_split(data, telnet(WONT, 10) + telnet(DONT, 13), b"a")

    def test_subnegotiations_at_every_split(self):
        window = telnet(SB, NAWS) + b"\x00\x0a\x0d\x0a" + telnet(SE)
        self.in_every_split(b"a" + window + b"b\n" + window + b"\n", b"", b"ab", b"")

    def test_a_doubled_iac_does_not_end_a_subnegotiation(self):
        data = telnet(SB, NAWS) + telnet(IAC) + bytes([SE]) + b"\n" + telnet(IAC) + b"\n" + telnet(SE) + b"out\n"
        self.in_every_split(data, b"", b"out")

    def test_a_subnegotiation_may_hold_what_looks_like_a_request(self):
        data = b"a" + telnet(SB, LINEMODE) + bytes((DO, ECHO, 10)) + telnet(SE) + b"b\n"
        self.in_every_split(data, b"", b"ab")

    def test_commands_of_two_bytes_are_removed(self):
        commands = b"".join(telnet(command) for command in (NOP, BRK, IP, AO, GA))
        self.in_every_split(b"a" + commands + b"b\r" + telnet(NOP) + b"\n", b"", b"ab")

    def test_are_you_there_is_answered(self):
        self.in_every_split(b"a" + telnet(AYT) + b"b\n", b"[Yes]\r\n", b"ab")

    def test_erase_character_and_erase_line(self):
        self.in_every_split("né".encode() + telnet(EC) + telnet(EC) + b"yes\r\n", b"", b"yes")
        self.in_every_split(b"no, no" + telnet(EL) + b"yes\n" + telnet(EL) + telnet(EC) + b"b\n", b"", b"yes", b"b")

    def test_carriage_return_nul_ends_a_line(self):
        """RFC 1123, 3.3.1; a command may stand between the two."""
        self.in_every_split(b"a\r\0b\r" + telnet(NOP) + b"\0\r\0c\r\n", b"", b"a", b"b", b"", b"c")

    def test_a_synch_leaves_no_trace(self):
        """Its data mark is urgent, and the kernel takes urgent data out of the rest unless it is told not to."""
        for text in (b"one", b"two"):
            self.sender.send(text + telnet(IP) + bytes([IAC]))
            self.sender.socket.send(bytes([DM]), socket.MSG_OOB)
            self.sender.send(text + b"\n")
            self.reader.expect(self.sender.says(text + text))
        self.fence(self.reader, self.sender)

    def test_a_doubled_iac_is_a_byte_of_the_text(self):
        """A byte 255 is no UTF-8, wherever it stands."""
        replaced = "\ufffd".encode()
        self.in_every_split(b"a" + telnet(IAC) + b"b\n" + telnet(IAC) + b"\r\n", b"", b"a" + replaced + b"b", replaced)
        self.in_every_split(telnet(IAC) + telnet(DO, ECHO) + b"\n", telnet(WONT, ECHO), replaced)

    def test_a_request_within_a_character(self):
        character = "你".encode()
        data = character[:1] + telnet(DO, ECHO) + character[1:] + b"\n"
        self.in_every_split(data, telnet(WONT, ECHO), character)

    def test_what_telnet_sends_for_control_c(self):
        """telnet shows nothing more until the timing mark is answered."""
        self.sender.send(telnet(IP) + telnet(DO, TIMING_MARK))
        self.sender.expect(telnet(WONT, TIMING_MARK))

    def test_an_end_within_a_sequence(self):
        for unended in (telnet(), telnet(DO), telnet(SB, NAWS) + b"\n", telnet(SB, NAWS) + telnet()):
            goes = self.join(self.server, self.reader, self.other, self.sender)
            goes.send(b"said" + unended)
            goes.end_of_input()
            for other in (self.reader, self.other, self.sender):
                other.expect(goes.says(b"said"), goes.left())
            goes.expect_end()

    def test_nothing_but_negotiation_is_no_line(self):
        goes = self.join(self.server, self.reader, self.other, self.sender)
        goes.send(telnet(DO, ECHO) + telnet(SB, NAWS) + b"\n\n" + telnet(SE))
        goes.expect(telnet(WONT, ECHO))
        goes.end_of_input()
        self.reader.expect(goes.left())

    def test_an_endless_subnegotiation_takes_no_memory(self):
        before = self.server.memory()
        self.sender.send(telnet(SB, NAWS))
        for _ in range(64):
            self.sender.send(b"\n" * (1 << 18))
        self.sender.send(telnet(SE))
        self.fence(self.sender, self.reader)
        self.assertLess(self.server.memory("VmHWM") - before, 8 << 20)


if __name__ == "__main__":
    main()
