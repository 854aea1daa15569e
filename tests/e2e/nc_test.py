"""parleyd and the real nc."""

import subprocess

from parley_e2e import GREETING, Test, main, needs
from programs import LOCAL_URL
from talkers import SECONDS


@needs("nc")
class Nc(Test):
    def run_nc(self, server, data):
        """`... | nc -N`: sends, says that no more comes, and stays until the server ends."""
        done = subprocess.run(
            ("nc", "-N", "127.0.0.1", str(server.port)), input=data, stdout=subprocess.PIPE, timeout=SECONDS, check=False
        )
        self.assertEqual(done.returncode, 0)
        return done.stdout

    def guest(self, reader):
        """The address of the one who just came."""
        return reader.take_until(b"\r\n").removeprefix(b"Client joined ").removesuffix(b"\r\n")

    def test_a_last_line_without_an_end(self):
        server = self.parleyd()
        reader = self.join(server)
        self.assertEqual(self.run_nc(server, b"last line"), GREETING)
        guest = self.guest(reader)
        reader.expect(b"[%s] last line\r\nClient left %s\r\n" % (guest, guest))
        self.fence(self.join(server, reader), reader)

    def test_nothing_at_all(self):
        server = self.parleyd()
        reader = self.join(server)
        self.assertEqual(self.run_nc(server, b""), GREETING)
        guest = self.guest(reader)
        reader.expect(b"Client left %s\r\n" % guest)

    def test_a_long_file(self):
        server = self.parleyd("--quiet")
        reader = self.join(server)
        lines = [b"line %d of a file" % number for number in range(20000)]
        self.assertEqual(self.run_nc(server, b"\n".join(lines)), GREETING)
        guest = self.guest(reader)
        reader.expect(b"".join(b"[%s] %s\r\n" % (guest, line) for line in lines), b"Client left %s\r\n" % guest)

    def test_two_people_with_nc(self):
        server = self.parleyd()
        megan = self.piped("nc", "-N", "127.0.0.1", str(server.port))
        megan.expect(GREETING)
        elise = self.piped("nc", "-N", "127.0.0.1", str(server.port))
        elise.expect(GREETING)
        name = self.guest(megan)
        elise.send(b"a line\nhalf ")
        megan.expect(b"[%s] a line\r\n" % name)
        elise.send(b"a line")
        elise.end_of_input()
        megan.expect(b"[%s] half a line\r\nClient left %s\r\n" % (name, name))
        elise.expect_end()
        megan.end_of_input()
        megan.expect_end()

    def test_a_unix_socket(self):
        path = self.folder() + "/chat.sock"
        server = self.parleyd(listen=(LOCAL_URL.format(path),))
        reader = self.piped("nc", "-N", "-U", path)
        reader.expect(GREETING)
        done = subprocess.run(("nc", "-N", "-U", path), input=b"hello", stdout=subprocess.PIPE, timeout=SECONDS, check=True)
        self.assertEqual(done.stdout, GREETING)
        guest = self.guest(reader)
        self.assertRegex(guest, rb"^\[local:\d+\]$")
        reader.expect(b"[%s] hello\r\nClient left %s\r\n" % (guest, guest))
        server.stdout.wait_for(b"hello\r\nClient left .*\r\n")


if __name__ == "__main__":
    main()
