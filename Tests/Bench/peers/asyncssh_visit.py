"""visit USER PORT KEYFILE CONCURRENCY COMMAND < ADDRESSES, with asyncssh; the key is parsed once."""
import asyncio
import sys

import asyncssh

user, port, key, concurrency, command = sys.argv[1:]


async def visit(host, private, turn):
    async with turn:
        try:
            async with asyncssh.connect(
                host, port=int(port), username=user, client_keys=[private], known_hosts=None, config=None, agent_path=None,
                kex_algs=["curve25519-sha256"], encryption_algs=["aes128-ctr"], mac_algs=["hmac-sha2-256"],
                server_host_key_algs=["ssh-ed25519"],
            ) as connection:
                result = await connection.run(command)
                return result.exit_status == 0 and bool(result.stdout)
        except (OSError, asyncssh.Error) as error:
            print(host, error, file=sys.stderr)
            return False


async def main():
    private = asyncssh.read_private_key(key)
    hosts = sys.stdin.read().split()
    turn = asyncio.Semaphore(int(concurrency))
    ok = sum(await asyncio.gather(*(visit(host, private, turn) for host in hosts)))
    print(f"ok {ok} failed {len(hosts) - ok}")
    return ok != len(hosts)


sys.exit(asyncio.run(main()))
