"""Standard input and output as a connection: piped through a server, as much as comes, to the end of both ways."""

import os
import socket
import subprocess
import threading

from examples import Test, main
from talkers import SECONDS, end_process


class Talk(Test):
    def serve_once(self, handle):
        """Listens, and has a thread handle the one who comes."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            client, _ = listener.accept()
            with client:
                handle(client)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join, SECONDS)
        return listener.getsockname()[1]

    def test_what_is_piped_in_comes_back_to_the_last_byte(self):
        def echo(client):
            while data := client.recv(65536):
                client.sendall(data)
            client.sendall(b" the end")

        data = os.urandom(1 << 20) * 4
        port = self.serve_once(echo)
        self.assertEqual(self.run_example("talk", "127.0.0.1", port, stdin=data), (0, data + b" the end", b""))

    def test_a_server_that_goes_ends_it_though_nothing_is_typed(self):
        port = self.serve_once(lambda client: client.sendall(b"Good bye\r\n"))
        command = (self.path("talk"), "127.0.0.1", str(port))
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(program.stderr.close)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.stdin.close)
        self.addCleanup(end_process, program)
        self.assertEqual(program.stdout.read(), b"Good bye\r\n")
        self.assertEqual(program.wait(SECONDS), 0)

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        status, out, err = self.run_example("talk", "127.0.0.1", port)
        self.assertEqual((status, out), (0, b""))
        self.assertIn(b"Connection refused", err)

    def test_who_pipes_it_on_has_the_end(self):
        """`talk | head -c 10`: the reader goes, and it does not talk on for ever."""

        def chatter(client):
            try:
                while True:
                    client.sendall(b"0123456789" * 1000)
            except OSError:
                pass

        port = self.serve_once(chatter)
        command = (self.path("talk"), "127.0.0.1", str(port))
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(program.stdin.close)
        self.addCleanup(end_process, program)
        self.assertEqual(program.stdout.read(10), b"0123456789")
        program.stdout.close()
        self.assertEqual(program.wait(SECONDS), 0)


if __name__ == "__main__":
    main()
