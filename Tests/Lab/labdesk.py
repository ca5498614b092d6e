"""A desk for lab devices: what scripts/lab score and scripts/bench diagnose share."""
import json, os, pathlib, subprocess, time

TESTS = pathlib.Path(__file__).resolve().parent
REPOSITORY = TESTS.parent.parent
LAB = REPOSITORY / "scripts" / "lab"


def run(words, *, environment=None, limit=180, check=True):
    result = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, errors="replace", timeout=limit, env=environment, stdin=subprocess.DEVNULL)
    if check and result.returncode != 0:
        said = (result.stderr or result.stdout).strip().splitlines()
        raise RuntimeError(f"{' '.join(str(word) for word in words[:6])}: {said[-1] if said else f'exit {result.returncode}'}")
    return result


class Desk:
    """A store, an operator, one reviewer, and a catalogue of the shipped probes."""

    def __init__(self, folder, program, probes):
        self.folder, self.program = pathlib.Path(folder), program
        self.environment = dict(
            os.environ, HOME=str(folder), XDG_CONFIG_HOME=str(folder), XDG_DATA_HOME=str(folder), ROLLCALL_DATA=f"{folder}/data",
            ROLLCALL_OPERATOR="alice", ROLLCALL_IDENTITY=f"{folder}/alice", SSH_AUTH_SOCK="", NO_COLOR="1")
        for name in ("alice", "anna"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", f"{folder}/{name}"])
        (self.folder / "trust").write_text("threshold 1\n" + (self.folder / "anna.pub").read_text())
        out = f"{folder}/data/catalogue"
        self.rollcall("probes", "pack", probes, "--out", out, "--version", "1", "--days", "30")
        self.rollcall("probes", "sign", out, "--key", f"{folder}/anna")

    def rollcall(self, *words, check=True):
        return run([LAB, "exec", "--", self.program, *words], environment=self.environment, check=check)

    def enrol(self, name):
        address = run([LAB, "address", name]).stdout.strip()
        scanned = run([LAB, "exec", "--", "ssh-keyscan", "-t", "ed25519", address]).stdout
        key = self.folder / f"{name}.key"
        key.write_text(scanned)
        fingerprint = run(["ssh-keygen", "-l", "-f", key]).stdout.split()[1]
        self.rollcall("device", "add", name, "--host", address, "--site", "lab", "--model", "bench")
        self.rollcall(
            "device", "enroll", name, "--root-identity", run([LAB, "ssh-key"]).stdout.strip(), "--host-key", fingerprint, "--trust",
            self.folder / "trust", "--yes")

    def diagnose(self, name):
        """The verdict, and how long it took in seconds."""
        began = time.monotonic()
        result = self.rollcall("diagnose", name, "--json", check=False)
        try:
            return json.loads(result.stdout)["verdict"], time.monotonic() - began
        except (ValueError, KeyError):
            raise RuntimeError(f"diagnose {name}: {result.stderr.strip() or result.returncode}") from None
