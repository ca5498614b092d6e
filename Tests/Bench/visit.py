"""scripts/bench visit: what a visit to a device costs its client, beside others, in one run."""
import argparse
import json
import statistics
import sys

from clients import COMMAND, clients
from server import KEX, PORT, Server, measure


def addresses(count):
    return [f"127.1.{1 + index // 250}.{1 + index % 250}" for index in range(count)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--visit", required=True)
    parser.add_argument("--c", required=True)
    parser.add_argument("--linkdelay", help="not wanted here")
    parser.add_argument("--python", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="200 addresses, one run each, no crowd")
    parser.add_argument("--only", help="comma-separated clients; or: crowd")
    tools = parser.parse_args()
    count, runs, at_once = (200, 1, 64) if tools.quick else (1000, 3, 64)
    server = Server()
    try:
        if tools.only == "crowd":
            print(json.dumps({"crowd": crowd(server, tools)}))
            return
        result = bench(server, tools, count, runs, at_once)
        if not tools.quick and not tools.only:
            result["crowd"] = crowd(server, tools)
    finally:
        server.stop()
    report(result, count, runs, at_once, as_json=tools.json)


def bench(server, tools, count, runs, at_once):
    argv = clients(server, tools, at_once, addresses(count))
    names = tools.only.split(",") if tools.only else list(argv)
    samples = {name: [] for name in names}
    # In turn, so that a machine that slows down slows all of them down.
    for turn in range(runs):
        for name in names:
            print(f"{name} ({turn + 1} of {runs})", file=sys.stderr, flush=True)
            samples[name].append(measure(server, name, argv[name], addresses(count)))
    cpu = {name: statistics.median(run.cpu_ms for run in all_) / count for name, all_ in samples.items()}
    wall = {name: statistics.median(run.wall_s for run in all_) for name, all_ in samples.items()}
    answered = {name: min(run.answered for run in all_) for name, all_ in samples.items()}
    server_cpu = {name: statistics.median(run.server_cpu_ms for run in all_) / count for name, all_ in samples.items()}
    ratio = {name: cpu["rollcall"] / cpu[name] for name in names if name not in ("rollcall", "c_serial")}
    rounded = lambda figures, digits: {name: round(value, digits) for name, value in figures.items()}
    return {
        "cpu_ms": rounded(cpu, 3), "wall_s": rounded(wall, 2), "ratio": rounded(ratio, 3), "answered": answered,
        "server_cpu_ms": rounded(server_cpu, 2), "addresses": count,
    }


def crowd(server, tools):
    """5,000 addresses, 1,000 at once; and what a session costs in memory while it is open."""
    print("5,000 addresses, 1,000 at once", file=sys.stderr, flush=True)
    run = measure(server, "crowd", [tools.visit, server.user, PORT, server.key, server.host_key, 1000, COMMAND], addresses(5000))
    print("100 and 1,000 sessions held open", file=sys.stderr, flush=True)
    held = measure(server, "held", [tools.visit, server.user, PORT, server.key, server.host_key, "hold:100:1000", COMMAND], addresses(1000))
    figures = [line.split() for line in held.output.splitlines() if line.startswith("open ")]
    (few, few_pss), (many, many_pss) = [(int(words[1]), int(words[3])) for words in figures]
    return {
        "addresses": 5000, "answered": run.answered, "wall_s": round(run.wall_s, 2), "cpu_ms": round(run.cpu_ms / 5000, 3),
        "pss_kib_per_session": round((many_pss - few_pss) / (many - few), 1),
    }


def report(result, count, runs, at_once, as_json):
    out = sys.stderr if as_json else sys.stdout
    print(f"\n{count} addresses, {at_once} at once, medians of {runs}; {KEX}, CPU of the client alone", file=out)
    print(f"{'client':12} {'CPU ms/visit':>12} {'wall s':>8} {'ours/theirs':>12} {'answered':>9} {'sshd ms':>8}", file=out)
    for name, cpu in result["cpu_ms"].items():
        ratio = result["ratio"].get(name, "")
        print(
            f"{name:12} {cpu:12.3f} {result['wall_s'][name]:8.2f} {ratio:>12} {result['answered'][name]:9}"
            f" {result['server_cpu_ms'][name]:8.2f}", file=out)
    if crowd_ := result.get("crowd"):
        print(
            f"5,000 addresses, 1,000 at once: {crowd_['answered']} answered in {crowd_['wall_s']} s;"
            f" {crowd_['pss_kib_per_session']} KiB for each open session", file=out)
    if as_json:
        print(json.dumps(result))


main()
