"""An AsyncSSH server for tests: asyncssh_server.py FOLDER PORT. It ends when its standard input ends.

FOLDER holds ed25519 (the host key) and authorized_keys. The user's name says what is asked for:

    user      a key of authorized_keys, the password, or two rounds of questions
    locked    a key of authorized_keys
    expired   a password, which is to be changed then
    curious   questions without end
    hostile   questions, of which the first claims a longer name than its packet holds
    greedy    the same, by a little
    open      nothing
"""
import asyncio
import contextlib
import os
import signal
import sys

import asyncssh
from asyncssh.packet import UInt32

PASSWORD = 'correct horse'
CODE = '271828'
MSG_USERAUTH_INFO_REQUEST = 60


class Server(asyncssh.SSHServer):
    def connection_made(self, conn):
        self.conn = conn
        self.rounds = 0

    def begin_auth(self, username):
        self.user = username
        self.conn.set_authorized_keys(os.path.join(folder, 'authorized_keys'))
        return username != 'open'

    def public_key_auth_supported(self):
        return self.user in ('user', 'locked')

    def password_auth_supported(self):
        return self.user in ('user', 'expired')

    def validate_password(self, username, password):
        if username == 'expired':
            raise asyncssh.PasswordChangeRequired('Choose another one')
        return password == PASSWORD

    def kbdint_auth_supported(self):
        return self.user in ('user', 'curious', 'hostile', 'greedy')

    def get_kbdint_challenge(self, username, lang, submethods):
        if username in ('hostile', 'greedy'):
            self.conn.send_packet(MSG_USERAUTH_INFO_REQUEST, UInt32(1_000_000 if username == 'hostile' else 60_000), b'name')
        return 'Two \x1b[2Jsteps', 'First the password,\nthen the code.', 'en', [('Password: ', False)]

    def validate_kbdint_response(self, username, responses):
        self.rounds += 1
        if username == 'curious':
            return '', '', '', [('More: ', True)]
        if self.rounds == 1:
            return responses == [PASSWORD] and ('', '', '', [('Code: ', True), ('Place: ', True)])
        return responses == [CODE, '']


async def pump(source, sink):
    # Where the other side has gone there is nobody to write to; AsyncSSH ends the whole connection if that comes out of a handler.
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()


async def feed(source, sink):
    await pump(source, sink)
    sink.close()


async def handle(process):
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec('/bin/sh', '-c', process.command or '', stdin=pipe, stdout=pipe, stderr=pipe)
    feeding = asyncio.create_task(feed(process.stdin, child.stdin))
    await asyncio.gather(pump(child.stdout, process.stdout), pump(child.stderr, process.stderr))
    status = await child.wait()
    feeding.cancel()
    if status < 0:
        process.exit_with_signal(signal.Signals(-status).name.removeprefix('SIG'))
    else:
        process.exit(status)


async def main():
    await asyncssh.create_server(
        Server, '127.0.0.1', port, server_host_keys=[os.path.join(folder, 'ed25519')], process_factory=handle, encoding=None)
    print('Server listening on', port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)


folder, port = sys.argv[1], int(sys.argv[2])
# The thread of the tests that started this may have had some blocked, and every command would inherit that.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
asyncio.run(main())
