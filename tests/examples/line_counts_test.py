"""Files are read in threads, two at a time; each is told as it is done."""

import os
import subprocess
import tempfile

from examples import Test, main
from talkers import SECONDS


class LineCounts(Test):
    def test_each_file_and_what_cannot_be_read(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for count in (3, 0, 70000, 1):
                paths.append(os.path.join(folder, f"{count}"))
                with open(paths[-1], "w", encoding="utf-8") as file:
                    file.write("x\n" * count)
            paths.append(os.path.join(folder, "nowhere"))
            done = subprocess.run([self.path("line_counts"), *paths], capture_output=True, text=True,
                                  timeout=SECONDS, check=True)
        said = sorted(line.removeprefix(folder + os.sep) for line in done.stdout.splitlines())
        self.assertEqual(said, ["0: 0", "1: 1", "3: 3", "70000: 70000", "nowhere: cannot be read"])


if __name__ == "__main__":
    main()
