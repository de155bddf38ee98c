"""A real PostgreSQL server for tests: python3 postgres.py [--tls CERTIFICATE KEY | --app PASSWORD]

Starts the server that `setup.sh` installed, on a port of 127.0.0.1 that the system chose, with
data in a folder of its own, and prints one line of JSON: {"port", "password", "log"}, the password being that
of `postgres`. Logins use SCRAM. With --app there is a role `wx` with that password, which owns a
database `app`. It ends, and removes its folder, when its standard input
ends, so with the test that started it.

PostgreSQL does not run as root: there it runs as `nobody`.
"""

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVERS = os.environ.get("WXMCP_TEST_SERVERS") or os.path.join(HERE, "..", "..", "target", "servers")
NATIVE = os.path.join(SERVERS, "postgres", "native")
PR_SET_PDEATHSIG = 1
NOBODY = 65534
PORTS_TRIED = 20
SECONDS_TO_START = 60


def environment():
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


def leave_root():
    """In the child: another user than root, and an end when the parent ends."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def run(folder, *command, **more):
    return subprocess.Popen(command, cwd=folder, env=environment(), preexec_fn=leave_root, **more)


def binaries(folder):
    """Where the server's programs are, for a user who may not see the whole repository."""
    if os.getuid() != 0:
        return NATIVE
    look = run("/", "test", "-x", os.path.join(NATIVE, "bin", "postgres"))
    if look.wait() == 0:
        return NATIVE
    return shutil.copytree(NATIVE, os.path.join(folder, "native"), symlinks=True)


def initialize(folder, native, password):
    data = os.path.join(folder, "data")
    file = os.path.join(folder, "password")
    with open(file, "w") as out:
        out.write(password)
    if os.getuid() == 0:
        os.chown(file, NOBODY, NOBODY)
    made = run(
        folder,
        os.path.join(native, "bin", "initdb"),
        *("-D", data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={file}"),
        *("-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = made.communicate()[0]
    if made.returncode:
        raise SystemExit(f"initdb failed: {said.decode()}")
    os.remove(file)
    return data


def make_app(folder, native, data, password):
    """A role and a database, made before there is a server."""
    alone = run(
        folder,
        *(os.path.join(native, "bin", "postgres"), "--single", "-D", data, "postgres"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    statements = f"CREATE ROLE wx LOGIN PASSWORD '{password}'\nCREATE DATABASE app OWNER wx\n"
    said = alone.communicate(statements.encode())[0]
    if alone.returncode:
        raise SystemExit(f"postgres --single failed: {said.decode()}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            # Whoever wants to log in is asked for a password, or told that it still starts up.
            parameters = b"user\0postgres\0\0"
            probe.sendall(struct.pack("!ii", 8 + len(parameters), 3 << 16) + parameters)
            return probe.recv(1) == b"R"
    except OSError:
        return False


def start(folder, native, data, settings):
    """The server and its port. Another program may have taken the port: then another."""
    for _ in range(PORTS_TRIED):
        port = free_port()
        log = open(os.path.join(folder, "log"), "ab")
        server = run(
            folder,
            os.path.join(native, "bin", "postgres"),
            *("-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", ""),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        deadline = time.monotonic() + SECONDS_TO_START
        while server.poll() is None and time.monotonic() < deadline:
            if answers(port):
                return server, port
            time.sleep(0.02)
        if server.poll() is None:
            server.kill()
    with open(os.path.join(folder, "log"), errors="replace") as log:
        raise SystemExit(f"the server does not start: {log.read()[-4000:]}")


def main():
    settings = {
        "fsync": "off",
        "shared_buffers": "16MB",
        "max_connections": "60",
        "autovacuum": "off",
        "log_statement": "none",
    }
    # Ended by a signal, it cleans up all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="wxmcp-postgres-")
    server = None
    try:
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        native = binaries(folder)
        password = secrets.token_hex(12)
        data = initialize(folder, native, password)
        if sys.argv[1:2] == ["--tls"]:
            for name, source in zip(("server.crt", "server.key"), sys.argv[2:4]):
                target = os.path.join(data, name)
                shutil.copyfile(source, target)
                os.chmod(target, 0o600)
                if os.getuid() == 0:
                    os.chown(target, NOBODY, NOBODY)
            settings["ssl"] = "on"
        if sys.argv[1:2] == ["--app"]:
            make_app(folder, native, data, sys.argv[2])
        server, port = start(folder, native, data, settings)
        print(json.dumps({"port": port, "password": password, "log": os.path.join(folder, "log")}), flush=True)
        sys.stdin.buffer.read()
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
