"""scripts/soak agent: an agent for hours, on a device on which everything that can go wrong around it does, over and over.

A minute is the unit. In every second period nobody calls; the disk of its state is filled and freed; sessions ask 40 probes as fast as they
are answered; mounts and interfaces come and go. Memory, descriptors, children and sizes of files must be as they were: the medians of the
first and the last quarter are compared.
"""
import argparse
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "Bench"))
import device as devices  # noqa: E402
import door  # noqa: E402

# What a median may grow by, as a share and in its own unit: memory moves by what pages happen to be touched, and the open block in /run by
# how far the half hour is.
LIMITS = {
    "pss_kib": (0.10, 32), "descriptors": (0, 1), "children": (0, 0), "state_bytes": (0, 0), "run_bytes": (0.25, 16_384),
}
# What the ledger's files may take together: 1 MiB before the oldest half becomes a gap, twice that while the disk is full, and the names.
LEDGER, LEDGER_LIMIT = ("ledger", "people"), (2 << 20) + (128 << 10)
SESSIONS, MOUNTS = 4, 20


def say(line):
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


class Disk:
    """The file system that holds the agent's state, filled up to the last block and freed again."""

    def __init__(self):
        self.filler = devices.STATE / "filler"
        self.is_full = False

    def fill(self):
        with open(self.filler, "ab") as file:
            try:
                while True:
                    file.write(b"x" * 65_536)
                    file.flush()
            except OSError:
                pass
        self.is_full = True

    def free(self):
        self.filler.unlink(missing_ok=True)
        self.is_full = False


class Surroundings:
    """Mounts and interfaces that come and go."""

    def __init__(self, folder):
        self.folder, self.turn, self.is_there = folder, 0, False

    def change(self):
        (self.leave if self.is_there else self.come)()

    def come(self):
        self.turn += 1
        for number in range(MOUNTS):
            place = self.folder / f"mount-{self.turn % 7}-{number}"
            place.mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "soak", place], check=True)
        ends = f"lan{self.turn % 50}", f"far{self.turn % 50}"
        subprocess.run(["ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1]], check=True)
        for end in ends:
            subprocess.run(["ip", "link", "set", end, "up"], check=True)
        self.is_there = True

    def leave(self):
        for number in range(MOUNTS):
            subprocess.run(["umount", self.folder / f"mount-{self.turn % 7}-{number}"], check=True)
        subprocess.run(["ip", "link", "del", f"lan{self.turn % 50}"], check=True)
        self.is_there = False


def size_of(folder, *without):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file() and path.name not in without)


def look(device):
    """How things are while nobody calls."""
    return {
        "pss_kib": devices.pss_kib(device.pid), "descriptors": devices.descriptors(device.pid),
        "children": len(devices.children(device.pid)),
        # The ledger grows until it is full, and then it must not.
        "state_bytes": size_of(devices.STATE, "filler", *LEDGER), "ledger_bytes": sum(
            (devices.STATE / name).stat().st_size for name in LEDGER if (devices.STATE / name).exists()),
        "run_bytes": size_of("/run/rollcall"),
    }



class Calls:
    """Sessions that ask everything as fast as it is answered."""

    def __init__(self, device):
        self.device, self.sessions, self.answered, self.asked, self.failed = device, 0, 0, 0, 0

    def until(self, end):
        while time.monotonic() < end:
            sessions = []
            try:
                sessions = [door.Session(self.device.agent) for _ in range(SESSIONS)]
                for session in sessions:
                    numbers = [{0: door.RUN, 1: session.next_number(), 2: probe} for probe in door.PROBES]
                    session.send(*numbers)
                for session in sessions:
                    answers = session.answers(range(1, len(door.PROBES) + 1))
                    self.asked += len(answers)
                    self.answered += sum(1 for message, _ in answers.values() if is_good(message))
                self.sessions += len(sessions)
            except (RuntimeError, OSError):
                # On a full disk a session may be refused; the agent must only go on.
                self.failed += 1
                time.sleep(0.2)
            finally:
                for session in sessions:
                    session.close()


def is_good(message):
    return message[0] == door.DONE and message[2] == 0 and message[3] == 0


def soak(device, seconds):
    """Goes on until the time is over; a list of looks, oldest first."""
    device.start()
    first = door.Session(device.agent)
    first.push(door.catalogue(device.folder, door.PROBES))
    first.close()
    period = max(6, min(60, seconds / 60))
    disk, around, calls, looks = Disk(), Surroundings(device.folder), Calls(device), []
    end, turn = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        # Away, and calling; the disk full in two periods of five, and the surroundings change in every third.
        if turn % 5 == 2:
            disk.fill()
        elif turn % 5 == 4:
            disk.free()
        if turn % 3 == 0:
            around.change()
        period_end = time.monotonic() + period
        if turn % 2:
            calls.until(period_end - 2)
        time.sleep(max(0, period_end - time.monotonic()))
        if device.process.poll() is not None:
            raise RuntimeError(f"the agent ended with status {device.process.returncode}")
        # A survey of mounts may be under way just then.
        seen = [look(device)]
        while seen[-1]["children"] and len(seen) < 20:
            time.sleep(0.1)
            seen.append(look(device))
        looks.append(seen[-1])
        turn += 1
        if turn % 10 == 0:
            say(f"{turn} periods, {calls.sessions} sessions, {calls.answered} of {calls.asked} answers: {looks[-1]}")
    return looks, calls, period


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", required=True)
    parser.add_argument("--hours", type=float, required=True)
    tools = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # So small that the ring fits, and filling it does not take long.
    device = devices.Device(tools.agent, state_size=24 << 20)
    try:
        looks, calls, period = soak(device, tools.hours * 3_600)
        device.stop()
    finally:
        device.remove()
    sys.exit(0 if report(looks, calls, period) else 1)


def report(looks, calls, period):
    """Prints the medians of the first and the last quarter; whether nothing has grown."""
    quarter = max(1, len(looks) // 4)
    print(f"\n{len(looks)} periods of {period:.0f} s, {calls.sessions} sessions, {calls.answered} of {calls.asked} probes answered well,"
          f" {calls.failed} rounds refused")
    print(f"{'':14} {'first quarter':>14} {'last quarter':>14} {'highest':>12}")
    is_flat = len(looks) >= 8 and calls.answered > 0
    for name in looks[0]:
        first, last = (statistics.median(look[name] for look in part) for part in (looks[:quarter], looks[-quarter:]))
        verdict = ""
        if name in LIMITS:
            share, absolute = LIMITS[name]
            grew = last > first + max(first * share, absolute)
            verdict = "GREW" if grew else "flat"
            is_flat = is_flat and not grew
        elif name == "ledger_bytes":
            is_bounded = max(look[name] for look in looks) <= LEDGER_LIMIT
            verdict = "bounded" if is_bounded else "UNBOUNDED"
            is_flat = is_flat and is_bounded
        print(f"{name:14} {first:14,.0f} {last:14,.0f} {max(look[name] for look in looks):12,} {verdict}")
    print("flat" if is_flat else "not flat")
    return is_flat


main()
