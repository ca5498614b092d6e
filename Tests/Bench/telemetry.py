"""scripts/bench telemetry: bytes a value takes on the device's disk, and values decoded a second, beside sysstat's files."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

RECORDING = os.path.join(os.path.dirname(__file__), "recordings", "busy-day.blocks")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--telemetry", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one run of each, 5 samples of sadc")
    tools, _ = parser.parse_known_args()
    runs = [ours(tools.telemetry) for _ in range(1 if tools.quick else 3)]
    every, tenth, _ = runs[0]
    result = {
        "bytes_per_value": round(every["bytes"] / every["values"], 3),
        "values_per_second": round(statistics.median(run[2] for run in runs)),
        "samples": every["samples"], "metrics": every["metrics"],
        "every_tenth": {"bytes_per_value": round(tenth["bytes"] / tenth["values"], 3), "samples": tenth["samples"]},
        "sysstat": sysstat(5 if tools.quick else 30),
    }
    result["ratio"] = {"bytes_per_value": round(result["bytes_per_value"] / result["sysstat"]["bytes_per_value"], 3)}
    out = sys.stderr if tools.json else sys.stdout
    print(f"{every['samples']} recorded samples of {every['metrics']} metrics at least", file=out)
    print(f"{'':10} {'bytes/value':>12} {'million values/s':>17}", file=out)
    print(f"{'rollcall':10} {result['bytes_per_value']:12.3f} {result['values_per_second'] / 1e6:17.1f}", file=out)
    print(f"{'  a tenth':10} {result['every_tenth']['bytes_per_value']:12.3f}    (every tenth sample: steps of ten times the time)", file=out)
    peer = result["sysstat"]
    print(f"{'sysstat':10} {peer['bytes_per_value']:12.3f} {peer['values_per_second'] / 1e6:17.1f}    ({peer['version']})", file=out)
    if tools.json:
        print(json.dumps(result))


def ours(program):
    lines = subprocess.run([program, RECORDING], check=True, capture_output=True, text=True).stdout.splitlines()
    sizes = [dict(zip(("values", "bytes", "samples", "metrics"), map(int, line.split()[1:]))) for line in lines[:2]]
    _, count, seconds = lines[2].split()
    return sizes[0], sizes[1], int(count) / float(seconds)


def sysstat(count):
    """The file of sadc with what it takes in by default and disks, one sample a second; a value is a number that sadf gives of it."""
    sadc = next(path for path in ("/usr/lib/sysstat/sadc", "/usr/lib64/sa/sadc") if os.path.exists(path))
    with tempfile.TemporaryDirectory() as folder:
        file = folder + "/sa"
        print(f"sadc: {count + 1} samples", file=sys.stderr, flush=True)
        subprocess.run([sadc, "-S", "DISK", "1", str(count + 1), file], check=True, stdout=subprocess.DEVNULL)
        head = folder + "/head"
        subprocess.run([sadc, "-S", "DISK", "1", "1", head], check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        text = subprocess.run(["sadf", "-j", file, "--", "-A"], check=True, capture_output=True, text=True).stdout
        seconds = time.monotonic() - began
        hosts = json.loads(text)["sysstat"]["hosts"]
        values = sum(numbers(sample) for host in hosts for sample in host["statistics"])
        version = subprocess.run(["sadf", "-V"], capture_output=True, text=True)
        # What the first sample takes with the file's head is not counted: only what each further one adds.
        size = os.path.getsize(file) - os.path.getsize(head)
        return {
            "bytes_per_value": round(size / values, 3), "values_per_second": round(values / seconds),
            "version": (version.stdout + version.stderr).splitlines()[0],
        }


def numbers(value):
    if isinstance(value, dict):
        return sum(numbers(item) for item in value.values())
    if isinstance(value, list):
        return sum(numbers(item) for item in value)
    return int(isinstance(value, (int, float)) and not isinstance(value, bool))


main()
