"""Try to get out. Runs as a program inside the sandbox and tells as JSON which attempts succeeded.

Only checks of access are made, no attempt that would change the machine if it worked. Standard library alone.
"""

# ruff: noqa: ARG001, PTH108, PTH118, PTH123, PTH208, T201 - a stand-alone program with probes of one shape

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

_SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/release_agent",
)
_FORBIDDEN_FOLDERS = ("/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/var", "/root", "/home", "/run")
_CALLS = {
    "x86_64": {"ptrace": 101, "mount": 165, "unshare": 272, "bpf": 321, "keyctl": 250, "io_uring_setup": 425},
    "aarch64": {"ptrace": 117, "mount": 40, "unshare": 97, "bpf": 280, "keyctl": 219, "io_uring_setup": 425},
}
_SOCKETS = (
    ("netlink", 16, socket.SOCK_RAW),
    ("packet", 17, socket.SOCK_RAW),
    ("alg", 38, socket.SOCK_SEQPACKET),
    ("vsock", 40, socket.SOCK_STREAM),
)
_CLONE_NEWUSER = 0x10000000
_PR_GET_SECCOMP, _PR_GET_NO_NEW_PRIVS = 21, 39


def host_file(facts: dict[str, Any]) -> str:
    """A file of the host that nobody mounted."""
    try:
        with open(facts["secret_file"], "rb") as file:
            return f"read {len(file.read())} bytes of a host file"
    except OSError:
        return ""


def environment(facts: dict[str, Any]) -> str:
    """A variable of the caller, here or in any process in sight."""
    needle = facts["canary"].encode()
    places = ["/proc/self/environ"]
    if os.access("/proc", os.R_OK) and facts["tier"] == "A":
        places += [f"/proc/{name}/environ" for name in os.listdir("/proc") if name.isdigit()]
    for place in places:
        try:
            with open(place, "rb") as file:
                if needle in file.read():
                    return f"{place} shows the caller's environment"
        except OSError:
            continue
    return "a variable of the caller is set" if facts["canary"] in os.environ.values() else ""


def loopback(facts: dict[str, Any]) -> str:
    """A service of the host that listens on the loopback address only."""
    try:
        with socket.create_connection(("127.0.0.1", facts["port"]), timeout=2):
            return "connected to a service of the host"
    except OSError:
        return ""


def network(facts: dict[str, Any]) -> str:
    """A route to anywhere; for a datagram this sends nothing. The address is for documentation (RFC 5737)."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            return "there is a route out"
    except OSError:
        return ""


def kernel(facts: dict[str, Any]) -> str:
    """Settings of the whole machine."""
    return ", ".join(path for path in _SETTINGS if os.access(path, os.W_OK))


def folders(facts: dict[str, Any]) -> str:
    """Folders outside the mounts."""
    found = []
    for folder in _FORBIDDEN_FOLDERS:
        path = os.path.join(folder, f"qlf-probe-{os.getpid()}")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError:
            continue
        os.unlink(path)
        found.append(folder)
    return ", ".join(found)


def calls(facts: dict[str, Any]) -> str:
    """System calls that have led out of sandboxes."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    arguments = {"unshare": (_CLONE_NEWUSER,), "ptrace": (0, 0, 0, 0), "io_uring_setup": (1, bytes(120))}
    for name, number in _CALLS[os.uname().machine].items():
        if libc.syscall(number, *arguments.get(name, (0, 0, 0, 0, 0))) >= 0:
            found.append(name)
    for name, family, kind in _SOCKETS:
        try:
            socket.socket(family, kind).close()
        except OSError:
            continue
        found.append(name)
    return ", ".join(found)


def privileges(facts: dict[str, Any]) -> str:
    """The locks on this very process."""
    libc = ctypes.CDLL(None)
    missing = []
    if libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        missing.append("new privileges are possible")
    if libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) != 2:
        missing.append("no system call filter")
    if facts["tier"] == "A":
        with open("/proc/self/status", encoding="ascii") as file:
            if any(line.startswith("CapEff:") and int(line.split()[1], 16) for line in file):
                missing.append("capabilities are left")
    return ", ".join(missing)


def descriptors(facts: dict[str, Any]) -> str:
    """Anything open that belongs to the launcher."""
    found = []
    for number in range(3, 256):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(str(number))
    return f"descriptors {', '.join(found)} are open" if found else ""


def signals(facts: dict[str, Any]) -> str:
    """A process of the host, by its number. In a namespace of its own the number is free or another's."""
    if facts["tier"] == "A":
        visible = [name for name in os.listdir("/proc") if name.isdigit()]
        return f"{len(visible)} processes are in sight" if len(visible) > 8 else ""
    try:
        os.kill(facts["pid"], 0)
    except OSError:
        return ""
    return "a process of the host takes signals"


def memory(facts: dict[str, Any]) -> str:
    """More memory than the limit."""
    try:
        block = bytearray(facts["memory"] + 1)
    except MemoryError:
        return ""
    return f"took {len(block)} bytes"


def forks(facts: dict[str, Any]) -> str:
    """More processes than the limit; and at least a few, or nothing useful could run."""
    children: list[int] = []
    try:
        while len(children) <= facts["processes"]:
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    if len(children) > facts["processes"]:
        return f"{len(children)} processes started"
    return "" if len(children) > 2 else f"only {len(children)} processes could start"


def work(facts: dict[str, Any]) -> str:
    """The other way round: what every command needs must work, or the silence above proves nothing."""
    trouble = []
    try:
        with open(facts["write"], "x", encoding="ascii") as file:
            file.write(facts["canary"])
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(facts["write"] + ".sock")
            server.listen(1)
    except OSError as error:
        trouble.append(f"its own folder does not work ({error})")
    if facts["tier"] == "A":
        try:
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname(), timeout=2).close()
        except OSError as error:
            trouble.append(f"its own loopback does not work ({error})")
    if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
        trouble.append("memory dumps are on")
    return ", ".join(trouble)


PROBES: tuple[Callable[[dict[str, Any]], str], ...] = (
    host_file,
    environment,
    loopback,
    network,
    kernel,
    folders,
    calls,
    privileges,
    descriptors,
    signals,
    memory,
    work,
    forks,
)
"""Each returns what it managed to do, or nothing. The forks come last: their children stay in the way."""


def main() -> None:
    """Read the facts from the command line, print the findings."""
    facts = json.loads(sys.argv[1])
    print(json.dumps({"answer": facts["nonce"], "found": {one.__name__: one(facts) for one in PROBES}}))


if __name__ == "__main__":
    main()
