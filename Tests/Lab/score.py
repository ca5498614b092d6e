"""Scores diagnoses: each fault alone, pairs of faults, and healthy devices that are busy.

For every scenario a device is booted and enrolled, broken as its folder says, and diagnosed by the built program, as a person would.

    first         the first cause of the verdict is one that the fault expects
    named         what the fault expects stands anywhere in the verdict; of a pair, both do
    false alarm   a finding of warning or critical on a healthy device
    healed        after healing none of the expected findings is left, and all were judged

A pair is `first` where its first cause is expected by one of the two. Faults are folders (docs/LAB.md); pairs stand in
Tests/Lab/pairs, what keeps a healthy device busy in Tests/Lab/busy.
"""
import argparse, concurrent.futures, json, os, pathlib, queue, shutil, subprocess, sys, tempfile

from labdesk import LAB, REPOSITORY, TESTS, Desk, run


def fail(sentence):
    sys.exit(f"scripts/lab score: {sentence}")


class Fault:
    def __init__(self, folder):
        self.name = folder.name
        expected = json.loads((folder / "expect.json").read_text())
        self.findings, self.causes = expected["findings"], expected["causes"]


def findings(verdict):
    return [finding for cause in verdict["causes"] for finding in [cause["finding"], *cause["symptoms"]]]


def ids(verdict):
    return {finding["id"] for finding in findings(verdict)}


def alarms(verdict):
    """Findings of warning or critical that stand as causes."""
    return [cause["finding"]["id"] for cause in verdict["causes"] if cause["finding"]["severity"] != "info"]


def score_faults(desk, device, faults):
    """Breaks a device by one fault or two, and says what the verdict makes of it."""
    row = {"name": "+".join(fault.name for fault in faults), "expected": [fault.causes for fault in faults]}
    for fault in faults:
        run([LAB, "inject", device, fault.name])
    verdict, row["seconds"] = desk.diagnose(device)
    row["causes"] = [cause["finding"]["id"] for cause in verdict["causes"]]
    row["symptoms"] = [symptom["id"] for cause in verdict["causes"] for symptom in cause["symptoms"]]
    row["unknowns"] = sorted({unknown["id"] for unknown in verdict["unknowns"]})
    wanted = [cause for fault in faults for cause in fault.causes]
    found = ids(verdict)
    alarm = [cause["finding"]["id"] for cause in verdict["causes"]]
    if wanted:
        row["first"] = bool(alarm) and alarm[0] in wanted
        row["named"] = all(set(fault.findings) <= found for fault in faults)
    else:
        # Nothing is wrong with the device, so nothing may be said.
        row["first"] = row["named"] = not alarms(verdict)
    row["others"] = sorted(set(alarms(verdict)) - {finding for fault in faults for finding in fault.findings})
    for fault in reversed(faults):
        run([LAB, "heal", device, fault.name])
    healed, _ = desk.diagnose(device)
    expected = {finding for fault in faults for finding in fault.findings}
    row["left"] = sorted(expected & ids(healed))
    row["unjudged"] = sorted(expected - set(healed["judged"]) - ids(healed))
    return row


def score_busy(desk, device, folder):
    row = {"name": folder.name}
    root = pathlib.Path("/run/busy")
    run([LAB, "sh", device, "mkdir", "-p", root])
    for script in ("start", "stop"):
        subprocess.run(
            [LAB, "sh", device, "tee", root / script], input=(folder / script).read_bytes(), stdout=subprocess.DEVNULL, check=True)
    run([LAB, "sh", device, "sh", root / "start"])
    try:
        verdict, row["seconds"] = desk.diagnose(device)
    finally:
        run([LAB, "sh", device, "sh", root / "stop"])
    row["alarms"] = [
        {"id": finding["id"], "engineer": finding["engineer"]} for finding in findings(verdict) if finding["severity"] != "info"]
    row["unknowns"] = sorted({f"{unknown['id']}: {unknown['reason']}" for unknown in verdict["unknowns"]})
    return row


def main():
    parser = argparse.ArgumentParser(prog="scripts/lab score", description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=pathlib.Path, default=TESTS / "faults", help="folder of faults (Tests/Lab/faults)")
    parser.add_argument("--probes", type=pathlib.Path, default=REPOSITORY / "probes", help="the library to judge by")
    parser.add_argument("--rollcall", default=os.environ.get("ROLLCALL", str(REPOSITORY / ".build/debug/rollcall")), help="the program")
    parser.add_argument("--only", help="names of faults, pairs (A+B) and busy devices, with commas between")
    parser.add_argument("--devices", type=int, default=2, help="devices at once")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0:
        fail("devices are booted by root; run it with sudo.")
    if not os.access(options.rollcall, os.X_OK):
        fail(f"there is no program at {options.rollcall}; build it with swift build --product rollcall, or say --rollcall.")
    options.faults = options.faults.resolve()
    os.environ["ROLLCALL_LAB_FAULTS"] = str(options.faults)
    try:
        faults = {folder.name: Fault(folder) for folder in sorted(options.faults.iterdir()) if (folder / "expect.json").is_file()}
    except (OSError, ValueError, KeyError) as error:
        fail(f"a fault under {options.faults} cannot be read: {error}.")
    if not faults:
        fail(f"there are no faults under {options.faults}.")
    isOwn = options.faults == TESTS / "faults"
    scenarios = [(name, [fault]) for name, fault in faults.items()]
    pairs = [line.split() for line in (TESTS / "pairs").read_text().splitlines() if line and not line.startswith("#")]
    scenarios += [("+".join(pair), [faults[name] for name in pair]) for pair in pairs if all(name in faults for name in pair)]
    busy = sorted(folder for folder in (TESTS / "busy").iterdir() if (folder / "start").is_file()) if isOwn else []
    if options.only:
        only = options.only.split(",")
        unknown = set(only) - {name for name, _ in scenarios} - {folder.name for folder in busy}
        if unknown:
            fail(f"there is no fault, pair or busy device {', '.join(sorted(unknown))}.")
        scenarios = [scenario for scenario in scenarios if scenario[0] in only]
        busy = [folder for folder in busy if folder.name in only]

    folder = tempfile.mkdtemp(prefix="rollcall-score.")
    numbers = queue.SimpleQueue()
    for number in range(10_000):
        numbers.put(number)
    rows, busyRows, broken = [], [], []

    def with_device(work):
        """Boots and enrols a device of its own for one scenario, and ends it."""
        device = f"sc-{os.getpid()}-{numbers.get()}"
        run([LAB, "up", device])
        try:
            desk.enrol(device)
            return work(device)
        finally:
            run([LAB, "down", device], check=False)

    def one(scenario):
        name, chosen = scenario
        try:
            return with_device(lambda device: score_faults(desk, device, chosen))
        except (RuntimeError, subprocess.SubprocessError) as error:
            return {"name": name, "broken": str(error)}

    def one_busy(folder):
        try:
            return with_device(lambda device: score_busy(desk, device, folder))
        except (RuntimeError, subprocess.SubprocessError) as error:
            return {"name": folder.name, "broken": str(error)}

    # A device holds the desk's network for as long as the desk lives.
    holder = f"sc-{os.getpid()}-h"
    try:
        run([LAB, "up", holder])
        desk = Desk(folder, options.rollcall, options.probes)
        with concurrent.futures.ThreadPoolExecutor(options.devices) as pool:
            for row in pool.map(one, scenarios):
                (broken if "broken" in row else rows).append(row)
                if not options.json:
                    show(row)
        # One at a time: what keeps a device busy keeps the machine busy.
        for row in map(one_busy, busy):
            (broken if "broken" in row else busyRows).append(row)
            if not options.json:
                show(row)
    finally:
        run([LAB, "down", holder], check=False)
        shutil.rmtree(folder, ignore_errors=True)

    result = {
        "first": share(row["first"] for row in rows), "named": share(row["named"] for row in rows),
        "missed": [row["name"] for row in rows if not row["named"]], "not_first": [row["name"] for row in rows if not row["first"]],
        "false_alarms": sum(len(row["alarms"]) for row in busyRows), "not_healed": [row["name"] for row in rows if row["left"]],
        "faults": sum("+" not in row["name"] for row in rows), "pairs": sum("+" in row["name"] for row in rows), "healthy": len(busyRows),
        "broken": broken, "rows": rows, "busy": busyRows,
    }
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        print(
            f"\n{result['faults']} faults, {result['pairs']} pairs, {result['healthy']} healthy devices: first {result['first']}, "
            f"named {result['named']}, {result['false_alarms']} false alarms")
        for title, names in [("missed", result["missed"]), ("not first", result["not_first"]), ("not healed", result["not_healed"])]:
            if names:
                print(f"{title}: {', '.join(names)}")
    sys.exit(1 if broken else 0)


def share(values):
    values = list(values)
    return round(sum(values) / len(values), 3) if values else None


def show(row):
    if "broken" in row:
        print(f"{'BROKEN':10} {row['name']}: {row['broken']}", flush=True)
    elif "alarms" in row:
        print(f"{'alarm' if row['alarms'] else 'quiet':10} {row['name']}  {', '.join(alarm['id'] for alarm in row['alarms'])}", flush=True)
    else:
        word = "first" if row["first"] and row["named"] else "named" if row["named"] else "missed"
        print(f"{word:10} {row['name']}: {', '.join(row['causes']) or 'nothing'}" + (f"  not healed: {row['left']}" if row["left"] else ""), flush=True)


if __name__ == "__main__":
    main()
