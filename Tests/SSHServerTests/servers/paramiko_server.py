"""A Paramiko server for tests: paramiko_server.py FOLDER PORT. It ends when its standard input ends.

FOLDER holds ed25519 (the host key) and authorized_keys. The user's name says what is asked for:

    user      a key of authorized_keys, the password, or questions
    both      a key of authorized_keys, and then questions
    secret    the password

The command mute is neither started nor refused: its channel is closed. After the command flood come packets of a kind that nobody asked
for, as long as somebody takes them.
"""
import os
import signal
import socket
import subprocess
import sys
import threading

import paramiko

PASSWORD = 'correct horse'
METHODS = {
    'user': ['publickey', 'password', 'keyboard-interactive'], 'both': ['publickey'], 'secret': ['password'],
}


class Server(paramiko.ServerInterface):
    def __init__(self):
        self.keys_shown = 0

    def get_allowed_auths(self, username):
        return 'keyboard-interactive' if self.keys_shown == 2 else ','.join(METHODS.get(username, []))

    def allows(self, method, username):
        return method in self.get_allowed_auths(username).split(',')

    def check_auth_publickey(self, username, key):
        if not self.allows('publickey', username) or f'{key.get_name()} {key.get_base64()}' not in authorized_keys():
            return paramiko.AUTH_FAILED
        if username != 'both':
            return paramiko.AUTH_SUCCESSFUL
        # Asked twice: for the key alone, and once more before its signature is checked.
        self.keys_shown += 1
        return paramiko.AUTH_PARTIALLY_SUCCESSFUL

    def check_auth_password(self, username, password):
        is_right = self.allows('password', username) and password == PASSWORD
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username, submethods):
        if not self.allows('keyboard-interactive', username):
            return paramiko.AUTH_FAILED
        return paramiko.InteractiveQuery('', 'Say it', ('Password: ', False))

    def check_auth_interactive_response(self, responses):
        return paramiko.AUTH_SUCCESSFUL if responses == [PASSWORD] else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED if kind == 'session' else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        if command == b'mute':
            channel.close()
            # Paramiko would still answer.
            channel.transport = Silent(channel.transport)
            return False
        threading.Thread(target=flood if command == b'flood' else run, args=(channel, command), daemon=True).start()
        return True


class Silent:
    def __init__(self, transport):
        self.transport = transport

    def __getattr__(self, name):
        return getattr(self.transport, name)

    def _send_user_message(self, message):
        pass


def authorized_keys():
    with open(os.path.join(folder, 'authorized_keys')) as file:
        return [' '.join(line.split()[:2]) for line in file]


def run(channel, command):
    child = subprocess.Popen(
        ['/bin/sh', '-c', command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    threading.Thread(target=feed, args=(channel, child.stdin), daemon=True).start()
    pumps = [
        threading.Thread(target=pump, args=(child.stdout, channel.sendall)),
        threading.Thread(target=pump, args=(child.stderr, channel.sendall_stderr)),
    ]
    for thread in pumps:
        thread.start()
    for thread in pumps:
        thread.join()
    status = child.wait()
    # Paramiko has no exit-signal; a shell's number for it.
    channel.send_exit_status(128 - status if status < 0 else status)
    channel.shutdown_write()
    channel.close()


def flood(channel, command):
    message = paramiko.Message()
    message.add_byte(bytes([200]))
    message.add_bytes(bytes(16000))
    try:
        while channel.transport.is_active():
            channel.transport._send_user_message(message)
    except OSError:
        pass


def feed(channel, sink):
    try:
        while data := channel.recv(65536):
            sink.write(data)
    except OSError:
        pass
    sink.close()


def pump(source, send):
    while data := source.read(65536):
        try:
            send(data)
        except OSError:
            return


def serve(connection):
    transport = paramiko.Transport(connection)
    transport.add_server_key(host_key)
    try:
        transport.start_server(server=Server())
    except (paramiko.SSHException, EOFError, OSError):
        transport.close()


folder, port = sys.argv[1], int(sys.argv[2])
# The thread of the tests that started this may have had some blocked, and every command would inherit that.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
host_key = paramiko.Ed25519Key.from_private_key_file(os.path.join(folder, 'ed25519'))
listener = socket.create_server(('127.0.0.1', port))
print('Server listening on', port, flush=True)
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
