"""A device of the bench's own: a loop block device with ext4 that holds the agent's state, interfaces, and the agent itself.

Runs inside a network and a mount namespace of its own (scripts/bench and scripts/soak make them), so that nothing on the machine changes.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from server import Cgroup

STATE = pathlib.Path("/var/lib/rollcall")
SECTOR = 512


def pss_kib(pid):
    """Proportional share of memory, KiB; 0 for a process that is gone."""
    return memory_kib(pid, "Pss:")


def rss_kib(pid):
    """Memory with all of what is shared, KiB."""
    return memory_kib(pid, "Rss:")


def memory_kib(pid, name):
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def scheduled_ms(pid):
    """CPU time of a process by the scheduler's own count."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def reaped_ms(pid):
    """CPU time of the children a process has waited for, in steps of 10 ms."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[13]) + int(words[14])) * 1000 / os.sysconf("SC_CLK_TCK")


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Block:
    """A file system on a loop block device that goes away with its mount."""

    def __init__(self, image, size, mount):
        with open(image, "wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
        self.device = subprocess.run(
            ["losetup", "--find", "--show", image], check=True, capture_output=True, text=True).stdout.strip()
        self.mount = mount
        self.is_mounted = False
        try:
            subprocess.run(["mount", self.device, mount], check=True)
            self.is_mounted = True
        finally:
            # While it is mounted the kernel only notes that it should go.
            subprocess.run(["losetup", "--detach", self.device], check=True)

    def sync(self):
        subprocess.run(["sync", "--file-system", self.mount], check=True)

    def written(self):
        """Bytes written to the block device."""
        return int(pathlib.Path(f"/sys/block/{os.path.basename(self.device)}/stat").read_text().split()[6]) * SECTOR

    def remove(self):
        if self.is_mounted:
            subprocess.run(["umount", self.mount], check=True)
            self.is_mounted = False


class Device:
    """What an agent runs on."""

    def __init__(self, agent, state_size=64 << 20):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rollcall-bench-"))
        self.folder.chmod(0o755)
        # A copy, so that its pages are shared with no agent that runs elsewhere.
        self.agent = str(self.folder / "rollcall-agent")
        shutil.copy(agent, self.agent)
        # A mount namespace's own places, so that the agent and its peers write where they usually do.
        for place in ("/run", "/var/lib", "/var/log"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "bench", place], check=True)
        pathlib.Path("/run/utmp").touch()
        STATE.mkdir(mode=0o700)
        for command in ("link set lo up", "link add eth0 type veth peer name wlan0", "link set eth0 up", "link set wlan0 up",
                        "addr add 192.0.2.1/24 dev eth0"):
            subprocess.run(["ip", *command.split()], check=True)
        self.block = Block(self.folder / "state.img", state_size, STATE)
        self.cgroup = None
        self.process = None

    def start(self):
        self.cgroup = self.cgroup or Cgroup("agent")
        self.process = subprocess.Popen(
            [self.agent, "run", "--trust", self.folder / "trust"], preexec_fn=self.cgroup.join, env={"PATH": "/usr/bin:/bin"})
        deadline = time.monotonic() + 30
        while not os.path.exists("/run/rollcall/agent.sock"):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("the agent did not start")
            time.sleep(0.02)

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """Asks the agent to end, and waits until it has."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)

    def own_processes(self, *others):
        """The daemon, its forked readers, and relays: everything that is a copy of the agent's program."""
        return [pid for pid in (self.pid, *children(self.pid), *others) if executable(pid) == self.agent]

    def cpu_ms(self):
        """CPU time of daemon and ended children: by the scheduler's count, and by the control group's."""
        return scheduled_ms(self.pid) + reaped_ms(self.pid), self.cgroup.cpu_ms()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.cgroup:
            self.cgroup.remove()
        self.block.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
