"""scripts/bench diagnose: a full diagnosis of a lab device, beside the same questions asked over ssh.

Peers ask what the library's observing probes ask, program for program and file for file:

    shell checks      one ssh session that runs them in a shell and brings their output, as a fleet's own diagnostics script does
    collected         the same, put into files, packed by tar and gzip and fetched, as sos report does

For each: wall time on the desk, CPU time of everything on the device, bytes on the link both ways at the IP layer. Medians.
"""
import argparse, json, os, pathlib, shlex, shutil, sqlite3, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Lab"))
import yaml
from labdesk import LAB, REPOSITORY, Desk, run


class DeviceMeter:
    """CPU time of all of a device's processes, those that have ended too, and bytes through its port."""

    def __init__(self, name):
        status = json.loads(run([LAB, "status", "--json"]).stdout)
        self.leader = next(device["pid"] for device in status if device["name"] == name)
        self.group = pathlib.Path("/sys/fs/cgroup/cpuacct") / f"rollcall-bench-{os.getpid()}"
        self.isOld = self.group.parent.is_dir()
        if self.isOld:
            self.group.mkdir()
            space = os.readlink(f"/proc/{self.leader}/ns/pid")
            for process in pathlib.Path("/proc").iterdir():
                try:
                    if process.name.isdigit() and os.readlink(process / "ns/pid") == space:
                        (self.group / "cgroup.procs").write_text(process.name)
                except OSError:
                    continue
        else:
            line = pathlib.Path(f"/proc/{self.leader}/cgroup").read_text().splitlines()[-1]
            self.group = pathlib.Path("/sys/fs/cgroup") / line.split(":")[2].strip("/").split("/")[0]

    def cpu_s(self):
        if self.isOld:
            return int((self.group / "cpuacct.usage").read_text()) / 1e9
        return int((self.group / "cpu.stat").read_text().split()[1]) / 1e6

    def link_bytes(self):
        """Both ways, without the 14 bytes of each Ethernet head."""
        lines = pathlib.Path(f"/proc/{self.leader}/net/dev").read_text().splitlines()
        words = next(line for line in lines if line.strip().startswith("eth0:")).split(":")[1].split()
        return int(words[0]) + int(words[8]) - 14 * (int(words[1]) + int(words[9]))

    def close(self):
        if self.isOld:
            for process in (self.group / "cgroup.procs").read_text().split():
                try:
                    (self.group.parent / "cgroup.procs").write_text(process)
                except OSError:
                    continue
            self.group.rmdir()


def questions(folder):
    """A line of shell for each observing probe without parameters."""
    lines = []
    for path in sorted(pathlib.Path(folder).glob("**/probe.yaml")):
        probe = yaml.safe_load(path.read_text())
        if probe.get("impact") != "observe" or probe.get("parameters") or probe.get("diagnosis") is False:
            continue
        if "run" in probe:
            lines.append(shlex.join(str(word) for word in probe["run"]))
        elif probe["read"] == "statfs":
            lines.append("df -k; df -i")
        elif probe["read"] == "clock":
            lines.append("date +%s; cat /proc/uptime; timedatectl show")
        elif "resolve" in probe["read"]:
            lines += [f"getent ahosts {shlex.quote(name)}" for name in probe["read"]["resolve"]]
        elif "connect" in probe["read"]:
            for target in probe["read"]["connect"]:
                host, _, port = target.rpartition(":")
                if host:
                    lines.append(f"timeout 3 bash -c '< /dev/tcp/{host.strip('[]')}/{port}'; echo $?")
        elif "stat" in probe["read"]:
            lines.append("stat -c '%n %f %u %g %s %h %Y %d' " + " ".join(probe["read"]["stat"]))
        else:
            # Each file by its name, as a person would want to read it.
            lines.append("tail -n +1 " + " ".join(probe["read"]["files"]))
    return lines


def measure(meter, work, rounds):
    rows = []
    for _ in range(rounds):
        time.sleep(1)
        cpu, link, began = meter.cpu_s(), meter.link_bytes(), time.monotonic()
        work()
        wall = time.monotonic() - began
        # What the device does after the answer, such as closing the session, is its cost too.
        time.sleep(0.3)
        rows.append((wall, meter.cpu_s() - cpu, meter.link_bytes() - link))
    wall, cpu, link = (statistics.median(column) for column in zip(*rows))
    return {"wall_s": round(wall, 3), "device_cpu_s": round(cpu, 3), "link_bytes": int(link)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rollcall", required=True)
    parser.add_argument("--judge", required=True, help="diagnosis-bench")
    parser.add_argument("--probes", default=str(REPOSITORY / "probes"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds = 3 if options.quick else 9
    name, folder = f"bench-{os.getpid()}", tempfile.mkdtemp(prefix="rollcall-bench.")
    meter = None
    try:
        run([LAB, "up", name])
        desk = Desk(folder, options.rollcall, options.probes)
        desk.enrol(name)
        config = run([LAB, "ssh-config"]).stdout.strip()
        lines = questions(options.probes)
        script = "\n".join(lines) + "\n"
        packed = "mkdir -p /tmp/collected && cd /tmp/collected\n" + "".join(f"{{ {line}; }} > {n} 2>&1\n" for n, line in enumerate(lines))
        packed += "tar -C /tmp -czf - collected; rm -rf /tmp/collected\n"
        ssh = [LAB, "exec", "--", "ssh", "-F", config, name, "sh", "-s"]

        def over_ssh(text):
            done = subprocess.run([str(word) for word in ssh], input=text.encode(), capture_output=True, timeout=120)
            if not done.stdout:
                raise RuntimeError(f"ssh said nothing: {done.stderr[-200:]}")

        # The first takes what a device does once: catalogues are read, caches filled.
        verdict, _ = desk.diagnose(name)
        over_ssh(script)
        meter = DeviceMeter(name)
        result = {"probes": len(lines), "rules_judged": len(verdict["judged"]), "findings": sorted(c["finding"]["id"] for c in verdict["causes"])}
        result["rollcall"] = measure(meter, lambda: desk.diagnose(name), rounds)
        result["shell_checks"] = measure(meter, lambda: over_ssh(script), rounds)
        result["collected"] = measure(meter, lambda: over_ssh(packed), rounds)
        for peer in ("shell_checks", "collected"):
            result[f"ratio_to_{peer}"] = {key: round(result["rollcall"][key] / result[peer][key], 2) for key in result["rollcall"]}
        store = sqlite3.connect(pathlib.Path(folder, "data", "rollcall.db"))
        answers = pathlib.Path(folder, "answers")
        answers.write_bytes(store.execute("SELECT encoded FROM answers WHERE kind = 'last'").fetchone()[0])
        result["judged"] = json.loads(run([options.judge, options.probes, answers, "5" if options.quick else "51"]).stdout)
    finally:
        if meter:
            meter.close()
        run([LAB, "down", name], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    result["held"] = {
        "device_cpu_s": result["rollcall"]["device_cpu_s"] <= 1, "wall_s": result["rollcall"]["wall_s"] <= 2,
        "link_bytes": result["rollcall"]["link_bytes"] <= 65_536, "rules_ms": result["judged"]["rules_ms"] <= 20,
    }
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['probes']} probes, {result['rules_judged']} rules judged on a lab device; medians of {rounds}")
    for peer in ("rollcall", "shell_checks", "collected"):
        row = result[peer]
        print(f"{peer:14} {row['wall_s']:7.2f} s wall {row['device_cpu_s']:7.2f} s CPU on the device {row['link_bytes']:9,} bytes on the link")
    judged = result["judged"]
    print(f"judged on the desk: facts {judged['facts_ms']:.1f} ms, rules {judged['rules_ms']:.1f} ms")
    print("held: " + ", ".join(f"{key} {'yes' if held else 'NO'}" for key, held in result["held"].items()))


main()
