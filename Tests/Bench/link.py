"""scripts/bench link: 200 devices behind a link of 100 ms round trip, all at once; round trips and bytes of one visit; a link that loses."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from clients import COMMAND, clients
from server import KEX, PORT, Server, measure

RTT_S, LOSS = 0.1, 0.05
DESK, DEVICES = "bench-desk", "bench-devices"
IN_DESK = ["nsenter", f"--net=/run/netns/{DESK}"]
IN_DEVICES = ["nsenter", f"--net=/run/netns/{DEVICES}"]


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Link:
    """Two network namespaces and a link with delay between them; every address of 10.77.1.0/24 is a device."""

    def __init__(self, linkdelay, loss=0.0):
        # Names of namespaces are files: here they lie in a file system of this mount namespace.
        os.makedirs("/run/netns", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "bench", "/run/netns"], check=True)
        for name in (DESK, DEVICES):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        self.process = subprocess.Popen(
            [linkdelay, DESK, "link0", DEVICES, "link0", str(int(RTT_S / 2 * 1e6)), str(int(loss * 1000))],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "up":
            raise RuntimeError("the link did not come up")
        for name, address in ((DESK, "10.77.255.1"), (DEVICES, "10.77.0.1")):
            ip("-n", name, "addr", "add", f"{address}/16", "dev", "link0")
            ip("-n", name, "link", "set", "link0", "up")
        ip("-n", DEVICES, "route", "add", "local", "10.77.1.0/24", "dev", "lo")

    def bytes(self):
        """What passed the desk's end so far, both ways, IP headers included (a TUN device has no others)."""
        text = subprocess.run([*IN_DESK, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True).stdout
        fields = next(line for line in text.splitlines() if "link0:" in line).split(":")[1].split()
        return int(fields[0]) + int(fields[8])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        for name in (DESK, DEVICES):
            ip("netns", "delete", name)
        subprocess.run(["umount", "/run/netns"], check=True)


def single(server, argv, address, run_in):
    """Seconds of one visit by a fresh process, after the link has been quiet."""
    server.wait_until_quiet()
    began = time.monotonic()
    done = subprocess.run([*run_in, *map(str, argv)], input=f"{address}\n", text=True, capture_output=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{argv[0]}: {done.stdout} {done.stderr}")
    return time.monotonic() - began


def bench(server, link, tools, count, runs):
    addresses = [f"10.77.1.{1 + index}" for index in range(count)]
    many = clients(server, tools, count, addresses)
    one = clients(server, tools, 1, addresses[:1])
    wall, parts = {}, {}
    for name in ("rollcall", "c_workers", "asyncssh", "clush", "parallelssh"):
        print(f"{name}, {count} at once", file=sys.stderr, flush=True)
        samples = [measure(server, name, many[name], addresses, IN_DESK) for _ in range(runs)]
        wall[name] = statistics.median(run.wall_s for run in samples)
        parts[name] = statistics.median((run.cpu_ms + run.server_cpu_ms) / 1e3 for run in samples)
        if any(run.answered != count for run in samples):
            raise RuntimeError(f"{name}: not every device answered")
    print("one at a time", file=sys.stderr, flush=True)
    alone, trips, carried = {}, {}, {}
    for name in ("rollcall", "c_workers", "ssh"):
        far, sizes = [], []
        for _ in range(7):
            before = link.bytes()
            far.append(single(server, one[name], addresses[0], IN_DESK))
            sizes.append(link.bytes() - before)
        near = [single(server, one[name], "127.0.0.1", IN_DEVICES) for _ in range(7)]
        alone[name], carried[name] = statistics.median(far), statistics.median(sizes)
        # What a busy machine adds is no round trip: the quickest of each tells how many there are.
        trips[name] = round((min(far) - min(near)) / RTT_S, 1)
    answer = subprocess.run(
        [*IN_DESK, *map(str, [tools.visit, server.user, PORT, server.key, server.host_key, "further:10", COMMAND])],
        input=f"{addresses[0]}\n", text=True, capture_output=True, check=True).stdout
    further = float(next(line for line in answer.splitlines() if line.startswith("further_ms")).split()[1])
    cores = len(os.sched_getaffinity(0))
    limit = 1.3 * alone["rollcall"] + parts["rollcall"] / cores
    return {
        "wall_s": {name: round(value, 2) for name, value in wall.items()},
        "single_s": {name: round(value, 3) for name, value in alone.items()},
        "limit_s": round(limit, 2), "holds": wall["rollcall"] <= limit,
        "round_trips": {
            "visit": trips["rollcall"], "further": round(further / 1e3 / RTT_S, 2), "visit_c": trips["c_workers"], "visit_ssh": trips["ssh"],
        },
        "bytes": {"visit": round(carried["rollcall"]), "visit_c": round(carried["c_workers"]), "visit_ssh": round(carried["ssh"])},
        "hosts": count,
    }


def lossy(server, tools, count):
    """The same over a link that loses every twentieth packet each way: slower, and complete."""
    print(f"{count} at once, losing {LOSS:.0%} each way", file=sys.stderr, flush=True)
    addresses = [f"10.77.1.{1 + index}" for index in range(count)]
    argv = clients(server, tools, count, addresses)
    runs = {name: measure(server, name, argv[name], addresses, IN_DESK) for name in ("rollcall", "c_workers")}
    return {
        "hosts": count, "loss": LOSS, "answered": {name: run.answered for name, run in runs.items()},
        "wall_s": {name: round(run.wall_s, 2) for name, run in runs.items()},
    }


def with_link(tools, loss, body):
    link = Link(tools.linkdelay, loss)
    try:
        server = Server(IN_DEVICES)
        try:
            return body(server, link)
        finally:
            server.stop()
    finally:
        link.stop()


def main():
    parser = argparse.ArgumentParser()
    for name in ("visit", "c", "linkdelay", "python"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="50 hosts, one run each")
    tools = parser.parse_args()
    count, runs = (50, 1) if tools.quick else (200, 3)
    result = with_link(tools, 0, lambda server, link: bench(server, link, tools, count, runs))
    result["lossy"] = with_link(tools, LOSS, lambda server, _: lossy(server, tools, count))
    out = sys.stderr if tools.json else sys.stdout
    print(f"\n{result['hosts']} devices at once over {RTT_S * 1000:.0f} ms round trip; {KEX}", file=out)
    for name, seconds in result["wall_s"].items():
        print(f"{name:12} {seconds:8.2f} s", file=out)
    print(f"ours may take {result['limit_s']} s: 1.3 visits of {result['single_s']['rollcall']} s, and the CPU time of both ends", file=out)
    print(f"round trips {result['round_trips']}; bytes {result['bytes']}", file=out)
    print(f"losing {LOSS:.0%} each way: {result['lossy']}", file=out)
    if tools.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
