"""A server that sends a file to whoever connects."""

import os
import tempfile

from examples import Test, main, needs
from talkers import exactly, pump


class SendFile(Test):
    def file(self, content):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "file")
        with open(path, "wb") as out:
            out.write(content)
        return path

    def test_many_get_all_of_it(self):
        content = os.urandom(3_000_000)
        server = self.serve("send_file", self.file(content), "0")
        clients = [self.connect(("127.0.0.1", server.port)) for _ in range(8)]
        pump({client: exactly(b"3000000\n" + content) for client in clients})
        for client in clients:
            client.expect_end(b"3000000\n", content)

    def test_an_empty_file(self):
        server = self.serve("send_file", self.file(b""), "0")
        self.connect(("127.0.0.1", server.port)).expect_end(b"0\n")

    def test_no_file(self):
        status, _, errors = self.run_example("send_file", "/does/not/exist")
        self.assertEqual(status, 1)
        self.assertIn(b"open /does/not/exist: No such file or directory", errors)

    @needs("nc")
    def test_nc(self):
        server = self.serve("send_file", self.file(b"hello\n"), "0")
        self.assertEqual(self.run_peer("nc", "-d", "127.0.0.1", server.port), b"6\nhello\n")


if __name__ == "__main__":
    main()
