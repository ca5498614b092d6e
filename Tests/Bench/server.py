"""One real sshd for the benches: a plain user, one cipher, one MAC, one key exchange and one host key, so that all clients do the same.

Runs inside a network and a mount namespace of its own (scripts/bench makes them), so that nothing on the machine changes.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

PORT = 2200
KEX, CIPHER, MAC = "curve25519-sha256", "aes128-ctr", "hmac-sha2-256"
SSH_OPTIONS = [
    "-F", "none", "-p", str(PORT), "-o", f"KexAlgorithms={KEX}", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
    "-o", "PreferredAuthentications=publickey", "-o", "IdentitiesOnly=yes",
]


class Cgroup:
    """A control group that counts the CPU time of what runs in it; version 1 or 2, whichever this machine has."""

    def __init__(self, name):
        legacy = pathlib.Path("/sys/fs/cgroup/cpuacct")
        self.is_legacy = legacy.is_dir()
        self.path = (legacy if self.is_legacy else pathlib.Path("/sys/fs/cgroup")) / f"rollcall-bench-{os.getpid()}-{name}"
        self.path.mkdir()

    def join(self):
        (self.path / "cgroup.procs").write_text("0")

    def cpu_ms(self):
        if self.is_legacy:
            return int((self.path / "cpuacct.usage").read_text()) / 1e6
        for line in (self.path / "cpu.stat").read_text().splitlines():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) / 1e3
        raise RuntimeError("cpu.stat has no usage_usec")

    def processes(self):
        return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]

    def remove(self):
        for _ in range(200):
            try:
                self.path.rmdir()
                return
            except OSError:  # Its last process is still on its way out.
                time.sleep(0.05)


class Server:
    """sshd on every address of the namespace, and what clients need to log in."""

    def __init__(self, run_in=()):
        # Where little else lies: an agent's sandbox names what lies beside its files, and /tmp of a build machine fills up.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rollcall-bench-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.user = "bench"
        home = self.folder / "home"
        home.mkdir()
        os.chown(home, 65533, 65533)
        # A user of this mount namespace only, whose shell has no start-up files.
        passwd = pathlib.Path("/etc/passwd").read_text().rstrip("\n") + f"\nbench:x:65533:65533::{home}:/bin/sh\n"
        group = pathlib.Path("/etc/group").read_text().rstrip("\n") + "\nbench:x:65533:\n"
        for name, text in (("passwd", passwd), ("group", group)):
            (self.folder / name).write_text(text)
            subprocess.run(["mount", "--bind", self.folder / name, f"/etc/{name}"], check=True)
        self.key = self.folder / "key"
        for path in (self.key, self.folder / "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        # The same key as PKCS#8, which OpenSSL reads.
        self.pkcs8 = self.folder / "key.pkcs8"
        self.pkcs8.write_text(pkcs8(self.key.read_text()))
        self.pkcs8.chmod(0o600)
        self.host_key = (self.folder / "host.pub").read_text().strip()
        shutil.copy(f"{self.key}.pub", self.folder / "authorized_keys")
        config = self.folder / "sshd_config"
        config.write_text("\n".join([
            f"Port {PORT}", "ListenAddress 0.0.0.0", f"HostKey {self.folder}/host", f"AuthorizedKeysFile {self.folder}/authorized_keys",
            f"KexAlgorithms {KEX}", f"Ciphers {CIPHER}", f"MACs {MAC}", "MaxStartups 10000", "LoginGraceTime 600", "UsePAM no",
            "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PidFile none", "LogLevel ERROR",
            "Subsystem sftp /usr/lib/openssh/sftp-server", "PrintMotd no", "PrintLastLog no", "UseDNS no", "",
        ]))
        os.makedirs("/run/sshd", exist_ok=True)
        self.cgroup = Cgroup("sshd")
        self.process = subprocess.Popen(
            [*run_in, "/usr/sbin/sshd", "-D", "-e", "-f", config], preexec_fn=self.cgroup.join,
            stderr=open(self.folder / "log", "w"))
        deadline = time.monotonic() + 10
        probe = [*run_in, "bash", "-c", f": < /dev/tcp/127.0.0.1/{PORT}"]
        while subprocess.run(probe, stderr=subprocess.DEVNULL).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("sshd did not start: " + (self.folder / "log").read_text())
            time.sleep(0.05)

    def wait_until_quiet(self):
        """Waits until the last session's processes are gone, so that their end is not in the next figure."""
        deadline = time.monotonic() + 30
        while len(self.cgroup.processes()) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.wait_until_quiet()
        self.cgroup.remove()
        for name in ("passwd", "group"):
            subprocess.run(["umount", f"/etc/{name}"], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def pkcs8(openssh):
    """PKCS#8 (RFC 8410) of an unencrypted Ed25519 key in OpenSSH's format."""
    import base64
    body = base64.b64decode("".join(openssh.splitlines()[1:-1]))
    # The private part ends with the public key, then a string of 64 bytes (seed, public key), the comment and padding.
    at = body.rindex(b"\x00\x00\x00\x40") + 4
    der = bytes.fromhex("302e020100300506032b657004220420") + body[at:at + 32]
    return f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n"


class Run:
    """What one run of a client cost and what came of it."""

    def __init__(self, cpu_ms, wall_s, server_cpu_ms, answered, output):
        self.cpu_ms, self.wall_s, self.server_cpu_ms, self.answered, self.output = cpu_ms, wall_s, server_cpu_ms, answered, output


def measure(server, name, argv, addresses, run_in=(), limit_s=600):
    """Runs a client in a control group of its own; `argv` ends with an exit status of 0 only if all went well."""
    server.wait_until_quiet()
    cgroup = Cgroup(name)
    server_before, began = server.cgroup.cpu_ms(), time.monotonic()
    done = subprocess.run(
        [*run_in, *map(str, argv)], input="\n".join(addresses) + "\n", text=True, capture_output=True, preexec_fn=cgroup.join,
        timeout=limit_s)
    wall = time.monotonic() - began
    cpu = cgroup.cpu_ms()
    server.wait_until_quiet()
    cgroup.remove()
    last = (done.stdout.strip().splitlines() or [""])[-1].split()
    # Our own visitors count; of the others every address wrote one line of /proc/loadavg.
    answered = int(last[1]) if last[:1] == ["ok"] else sum(1 for line in done.stdout.splitlines() if line.count("/") == 1)
    if answered != len(addresses):
        print(f"{name}: {answered} of {len(addresses)} answered (exit {done.returncode}): {done.stderr.strip()[-300:]}", file=sys.stderr, flush=True)
    return Run(cpu, wall, server.cgroup.cpu_ms() - server_before, answered, done.stdout)
