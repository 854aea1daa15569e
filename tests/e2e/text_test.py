"""What a line may hold: UTF-8, and no control characters but the tab."""

from parley_e2e import Test, main

REPLACED = "\ufffd".encode()


class Text(Test):
    def setUp(self):
        super().setUp()
        self.server = self.parleyd()
        self.reader, self.sender = self.join_many(self.server, 2)

    def becomes(self, sent, *seen):
        self.sender.send(sent + b"\n")
        wanted = {self.sender.says(text) for text in seen}
        came = self.reader.take_until(b"\r\n")
        self.assertIn(came, wanted)

    def test_printable_ascii_is_left_alone(self):
        for first in (0x20, 0x50):
            text = bytes(range(first, min(first + 0x40, 0x7F)))
            self.becomes(text, text)

    def test_the_tab_stays(self):
        self.becomes(b"\ta\t\tb\t", b"\ta\t\tb\t")

    def test_the_other_c0_characters_go(self):
        for code in range(0x20):
            if code not in (8, 9, 10, 21):
                with self.subTest(code=code):
                    self.becomes(b"a" + bytes([code]) + b"b", b"ab")

    def test_backspace_del_and_control_u_edit_the_line(self):
        self.becomes(b"helx\x7fll\x08o", b"hello")
        self.becomes("\x7f\x08aé你😀\x7f\x7f\x7f".encode(), b"a")
        self.becomes("x❤\ufe0f\x7f".encode(), b"x")
        self.becomes(b"never mind\x15hello", b"hello")

    def test_what_is_not_seen_goes(self):
        """Overrides, embeddings and isolates of direction, marks, ends of lines, characters of no width, tags."""
        for code in (0xAD, 0x34F, 0x61C, 0x115F, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070),
                     0x3164, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xE0041, 0xE0100):  # fmt: skip
            with self.subTest(code=hex(code)):
                self.becomes(f"a{chr(code)}b{chr(code)}".encode(), b"ab")

    def test_what_scripts_and_emoji_need_stays(self):
        for text in ("می\u200cخواهم", "क्\u200dष", "👩\u200d👩\u200d👧", "❤\ufe0f\u200d🔥", "1\ufe0f\u20e3"):
            self.becomes(text.encode(), text.encode())

    def test_an_escape_sequence_loses_its_teeth(self):
        self.becomes(b"\x1b[2J\x1b]0;title\x07\x9b1m".replace(b"\x9b", "\x9b".encode()), b"[2J]0;title1m")

    def test_the_c1_characters_go(self):
        for code in range(0x80, 0xA0):
            with self.subTest(code=code):
                self.becomes(b"a" + chr(code).encode() + b"b", b"ab")

    def test_what_stands_next_to_c1_stays(self):
        for character in ("\u00a0", "\u00a1", "\u00c2", "\u00ff", "\u0100"):
            self.becomes(character.encode(), character.encode())

    def test_characters_of_every_length(self):
        for character in ("é", "\u07ff", "\u0800", "你", "\ud7ff", "\ue000", "\ufffd", "\uffff", "😀", "\U0010ffff"):
            with self.subTest(character=ascii(character)):
                text = f"a{character}b{character}".encode()
                self.becomes(text, text)

    def test_a_line_of_nothing_but_control_characters(self):
        self.becomes(b"\x01\x02\x7f\r\r", b"")
        self.becomes("\u202e\u200b".encode(), b"")

    def test_a_byte_that_is_not_utf8(self):
        for byte in [*range(0x80, 0xC2), *range(0xF5, 0xFF)]:
            with self.subTest(byte=byte):
                self.becomes(b"a" + bytes([byte]) + b"b", b"a" + REPLACED + b"b")

    def test_a_character_that_is_not_whole(self):
        """One U+FFFD for each byte, or one for the beginning of a character (Unicode's advice)."""
        for begun in (b"\xc3", b"\xe4\xbd", b"\xe4", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xf4\x8f\xbf"):
            for follows in (b"", b"b", "é".encode(), b"\t"):
                with self.subTest(begun=begun, follows=follows):
                    each = b"a" + REPLACED * len(begun) + follows
                    self.becomes(b"a" + begun + follows, b"a" + REPLACED + follows, each)

    def test_characters_that_utf8_forbids(self):
        """Overlong forms, surrogates, what lies beyond the last character."""
        for forbidden in (b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
                          b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80"):  # fmt: skip
            with self.subTest(forbidden=forbidden):
                self.becomes(b"a" + forbidden + b"b", b"a" + REPLACED * len(forbidden) + b"b")

    def test_an_overlong_end_of_line_is_none(self):
        self.becomes(b"a\xc0\x8ab\xc0\x8d", b"a" + 2 * REPLACED + b"b" + 2 * REPLACED)

    def test_a_latin1_client(self):
        self.becomes("Grüße".encode("latin-1"), "Gr\ufffd\ufffde".encode())

    def test_stdout_has_the_cleaned_text(self):
        self.becomes(b"\x1b[31m\xfe\x01", b"[31m" + REPLACED)
        self.server.stdout.wait_for(rb"\] \[31m\xef\xbf\xbd\r\n$")


if __name__ == "__main__":
    main()
