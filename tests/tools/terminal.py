# SPDX-License-Identifier: BSD-2-Clause
"""A program on a terminal of its own: what tests type, and what they wait for."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

PATIENCE = 60  # seconds for one thing to appear; nothing here takes one


class Terminal:
    """argv on a pseudo-terminal, in the environment as it is."""

    def __init__(self, *argv, columns=100):
        self.seen = ""
        self.all = ""
        self.status = None
        self.pid, self.fd = pty.fork()
        if not self.pid:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            try:
                os.execvp(argv[0], argv)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def _read(self, seconds):
        """Returns whether there may be more."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:  # the other side has been closed
            return False
        self.seen += data.decode(errors="replace")
        self.all += data.decode(errors="replace")
        return bool(data)

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Wait for @pattern in what has not been taken yet. Returns what came up to its end, or None."""
        limit = time.monotonic() + PATIENCE
        more = True
        while not (match := re.search(pattern, self.seen)):
            if not more or time.monotonic() > limit:
                return None
            more = self._read(0.2)
        taken = self.seen[:match.end()]
        self.seen = self.seen[match.end():]
        return taken

    def end(self):
        """Wait for the end of the program. Returns its exit code, negative for a signal; None when it does not end."""
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            more = self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while more and select.select([self.fd], [], [], 0.05)[0]:
                    more = self._read(0)
                self.status = os.waitstatus_to_exitcode(status)
                os.close(self.fd)
                return self.status
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        return None
