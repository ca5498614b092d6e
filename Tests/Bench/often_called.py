"""agent/order: which functions of the agent a device calls from day to day, in order of their first call.

Runs inside a network and a mount namespace of its own. Breakpoints on every function (called.c) tell: while the agent starts, samples, and
answers sessions of 40 cheap probes, and while it answers a full diagnosis of this machine.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

import controller
import device as devices


def functions(program):
    """{address: names}."""
    found = {}
    for line in subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in "tTwW":
            found.setdefault(int(words[0], 16), []).append(words[2])
    return found


def main():
    parser = argparse.ArgumentParser()
    for name in ("agent", "symbols", "called", "rollcall"):
        parser.add_argument(f"--{name}", required=True)
    tools = parser.parse_args()
    names = functions(tools.symbols)
    start = next(address for address, at in names.items() if "main" in at)
    device = devices.Device(tools.agent)
    try:
        addresses = device.folder / "addresses"
        addresses.write_text("".join(f"{address:x}\n" for address in sorted(names)))
        traced = device.folder / "traced"
        traced.write_text(f'#!/bin/sh\nexec {tools.called} {addresses} {start:x} {device.folder}/called.$1.$$ {device.agent} "$@"\n')
        traced.chmod(0o755)
        device.agent = str(traced)
        catalogue = controller.catalogue(device.folder, controller.PROBES)
        device.start()
        for turn in range(3):
            session = controller.Session(device.agent)
            if turn == 0:
                session.push(catalogue)
            answered = session.run(controller.PROBES)
            session.telemetry()
            session.close()
            if answered != len(controller.PROBES):
                sys.exit(f"order: only {answered} of {len(controller.PROBES)} probes answered")
        # Two turns of what is done once a minute.
        time.sleep(130)
        environment = {"PATH": os.environ["PATH"], "HOME": str(device.folder), "ROLLCALL_AGENT": str(traced)}
        here = subprocess.run([tools.rollcall, "diagnose", "--here", "--json"], env=environment, stdout=subprocess.DEVNULL)
        if here.returncode > 3:
            sys.exit("order: this machine could not be diagnosed")
        device.stop()
        seen = {}
        for part in ("run", "serve"):
            traces = sorted(device.folder.glob(f"called.{part}.*"))
            if not traces:
                sys.exit(f"order: {part} was not followed")
            for trace in traces:
                seen.update(dict.fromkeys(int(line, 16) for line in trace.read_text().split()))
    finally:
        device.remove()
    # Pieces that functions have in common, and those without a name, have numbers, which mean nothing to the next build.
    for address in seen:
        for name in sorted(names[address]):
            if not name.startswith(("OUTLINED_FUNCTION_", "unnamed.")):
                print(name)


main()
