"""scripts/bench agent: what the agent costs the device it is on, beside others, in one run."""
import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import sys
import threading
import time

import agent_peers
import device as devices
import door

LIMITS = {"size_bytes": 409_600, "pss_kib": 600, "cpu_percent": 0.01, "flash_bytes_day": 1 << 20, "values": 80}
INTERVAL, SEAL_INTERVAL, DAY = 10, 3_600, 86_400
SLOT, RECORD_HEAD = 4_096, 20
COPY = pathlib.Path("/run/rollcall/telemetry")
# ext4 commits its journal every 5 s, and what was touched a little later still.
SETTLE = 7


def say(line):
    print(line, file=sys.stderr, flush=True)


class Traffic:
    """A packet a second, so that interfaces have something to count."""

    def __init__(self):
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            count = 0
            while not self.ending.wait(1):
                count += 1
                try:
                    sender.sendto(b"x" * (100 + count * 37 % 900), ("192.0.2.9", 9))
                except OSError:
                    pass

    def stop(self):
        self.ending.set()
        self.thread.join()


def settled(block):
    """Bytes written, once all that was begun is on the device."""
    block.sync()
    time.sleep(SETTLE)
    block.sync()
    return block.written()


def copied():
    """Bytes of the block that is open, as its copy in memory has it; 0 where there is none yet."""
    try:
        return COPY.stat().st_size
    except OSError:
        return 0


def idle_window(device, peers, seconds):
    """CPU of everybody and flash writes of ours over the same time, minute by minute."""
    began_written = settled(device.block)
    began = time.monotonic()
    before, before_peers = device.cpu_ms(), [peer.cpu_ms() for peer in peers]
    minutes, last, copies = [], before, [copied()]
    while time.monotonic() < began + seconds:
        end = began + (len(minutes) + 1) * 60
        time.sleep(max(0, end - time.monotonic()))
        now = device.cpu_ms()
        minutes.append(max(now[0] - last[0], now[1] - last[1]))
        last = now
        copies.append(copied())
        say(f"minute {len(minutes)}: {minutes[-1]:.2f} ms")
    after_peers = [peer.cpu_ms() for peer in peers]
    wall = time.monotonic() - began
    device.block.sync()
    return {
        "wall_s": wall, "minutes_ms": minutes, "copies": copies, "flash_bytes": device.block.written() - began_written,
        "schedstat_ms": last[0] - before[0], "cgroup_ms": last[1] - before[1],
        "peers_ms": {peer.name: now - then for peer, now, then in zip(peers, after_peers, before_peers)},
    }


class Highest:
    """The most memory that processes had, looked at every few milliseconds."""

    def __init__(self, pids):
        self.pids, self.kib, self.looks = pids, 0, 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.ending.wait(0.002):
            self.kib = max(self.kib, sum(map(devices.pss_kib, self.pids())))
            self.looks += 1

    def stop(self):
        self.ending.set()
        self.thread.join()


def sessions(device, times):
    """Memory idle and at its highest, and what a session of 40 probes writes."""
    first = door.Session(device.agent)
    first.push(door.catalogue(device.folder, door.PROBES))
    time.sleep(1)
    idle = sum(map(devices.pss_kib, device.own_processes(first.pid)))
    first.close()
    highest = with_readers = looks = answered = 0
    before = settled(device.block)
    for _ in range(times):
        session = door.Session(device.agent)
        pair = Highest(lambda: (device.pid, session.pid))
        everything = Highest(lambda: device.own_processes(session.pid))
        answered = session.run(door.PROBES)
        for sampler in (pair, everything):
            sampler.stop()
        highest, with_readers, looks = max(highest, pair.kib), max(with_readers, everything.kib), looks + pair.looks
        session.close()
    written = (settled(device.block) - before) / times
    return {
        "idle_kib": idle, "highest_kib": highest, "with_readers_kib": with_readers, "looks": looks, "answered": answered,
        "session_flash_bytes": round(written),
    }


def sealed(device):
    """What the end of the open block writes, and how large the block was."""
    session = door.Session(device.agent)
    block = session.telemetry()[-1][1]
    session.close()
    ticks, values = door.values_of(block)
    before = settled(device.block)
    device.stop()
    return {"bytes": settled(device.block) - before, "block_bytes": len(block), "ticks": ticks, "values": values}


def slots(size):
    return -(-(size + RECORD_HEAD) // SLOT) * SLOT


def flash(idle, seal):
    """Bytes a day: idle writes scaled, and 24 seals of a block of an hour.

    How such a block grows is told by copies of the open one. The first has one tick, before mounts and sensors had answered, and says little.
    """
    copies = [(1 + minute * 60 // INTERVAL, size - RECORD_HEAD) for minute, size in enumerate(idle["copies"]) if minute and size]
    earlier = copies[len(copies) // 2]
    per_tick = (seal["block_bytes"] - earlier[1]) / (seal["ticks"] - earlier[0])
    full = seal["block_bytes"] + per_tick * max(0, SEAL_INTERVAL // INTERVAL - seal["ticks"])
    around = seal["bytes"] - slots(seal["block_bytes"])
    each = around + slots(round(full))
    idle_day = idle["flash_bytes"] / idle["wall_s"] * DAY
    return {
        "day": round(idle_day + each * DAY / SEAL_INTERVAL), "idle_day": round(idle_day), "seal": each, "around_seal": around,
        "full_block_bytes": round(full), "bytes_per_tick": round(per_tick, 1),
    }


def bench(tools, device):
    say("starting the agent")
    before = settled(device.block)
    door.catalogue(device.folder, door.PROBES)
    device.start()
    started = time.monotonic()
    ring = settled(device.block) - before
    say("starting the others")
    peers, asking, traffic = [], None, Traffic()
    try:
        peers = agent_peers.start(device.folder)
        asking = agent_peers.Asking()
        # Everybody has begun, and the minute's turn of ours lies in the middle of each minute that is measured.
        time.sleep(max(0, started + 30 - SETTLE - time.monotonic()))
        for peer in peers:
            peer.check()
        idle = idle_window(device, peers, 60 if tools.quick else 600)
        figures = {peer.name: {**peer.figures(), "values": asking.counts.get(peer.name)} for peer in peers}
        own = {"threads": devices.threads(device.pid), "descriptors": devices.descriptors(device.pid)}
    finally:
        traffic.stop()
        if asking:
            asking.stop()
        for peer in peers:
            peer.stop()
    for name, figure in figures.items():
        figure["cpu_percent"] = percent(idle["peers_ms"][name], idle)
    say("sessions of 40 probes")
    memory = sessions(device, 2 if tools.quick else 5)
    seal = sealed(device)
    per_day = flash(idle, seal)
    result = {
        "size_bytes": {arch: os.path.getsize(path) for arch, path in (item.split("=") for item in tools.agent)},
        "pss_kib": memory["highest_kib"], "pss_idle_kib": memory["idle_kib"],
        "cpu_percent": percent(max(idle["schedstat_ms"], idle["cgroup_ms"]), idle),
        "flash_bytes_day": per_day["day"], "peers": figures,
        "values": seal["values"], "threads": own["threads"], "descriptors": own["descriptors"],
        "cpu": {
            "window_s": round(idle["wall_s"], 1), "schedstat_percent": percent(idle["schedstat_ms"], idle),
            "cgroup_percent": percent(idle["cgroup_ms"], idle),
            "minutes_percent": [round(minute / 600, 5) for minute in idle["minutes_ms"]],
        },
        "memory": memory, "flash": {**per_day, "ring_creation": ring, "sealed": seal},
    }
    result["limits"] = limits(result)
    return result


def percent(milliseconds, idle):
    return round(milliseconds / idle["wall_s"] / 10, 5)


def limits(result):
    peers = result["peers"].values()
    largest = max(result["size_bytes"].values())
    return {
        "size": largest <= LIMITS["size_bytes"], "memory": result["pss_kib"] <= LIMITS["pss_kib"],
        "cpu": result["cpu_percent"] <= LIMITS["cpu_percent"], "flash": result["flash_bytes_day"] <= LIMITS["flash_bytes_day"],
        "values": result["values"] >= LIMITS["values"], "less_memory_than_peers": all(result["pss_kib"] < peer["pss_kib"] for peer in peers),
        "smaller_than_peers": all(largest < peer["size_bytes"] + peer["libs_bytes"] for peer in peers),
    }


def report(result, as_json):
    out = sys.stderr if as_json else sys.stdout
    cpu, memory, written = result["cpu"], result["memory"], result["flash"]
    print(f"\nevery {INTERVAL} s over {cpu['window_s']:.0f} s, all at the same time; CPU in percent of one core", file=out)
    print(f"{'agent':14} {'PSS KiB':>8} {'CPU %':>8} {'program':>11} {'libraries':>11} {'threads':>8} {'files':>6}", file=out)
    program = result["size_bytes"].get("x86_64", 0)
    row = "{:14} {:8} {:8.4f} {:11,} {:11,} {:8} {:6}"
    print(row.format("rollcall", result["pss_kib"], result["cpu_percent"], program, 0, result["threads"], result["descriptors"]), file=out)
    for name, peer in result["peers"].items():
        figures = (peer[key] for key in ("pss_kib", "cpu_percent", "size_bytes", "libs_bytes", "threads", "descriptors"))
        print(row.format(name, *figures), file=out)
    sizes = ", ".join(f"{arch} {size:,}" for arch, size in result["size_bytes"].items())
    met = {name: "met" if is_met else "MISSED" for name, is_met in result["limits"].items()}
    print(f"""
size     {sizes}; at most {LIMITS['size_bytes']:,} each: {met['size']}
memory   run and one serve: {memory['idle_kib']} KiB idle; at most {memory['highest_kib']} in sessions of {len(door.PROBES)} probes ({memory['answered']} answered), in
         {memory['looks']} looks; at most {LIMITS['pss_kib']}: {met['memory']}; with the children that it forks, for the moment before each is a program
         or has read its files, {memory['with_readers_kib']}
CPU      {cpu['schedstat_percent']} % by schedstat and reaped children, {cpu['cgroup_percent']} % by the control group, the median minute
         {statistics.median(cpu['minutes_percent']):.4f} %; at most {LIMITS['cpu_percent']}: {met['cpu']}
flash    {result['flash_bytes_day']:,} bytes a day; at most {LIMITS['flash_bytes_day']:,}: {met['flash']}
         scaled: {written['idle_day']:,} idle, and {DAY // SEAL_INTERVAL} times {written['seal']:,}, a block of {written['full_block_bytes']:,} with what ext4 writes around it;
         one of {written['sealed']['ticks']} ticks was sealed by SIGTERM ({written['sealed']['bytes']:,} bytes), and grows by {written['bytes_per_tick']} bytes a tick
         {result['values']} values at each tick; at least {LIMITS['values']}: {met['values']}
         apart from that: {written['ring_creation']:,} once, {memory['session_flash_bytes']:,} for the ledger of a session of {len(door.PROBES)} probes
peers    less memory than each: {met['less_memory_than_peers']}; smaller than each with its libraries: {met['smaller_than_peers']}
         (a share of memory is the smaller the more other programs of this machine use the same libraries; ours has none to share)""", file=out)
    if as_json:
        print(json.dumps(result))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", action="append", required=True, help="ARCHITECTURE=FILE; the first is run")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten")
    tools = parser.parse_args()
    # However it ends, what it started ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    device = devices.Device(tools.agent[0].split("=", 1)[1])
    try:
        result = bench(tools, device)
    finally:
        device.remove()
    report(result, tools.json)


main()
