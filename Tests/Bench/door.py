"""A small controller: frames of CBOR (docs/PROTOCOL.md) to `rollcall-agent serve`, and a signed catalogue of cheap probes."""
import base64
import hashlib
import io
import os
import selectors
import subprocess
import time

import cbor2

OPEN, RUN, CHUNK, DONE, REFUSED, PUSH, CLOSE, CLOSED, TELEMETRY = 2, 4, 5, 6, 7, 8, 10, 11, 13
PROTOCOL = 1
PIECE = 16_384


def encode(message):
    body = cbor2.dumps(message, canonical=True)
    return len(body).to_bytes(4, "big") + body


class Session:
    """One session through the relay, as sshd would start it."""

    def __init__(self, agent, role="repair", preexec_fn=None):
        self.process = subprocess.Popen(
            [agent, "serve", "--operator", "bench", "--role", role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            preexec_fn=preexec_fn, env={})
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.pending, self.number = b"", 0
        self.hello = self.read()
        self.send({0: OPEN, 1: PROTOCOL, 2: "bench", 3: f"bench-{os.urandom(8).hex()}", 8: 0})
        answer = self.read()
        if answer[0] == REFUSED:
            raise RuntimeError(answer[3])

    @property
    def pid(self):
        return self.process.pid

    def send(self, *messages):
        self.process.stdin.write(b"".join(map(encode, messages)))

    def read(self, limit_s=30):
        """The next message."""
        deadline = time.monotonic() + limit_s
        while True:
            if len(self.pending) >= 4:
                end = 4 + int.from_bytes(self.pending[:4], "big")
                if len(self.pending) >= end:
                    body, self.pending = self.pending[4:end], self.pending[end:]
                    return cbor2.loads(body)
            if not self.selector.select(max(0, deadline - time.monotonic())):
                raise RuntimeError(f"the agent was silent for {limit_s} s")
            piece = self.process.stdout.read(65_536)
            if not piece:
                raise RuntimeError("the agent hung up")
            self.pending += piece

    def answers(self, requests):
        """Reads until every request has its end: {request: (last message, output)}."""
        output, ended = {request: b"" for request in requests}, {}
        while len(ended) < len(output):
            message = self.read()
            if message[0] == CHUNK and message[2] == 1:
                output[message[1]] += message[3]
            elif message[0] in (DONE, REFUSED):
                if message[1] == 0:
                    raise RuntimeError(message[3])
                ended[message[1]] = message
        return {request: (ended[request], output[request]) for request in ended}

    def next_number(self):
        self.number += 1
        return self.number

    def ask(self, messages):
        """Sends messages, each with a number of its own, in one write, and gives their answers in the same order."""
        numbered = [{**message, 1: self.next_number()} for message in messages]
        self.send(*numbered)
        found = self.answers([message[1] for message in numbered])
        return [found[message[1]] for message in numbered]

    def push(self, catalogue):
        """Pushes a catalogue; raises where it is refused."""
        number = self.next_number()
        for offset in range(0, len(catalogue), PIECE):
            self.send({0: PUSH, 1: number, 2: "catalogue", 3: len(catalogue), 4: offset, 5: catalogue[offset:offset + PIECE]})
        (end, _), = self.answers([number]).values()
        if end[0] == REFUSED:
            raise RuntimeError(end[3])

    def run(self, probes):
        """Asks all probes at once; how many answered well."""
        return sum(
            1 for end, _ in self.ask([{0: RUN, 2: probe} for probe in probes]) if end[0] == DONE and end[2] == 0 and end[3] == 0)

    def telemetry(self):
        """Every block there is, the open one last: (sequence number, bytes)."""
        (end, output), = self.ask([{0: TELEMETRY, 2: 0, 4: 1 << 30}])
        if end[0] == REFUSED:
            raise RuntimeError(end[3])
        stream, blocks = io.BytesIO(output), []
        cbor2.load(stream)
        while stream.tell() < len(output):
            blocks.append(tuple(cbor2.load(stream)))
        return blocks

    def close(self):
        try:
            self.send({0: CLOSE, 2: 0})
            while self.read()[0] != CLOSED:
                pass
        except (RuntimeError, OSError):
            pass
        self.process.stdin.close()
        self.process.stdout.close()
        self.selector.close()
        return self.process.wait()


def values_of(block):
    """Ticks of a block, and values in its last one; the time of the tick does not count."""
    fields = cbor2.loads(block)
    ticks = fields[3]
    return ticks, sum(1 for column in fields.get(4, []) if column[2] + column[3] == ticks) - 1


# What is asked of a device in a call, cheap enough that what is measured is the agent: (program), [files] or statfs.
STATFS = "statfs"
PROBES = {
    "bench.uname": ("/bin/uname", "-a"), "bench.date": ("/bin/date", "-u"), "bench.df": ("/bin/df", "-P", "/"),
    "bench.id": ("/usr/bin/id",), "bench.ls-dev": ("/bin/ls", "-l", "/dev"), "bench.ls-root": ("/bin/ls", "-la", "/"),
    "bench.mounts": ("/bin/cat", "/proc/self/mountinfo"), "bench.ps": ("/bin/ps", "-eo", "pid,ppid,stat,rss,comm"),
    "bench.free": ("/usr/bin/free", "-k"), "bench.uptime": ("/usr/bin/uptime",), "bench.nproc": ("/usr/bin/nproc",),
    "bench.stat": ("/usr/bin/stat", "-f", "/"), "bench.head": ("/usr/bin/head", "-c", "2000", "/proc/cpuinfo"),
    "bench.getconf": ("/usr/bin/getconf", "PAGESIZE"),
    **{f"bench.file-{name.strip('/').replace('/', '-').replace('_', '-')}": [name] for name in (
        "/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/version", "/proc/cmdline", "/proc/cpuinfo", "/proc/swaps",
        "/proc/vmstat", "/proc/diskstats", "/proc/filesystems", "/proc/modules", "/proc/pressure/cpu", "/proc/pressure/io",
        "/proc/pressure/memory", "/proc/net/dev", "/proc/net/route", "/proc/net/snmp", "/proc/net/arp", "/etc/hostname", "/etc/hosts",
        "/etc/os-release", "/proc/sys/fs/file-nr")},
    "bench.cooling": ["/sys/class/thermal/*/type"], "bench.links": ["/sys/class/net/*/operstate"],
    "bench.space": STATFS,
}


def definition(name, what):
    fields = {0: name, 1: 0, 6: 10_000, 7: 65_536, 8: "nobody"}
    if what == STATFS:
        fields[4] = 1
    elif isinstance(what, tuple):
        fields[2] = list(what)
    else:
        fields[3] = list(what)
    return fields


def catalogue(folder, probes, version=1):
    """A catalogue signed with a key made in `folder`, which also gets the trust file that names it."""
    key, header_file = folder / "reviewer", folder / "header"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        (folder / "trust").write_text("threshold 1\n" + key.with_suffix(".pub").read_text())
    device = cbor2.dumps([definition(name, probes[name]) for name in sorted(probes)], canonical=True)
    now = time.time_ns() // 1_000
    header = cbor2.dumps({
        0: "rollcall-catalogue-v1", 1: "bench", 2: version, 3: now, 4: now + 30 * 86_400_000_000,
        5: hashlib.sha256(device).digest(), 6: hashlib.sha256(b"").digest()}, canonical=True)
    header_file.write_bytes(header)
    header_file.with_suffix(".sig").unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "rollcall-catalogue", "-f", key, header_file], check=True)
    armour = header_file.with_suffix(".sig").read_text().splitlines()
    signature = base64.b64decode("".join(line for line in armour if not line.startswith("-----")))
    return cbor2.dumps({0: header, 1: device, 2: [signature]}, canonical=True)
