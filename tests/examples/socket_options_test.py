"""Reading and setting options: what the example tells is what the kernel does, as Python sees it."""

import socket

from examples import Test, main


class SocketOptions(Test):
    def test_it_tells_what_the_kernel_does(self):
        with socket.socket() as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 40000)
            buffer = ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        status, out, error = self.run_example("socket_options")
        self.assertEqual((status, error), (0, b""))
        self.assertEqual(
            out.decode(),
            "no_delay is false, then true\n"
            "keep_idle is 300 s\n"
            f"send_buffer is {buffer} bytes\n"
            "close waits: false, then for 2 s\n"
            "connected, with reno; segments sent again: 0\n"
            "the pending error: Success\n",
        )


if __name__ == "__main__":
    main()
