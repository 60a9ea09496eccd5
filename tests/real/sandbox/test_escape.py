"""Attempts to get out, to see what is outside, or to change it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qlf.sandbox import Command, Limits, Sandbox, Tier, Workspace

pytestmark = pytest.mark.real


def test_host_files_cannot_be_read(run, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("canary")
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    done = run(
        """
        import sys
        for path in sys.argv[1:]:
            try:
                print(path, len(open(path, "rb").read()))
            except OSError as error:
                print(path, "refused")
        """,
        str(secret),
        "/etc/shadow",
        "/root/.bashrc",
        __file__,
        "/etc/hostname",
    )
    assert done.ok, done.stderr
    assert all(line.endswith("refused") for line in done.stdout.decode().splitlines())


def test_variables_of_the_caller_are_not_inherited(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROVIDER_KEY", "canary-in-the-environment")
    done = run(
        """
        import os
        text = repr(dict(os.environ))
        try:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    text += repr(open(f"/proc/{pid}/environ", "rb").read())
                except OSError:
                    pass
        except OSError:
            pass
        print(text)
        """
    )
    assert done.ok, done.stderr
    assert b"canary" not in done.stdout


def test_variables_of_the_command_are_not_in_the_list_of_processes(sandbox: Sandbox, command, alive):
    marker = f"value-{os.getpid()}-of-a-secret"
    server = command("print(open('/dev/null')); import time; time.sleep(30)", env={"SECRET": marker})
    with sandbox.start(server):
        assert alive(marker) == []


def test_services_of_the_host_cannot_be_reached(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = run(
            """
            import socket, sys
            try:
                socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
                print("connected")
            except OSError:
                print("refused")
            """,
            str(listener.getsockname()[1]),
        )
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert done.stdout == b"refused\n"


def test_unix_sockets_of_the_host_cannot_be_reached(run, tmp_path: Path):
    name = f"\0qlf-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as abstract:
        path = str(tmp_path / "s")
        listener.bind(path)
        listener.listen()
        Path(path).chmod(0o777)
        abstract.bind(name)
        abstract.listen()
        done = run(
            """
            import socket, sys
            for address in (sys.argv[1], "\\0" + sys.argv[2]):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    try:
                        socket.socket(socket.AF_UNIX, kind).connect(address)
                        print("connected")
                    except OSError:
                        print("refused")
            """,
            path,
            name[1:],
        )
    assert done.stdout == b"refused\n" * 4


def test_there_is_no_network(run):
    done = run(
        """
        import socket
        for address in (("192.0.2.1", 9), ("169.254.169.254", 80), ("1.1.1.1", 53)):
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.connect(address)
                print("route")
            except OSError:
                print("none")
        try:
            socket.getaddrinfo("example.com", 80)
            print("route")
        except OSError:
            print("none")
        """
    )
    assert done.stdout == b"none\n" * 4


def test_own_loopback_works_with_namespaces(namespaces: Sandbox, python: str):
    code = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(s.getsockname()); print('ok')"
    )
    assert namespaces.run(Command((python, "-I", "-S", "-c", code))).stdout == b"ok\n"


def test_nothing_outside_the_mounts_can_be_written(run, work: Workspace):
    done = run(
        """
        import os
        for folder in "/ /usr /usr/bin /etc /var /dev /proc /root /home /opt /run".split():
            try:
                open(os.path.join(folder, "planted"), "x")
                print("wrote", folder)
            except OSError:
                pass
        for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
                     "/sys/kernel/uevent_helper", "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda"):
            if os.access(path, os.W_OK):
                print("may write", path)
        open("mine", "x").write("fine")
        """
    )
    assert done.ok, done.stderr
    assert done.stdout == b""
    assert work.read("mine") == b"fine"


def test_read_only_mounts_stay_as_they_are(sandbox: Sandbox, python: str):
    code = """
import os
for act in (lambda: open("given", "a"), lambda: os.truncate("given", 0), lambda: os.unlink("given"),
            lambda: os.rename("given", "taken"), lambda: open("new", "x"), lambda: os.link("given", "twin")):
    try:
        act()
        print("changed")
    except OSError:
        pass
try:
    os.chmod("given", 0)
except OSError:
    pass
"""
    with sandbox.workspace({"given": b"content"}) as work:
        mount = sandbox.place(work.path, "/data")
        done = sandbox.run(Command((python, "-I", "-S", "-c", code), cwd=mount.target, mounts=(mount,)))
        assert done.ok, done.stderr
        assert done.stdout == b""
        assert sorted(path.name for path in work.path.iterdir()) == ["given"]
        assert work.read("given") == b"content"
        assert (work.path / "given").stat().st_mode & 0o777 != 0


def test_processes_of_the_host_cannot_be_signalled(run):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as victim:
        done = run(
            """
            import os, signal, sys
            for pid in map(int, sys.argv[1:]):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            """,
            str(victim.pid),
        )
        assert done.ok, done.stderr
        assert victim.poll() is None
        victim.kill()


def test_the_launcher_cannot_be_signalled(run):
    done = run(
        """
        import os, signal
        for pid in (os.getppid(), 1):
            for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
        print("still here")
        """
    )
    assert done.stdout == b"still here\n"


def test_no_descriptor_of_the_launcher_is_open(run):
    done = run(
        """
        import os
        for number in range(3, 1024):
            try:
                os.fstat(number)
                print(number)
            except OSError:
                pass
        """
    )
    assert done.ok
    assert done.stdout == b""


def test_a_set_user_id_program_gains_nothing(sandbox: Sandbox, run):
    done = run("import os; print(os.getresuid(), os.getgroups())")
    inner = 1000 if sandbox.tier is Tier.A else sandbox.owner[0]
    assert str((inner, inner, inner)).encode() in done.stdout
    if Path("/usr/bin/su").exists():
        done = run(
            "import subprocess; print(subprocess.run(['/usr/bin/su', '-c', 'id']).returncode)", stdin=b""
        )
        assert b"uid=0" not in done.stdout


def test_the_user_is_not_root(sandbox: Sandbox, run, work: Workspace):
    run("open('made', 'x')")
    assert (work.path / "made").stat().st_uid == sandbox.owner[0] != 0


def test_a_link_in_the_workspace_is_not_followed_on_the_host(run, work: Workspace, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("canary")
    done = run(
        "import os, sys; os.symlink(sys.argv[1], 'report'); os.symlink('/', 'up'); os.mkfifo('pipe')",
        str(secret),
    )
    assert done.ok, done.stderr
    for name in ("report", f"up{secret}", "pipe", "../secret"):
        with pytest.raises(ValueError, match=r"workspace|plain"):
            work.read(name)


def test_a_socket_swapped_for_a_link_is_not_connected_to(run, work: Workspace, tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as private:
        private.bind(str(tmp_path / "private"))
        private.listen()
        run("import os, sys; os.symlink(sys.argv[1], 'app.sock')", str(tmp_path / "private"))
        with pytest.raises(ValueError, match=r"cannot be opened|not a socket"), work.socket("app.sock"):
            pass


def test_a_mount_behind_a_planted_link_is_refused(sandbox: Sandbox, run, work: Workspace, tmp_path: Path):
    run("import os, sys; os.symlink(sys.argv[1], 'data')", str(tmp_path))
    mount = sandbox.place(work.path / "data", "/data")
    with pytest.raises(ValueError, match="symbolic link"):
        sandbox.run(Command(("/bin/true",), mounts=(mount,)))


def test_limits_cannot_be_raised(run):
    done = run(
        """
        import resource
        for name in ("NPROC", "AS", "FSIZE", "CORE", "CPU", "DATA"):
            number = getattr(resource, "RLIMIT_" + name)
            try:
                resource.setrlimit(number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                print("raised", name)
            except (OSError, ValueError):
                pass
        """,
        limits=Limits(),
    )
    assert (done.stdout, done.returncode) == (b"", 0), done.stderr
