"""The agents that ours is compared with: from Debian's packages, every 10 s, the same kinds of metrics, each in a control group of its own.

Where a package brings a configuration, it is that one with nothing changed but the interval and the address; collectd-core and monit, whose
packages bring none that measures anything, are told to measure what ours does. None is told to do less than it would by itself.
"""
import os
import pathlib
import pwd
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request

from device import descriptors, executable, pss_kib, rss_kib, threads
from server import Cgroup

INTERVAL = 10
EXPORTER, ZABBIX = 19_100, 10_050

COLLECTD = f"""
Interval {INTERVAL}
BaseDir "/var/lib/collectd"
PIDFile "/run/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin cpu
LoadPlugin contextswitch
LoadPlugin df
LoadPlugin disk
LoadPlugin interface
LoadPlugin load
LoadPlugin memory
LoadPlugin processes
LoadPlugin protocols
LoadPlugin swap
LoadPlugin thermal
LoadPlugin uptime
LoadPlugin vmem
LoadPlugin csv
<Plugin df>
  ReportInodes true
</Plugin>
<Plugin csv>
  DataDir "/var/lib/collectd/csv"
</Plugin>
"""

MONIT = f"""
set daemon {INTERVAL}
set log /var/log/monit.log
set pidfile /run/monit.pid
set idfile /var/lib/monit/id
set statefile /var/lib/monit/state
set eventqueue basedir /var/lib/monit/events slots 100
check system device
  if loadavg (5min) > 100 then alert
  if cpu usage > 99% for 60 cycles then alert
  if memory usage > 99% then alert
  if swap usage > 99% then alert
check filesystem root with path /
  if space usage > 99% then alert
  if inode usage > 99% then alert
check filesystem state with path /var/lib/rollcall
  if space usage > 99% then alert
  if inode usage > 99% then alert
check network eth0 with interface eth0
check network wlan0 with interface wlan0
"""

# One of each kind; a server that wanted all the values that ours takes would ask for many more.
ZABBIX_ITEMS = [
    "system.cpu.load[all,avg1]", "system.cpu.util[,user]", "system.cpu.util[,system]", "system.cpu.util[,iowait]", "system.cpu.switches",
    "vm.memory.size[available]", "system.swap.size[,free]", "vfs.fs.size[/,free]", "vfs.fs.inode[/,free]", "vfs.dev.read[,sectors]",
    "vfs.dev.write[,sectors]", "net.if.in[eth0,bytes]", "net.if.out[eth0,bytes]", "net.if.in[eth0,errors]", "proc.num", "system.uptime",
]


class Peer:
    """One of them, running."""

    def __init__(self, name, argv, log):
        self.name, self.log = name, log
        self.cgroup = Cgroup(name)
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                argv, preexec_fn=self.cgroup.join, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def pids(self):
        return self.cgroup.processes()

    def check(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended: {self.log.read_text(errors='replace').strip()[-300:]}")

    def cpu_ms(self):
        return self.cgroup.cpu_ms()

    def figures(self):
        """What it takes now; sizes are of the program and of the shared libraries that its processes map."""
        self.check()
        pids = self.pids()
        program = executable(self.process.pid)
        libraries = set()
        for pid in pids:
            for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
                path = line.split(maxsplit=5)[5] if line.count("/") else ""
                if path.startswith("/") and ".so" in os.path.basename(path):
                    libraries.add(path)
        return {
            "pss_kib": sum(map(pss_kib, pids)), "rss_kib": sum(map(rss_kib, pids)), "size_bytes": os.path.getsize(program),
            "libs_bytes": sum(os.path.getsize(path) for path in libraries), "processes": len(pids),
            "threads": sum(map(threads, pids)), "descriptors": sum(map(descriptors, pids)),
        }

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                pass
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.cgroup.remove()


class Asking:
    """Asks for the values of the two that give them only when asked, as their servers would."""

    def __init__(self):
        self.counts = {"node_exporter": 0, "zabbix_agent": 0}
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        due = time.monotonic()
        while not self.ending.wait(max(0, due - time.monotonic())):
            due += INTERVAL
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{EXPORTER}/metrics", timeout=5) as answer:
                    self.counts["node_exporter"] = sum(1 for line in answer if line[:1] not in (b"#", b"\n"))
            except OSError:
                pass
            try:
                self.counts["zabbix_agent"] = sum(1 for item in ZABBIX_ITEMS if b"NOTSUPPORTED" not in ask_zabbix(item))
            except OSError:
                pass

    def stop(self):
        self.ending.set()
        self.thread.join()


def ask_zabbix(item):
    """A passive check, as a Zabbix server makes it."""
    with socket.create_connection(("127.0.0.1", ZABBIX), timeout=5) as connection:
        connection.sendall(b"ZBXD\x01" + struct.pack("<Q", len(item)) + item.encode())
        answer = b""
        while piece := connection.recv(4_096):
            answer += piece
    return answer[13:] or b"NOTSUPPORTED"


def directory(path, user="root"):
    os.makedirs(path, exist_ok=True)
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def start(folder):
    """Starts all of them."""
    for path, user in (("/var/lib/collectd", "root"), ("/var/lib/monit", "root"), ("/var/log/sysstat", "root"),
                       ("/var/log/zabbix-agent", "zabbix"), ("/run/zabbix", "zabbix"), ("/var/lib/prometheus", "prometheus"),
                       ("/var/lib/prometheus/node-exporter", "prometheus")):
        directory(path, user)
    (folder / "collectd.conf").write_text(COLLECTD)
    (folder / "monitrc").write_text(MONIT)
    (folder / "monitrc").chmod(0o600)
    lines = {
        "node_exporter": ["setpriv", "--reuid", "prometheus", "--regid", "prometheus", "--clear-groups",
                          "/usr/bin/prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{EXPORTER}"],
        "monit": ["/usr/bin/monit", "-I", "-c", folder / "monitrc"],
        "collectd": ["/usr/sbin/collectd", "-f", "-C", folder / "collectd.conf"],
        "zabbix_agent": ["/usr/sbin/zabbix_agentd", "-f", "-c", "/etc/zabbix/zabbix_agentd.conf"],
        "sadc": ["/usr/lib/sysstat/sadc", "-F", "-L", "-S", "DISK", str(INTERVAL), "/var/log/sysstat/sa"],
    }
    return [Peer(name, argv, folder / f"{name}.log") for name, argv in lines.items()]
