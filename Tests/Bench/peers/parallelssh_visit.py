"""visit USER PORT KEYFILE CONCURRENCY COMMAND < ADDRESSES, with ParallelSSH on its own bundled libssh2."""
import sys

from pssh.clients import ParallelSSHClient

user, port, key, concurrency, command = sys.argv[1:]
hosts = sys.stdin.read().split()
client = ParallelSSHClient(hosts, user=user, port=int(port), pkey=key, pool_size=int(concurrency), num_retries=1, allow_agent=False)
output = client.run_command(command, stop_on_errors=False)
client.join(output)
ok = sum(1 for host in output if host.exception is None and list(host.stdout) and host.exit_code == 0)
print(f"ok {ok} failed {len(hosts) - ok}")
sys.exit(ok != len(hosts))
