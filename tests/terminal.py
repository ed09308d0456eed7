"""Runs a command with a terminal as its stderr and a file as its stdout; prints what the terminal was sent.

usage: tests/terminal.py [--interrupt] STDOUT-FILE COMMAND...
With --interrupt, Ctrl-C is typed once, as soon as the terminal shows something. The exit status is the command's; one
that a signal ended has 128 and the signal, and one that lasts for a minute is ended with 99.
"""
import os
import pty
import select
import signal
import sys
import time

words = sys.argv[1:]
interrupt = words[0] == "--interrupt"
if interrupt:
    words = words[1:]
child, terminal = pty.fork()
if child == 0:
    os.dup2(os.open(words[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), 1)
    os.execvp(words[1], words[1:])
seen = b""
end = time.monotonic() + 60
while True:
    ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
    if not ready:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sys.exit(99)
    try:
        read = os.read(terminal, 4096)
    except OSError:  # how Linux says that the other side is gone
        break
    if not read:
        break
    seen += read
    if interrupt and b"scenario" in seen:
        os.write(terminal, b"\x03")
        interrupt = False
os.write(1, seen)
_, status = os.waitpid(child, 0)
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
