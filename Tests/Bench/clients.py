"""The clients that are compared."""
import pathlib

from server import PORT, SSH_OPTIONS

BENCH = pathlib.Path(__file__).parent
COMMAND = "cat /proc/loadavg"


def clients(server, tools, at_once, addresses):
    """The command line of each client; they read the addresses from standard input, clush has them in its own."""
    visitor = [server.user, PORT, server.key, at_once, COMMAND]
    options = [*SSH_OPTIONS, "-i", str(server.key), "-l", server.user]
    return {
        "rollcall": [tools.visit, server.user, PORT, server.key, server.host_key, at_once, COMMAND],
        "c_workers": [tools.c, server.user, PORT, server.pkcs8, at_once, COMMAND],
        "c_serial": [tools.c, server.user, PORT, server.pkcs8, 1, COMMAND],
        "parallelssh": [tools.python, BENCH / "peers/parallelssh_visit.py", *visitor],
        "asyncssh": [tools.python, BENCH / "peers/asyncssh_visit.py", *visitor],
        "clush": ["clush", "-N", "-f", at_once, "-o", " ".join(options), "-w", ",".join(addresses), COMMAND],
        "ssh": ["xargs", "-P", at_once, "-I", "{}", "ssh", *options, "{}", COMMAND],
    }
