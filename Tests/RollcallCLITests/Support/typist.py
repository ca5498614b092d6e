"""typist QUESTIONS LINES PROGRAM ARGUMENT...: runs a program on a terminal of its own and types a line each time a question is shown there.

QUESTIONS are texts with | between, LINES base64 with commas between. A line that begins with COLUMNSxROWS and a NUL is typed after the
window got that size. Prints what the terminal showed, and exits as the program does.
"""
import base64
import os
import pty
import select
import sys
import termios
import time

questions, lines = sys.argv[1].encode().split(b"|"), [base64.b64decode(line) for line in sys.argv[2].split(",")]
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[3], sys.argv[3:])
shown, seen, deadline = b"", 0, time.monotonic() + 60
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 1)[0]:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # The last one to hold the terminal is gone.
            break
        if not piece:
            break
        shown += piece
    if lines and sum(map(shown.count, questions)) > seen:
        seen += 1
        size, is_sized, line = lines.pop(0).rpartition(b"\0")
        if is_sized:
            columns, rows = map(int, size.split(b"x"))
            termios.tcsetwinsize(terminal, (rows, columns))
        os.write(terminal, line + b"\r")
sys.stdout.buffer.write(shown)
sys.stdout.flush()
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
