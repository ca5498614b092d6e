"""scripts/bench door: a file of 64 MiB through the door beside sftp of the same sshd, on loopback and at 100 ms round trip."""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

from link import IN_DESK, IN_DEVICES, Link, RTT_S
from server import PORT, SSH_OPTIONS, Server

PLACES = {"loopback": (IN_DEVICES, "127.0.0.1"), "link": (IN_DESK, "10.77.1.1")}


def must(argv, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{argv}: {done.stdout} {done.stderr}")
    return done.stdout


class Device:
    """An agent's daemon beneath a folder of its own, which the server's user reaches with a key of role shell."""

    def __init__(self, server, agent):
        self.root, self.agent = server.folder / "device", agent
        for name in ("etc/rollcall", "var/lib", "srv", "run/rollcall"):
            (self.root / name).mkdir(parents=True)
        shutil.copy("/etc/machine-id", self.root / "etc/machine-id")
        # Who comes in over this sshd is the user that the agent lets in.
        users = [("root", 0), ("nobody", 65534), ("rollcall", 65533)]
        (self.root / "etc/passwd").write_text("".join(f"{name}:x:{number}:{number}::/:/bin/sh\n" for name, number in users))
        (self.root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
        self.state = ["--state", self.root / "var/lib/rollcall"]
        self.process = None

    def start(self):
        self.process = subprocess.Popen([self.agent, "run", "--root-dir", str(self.root)])
        while not (self.root / "run/rollcall/agent.sock").exists():
            time.sleep(0.01)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def processes(self):
        """Ids of the daemon, its children and the relays."""
        found = set()
        for folder in pathlib.Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and os.readlink(folder / "exe") == self.agent:
                    found.add(folder.name)
            except OSError:
                pass
        return found

    def pss_kib(self):
        """Memory of daemon and relays, and of the daemon's children, in KiB; zeros where one came or went meanwhile.

        What two processes share is counted half to each: beside one that was read before the other came, it would count one and a half times.
        """
        before, own, children = self.processes(), 0, 0
        try:
            for number in before:
                folder = pathlib.Path("/proc") / number
                rollup = (folder / "smaps_rollup").read_text()
                pss = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
                if (folder / "cmdline").read_bytes().split(b"\0")[1] == b"serve" or int(number) == self.process.pid:
                    own += pss
                else:
                    children += pss
        except (OSError, IndexError):
            return 0, 0
        return (own, children) if self.processes() == before else (0, 0)


class Memory(threading.Thread):
    """The most that the agent took while something ran."""

    def __init__(self, device):
        super().__init__()
        self.device, self.most, self.most_children, self.is_over = device, 0, 0, threading.Event()

    def run(self):
        while not self.is_over.wait(0.05):
            own, children = self.device.pss_kib()
            self.most, self.most_children = max(self.most, own), max(self.most_children, children)


class Desk:
    """A desk with the device in its inventory, once for each address."""

    def __init__(self, server, device, tools):
        self.folder, self.rollcall = server.folder / "desk", tools.rollcall
        self.folder.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "ROLLCALL_DATA": f"{self.folder}/data", "ROLLCALL_OPERATOR": "bench",
            "ROLLCALL_IDENTITY": str(self.folder / "key"), "ROLLCALL_AGENT": tools.agent,
        }
        for name in ("key", "reviewer"):
            must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name])
        line = f'restrict,command="{tools.agent} serve --operator bench --role shell --root-dir {device.root}" '
        with open(server.folder / "authorized_keys", "a") as keys:
            keys.write(line + (self.folder / "key.pub").read_text())
        (device.root / "etc/rollcall/trust").write_text("threshold 1\n" + (self.folder / "reviewer.pub").read_text())
        self.run("probes", "pack", tools.probes, "--version", "1", "--days", "30")
        self.run("probes", "sign", "--key", self.folder / "reviewer")
        (device.root / "etc/rollcall/desks").write_text(self.run("audit", "key"))
        ledger_key = must([device.agent, "key", *device.state]).strip()
        device.start()
        finger = must(["ssh-keygen", "-lf", server.folder / "host.pub"]).split()[1]
        for name, (where, host) in PLACES.items():
            self.run("device", "add", name, "--host", host, "--port", PORT, "--user", server.user)
            self.run(
                "device", "enroll", name, "--no-install", "--ledger-key", ledger_key, "--host-key", finger, "--yes", run_in=where)

    def run(self, *words, run_in=()):
        return must([*run_in, self.rollcall, *words], env=self.environment)


def timed(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def bench(server, tools, size, runs):
    device = Device(server, tools.agent)
    desk = Desk(server, device, tools)
    try:
        # The same disk for all: the server's user writes beside the agent.
        source, arrived, far = desk.folder / "source", desk.folder / "arrived", server.folder / "far"
        source.write_bytes(os.urandom(size))
        far.mkdir()
        os.chown(far, 65533, 65533)
        shutil.copy(source, far / "file")
        shutil.copy(source, device.root / "srv/file")
        wanted = digest(source)
        # sftp's word for the port is another than ssh's.
        options = ["-P" if word == "-p" else word for word in SSH_OPTIONS] + ["-i", str(server.key)]
        samples = {}
        memory = Memory(device)
        memory.start()
        for turn in range(runs):
            for place, (where, host) in PLACES.items():
                print(f"{place} ({turn + 1} of {runs})", file=sys.stderr, flush=True)

                def sftp(command):
                    must([*where, "sftp", "-q", "-b", "-", *options, f"{server.user}@{host}"], input=command + "\n")

                ways = {
                    ("get", "rollcall"): lambda: desk.run("get", place + ":/srv/file", arrived, "--force", run_in=where),
                    ("get", "sftp"): lambda: sftp(f"get {far}/file {arrived}"),
                    ("put", "rollcall"): lambda: desk.run("put", source, place + ":/srv/new", "--force", "--yes", run_in=where),
                    ("put", "sftp"): lambda: sftp(f"put {source} {far}/new"),
                }
                for (direction, name), way in ways.items():
                    server.wait_until_quiet()
                    samples.setdefault((direction, place, name), []).append(timed(way))
                    copy = arrived if direction == "get" else (device.root / "srv/new" if name == "rollcall" else far / "new")
                    if digest(copy) != wanted:
                        raise RuntimeError(f"{name} {direction}: another file arrived")
                    copy.unlink()
        memory.is_over.set()
        memory.join()
    finally:
        device.stop()
    rate = {key: size / 2**20 / statistics.median(seconds) for key, seconds in samples.items()}
    result = {"bytes": size, "rtt_ms": round(RTT_S * 1000), "mib_s": {}, "ratio": {}}
    for direction in ("get", "put"):
        result["mib_s"][direction] = {
            place: {name: round(rate[direction, place, name], 1) for name in ("rollcall", "sftp")} for place in PLACES}
        result["ratio"][direction] = {
            place: round(rate[direction, place, "rollcall"] / rate[direction, place, "sftp"], 2) for place in PLACES}
    return result | {"pss_kib": memory.most, "children_pss_kib": memory.most_children}


def main():
    parser = argparse.ArgumentParser()
    for name in ("rollcall", "agent", "probes", "linkdelay"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="16 MiB, one run each")
    tools = parser.parse_args()
    size, runs = (16 << 20, 1) if tools.quick else (64 << 20, 3)
    link = Link(tools.linkdelay)
    try:
        server = Server(IN_DEVICES)
        try:
            result = bench(server, tools, size, runs)
        finally:
            server.stop()
    finally:
        link.stop()
    out = sys.stderr if tools.json else sys.stdout
    print(f"\n{size >> 20} MiB, medians of {runs}; MiB/s with connecting and the record, ours, sftp, ours/sftp", file=out)
    for direction, places in result["mib_s"].items():
        for place, rates in places.items():
            ratio = result["ratio"][direction][place]
            print(f"{direction} {place:9} {rates['rollcall']:7.1f} {rates['sftp']:7.1f} {ratio:5.2f}", file=out)
    print(f"agent, daemon and relay: {result['pss_kib']} KiB; its children: {result['children_pss_kib']} KiB", file=out)
    if tools.json:
        print(json.dumps(result))


main()
