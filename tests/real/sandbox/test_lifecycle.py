"""Starting, talking to, and ending commands; and what happens when the caller dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import qlf
from qlf.sandbox import Command, Limits, Sandbox, SandboxFailed, Tier, Workspace

pytestmark = pytest.mark.real

SERVER = """
import os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind("app.sock")
server.listen()
def end(number, frame):
    print("ended in order", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
print("listening", flush=True)
while True:
    peer, _ = server.accept()
    with peer:
        try:
            peer.sendall(b"hello")
        except BrokenPipeError:
            pass
"""


def test_streams_input_folder_environment_and_status_arrive(run):
    done = run(
        """
        import os, sys
        print(sys.stdin.read().upper(), os.environ["NAME"], sys.argv[1])
        print("trouble", file=sys.stderr)
        sys.exit(7)
        """,
        "ärger $HOME",
        stdin=b"hello" * 30_000,
        env={"NAME": "wert=ü\n"},
    )
    assert done.returncode == 7
    assert done.stdout == b"HELLO" * 30_000 + " wert=ü\n ärger $HOME\n".encode()
    assert done.stderr == b"trouble\n"
    assert (done.killed_reason, done.output_truncated, done.timed_out) == (None, False, False)


def test_input_that_nobody_reads_does_no_harm(run):
    assert run("print('done')", stdin=b"x" * 5_000_000).stdout == b"done\n"


def test_a_signal_shows_as_in_a_shell(run):
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)").returncode == 139


def test_a_missing_program_is_an_error_and_not_a_result(sandbox: Sandbox):
    with pytest.raises(SandboxFailed, match="/bin/missing"):
        sandbox.run(Command(("/bin/missing",)))


def test_a_missing_folder_is_an_error_and_not_a_result(sandbox: Sandbox):
    with pytest.raises(SandboxFailed):
        sandbox.run(Command(("/bin/true",), cwd="/missing"))


def test_a_server_is_reached_over_its_socket_and_ends_in_order(sandbox: Sandbox, command, work: Workspace):
    with sandbox.start(command(SERVER)) as process:
        with work.listening(process, "app.sock") as path, socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            assert client.recv(10) == b"hello"
        assert process.running
        assert process.output() == b"listening\n"
        done = process.terminate()
    assert (done.returncode, done.killed_reason) == (3, "terminated")
    assert done.stdout == b"listening\nended in order\n"


def test_a_server_that_will_not_end_is_killed_after_the_grace(sandbox: Sandbox, command):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    with sandbox.start(command(code)) as process:
        while not process.output():
            time.sleep(0.01)
        begun = time.monotonic()
        done = process.terminate(grace=0.3)
    assert done.killed_reason == "killed"
    assert time.monotonic() - begun < 5


def test_waiting_for_a_server_that_fails_shows_its_last_words(sandbox: Sandbox, command, work: Workspace):
    with (
        sandbox.start(command("raise SystemExit('no database')")) as process,
        pytest.raises(SandboxFailed, match="no database"),
        work.listening(process, "app.sock"),
    ):
        pass


def test_waiting_can_be_limited_without_an_end(sandbox: Sandbox, command):
    with sandbox.start(command("import time; time.sleep(60)")) as process:
        with pytest.raises(TimeoutError):
            process.wait(0.1)
        assert process.running
    assert not process.running


def test_leaving_the_block_ends_everything(sandbox: Sandbox, command, gone):
    marker = f"block-{os.getpid()}-{sandbox.tier}"
    with (
        pytest.raises(RuntimeError, match="elsewhere"),
        sandbox.start(command("import os, time; os.fork(); time.sleep(60)", marker)),
    ):
        raise RuntimeError("elsewhere")
    assert gone(marker, 0.0)


def test_a_server_outlives_the_thread_that_started_it(sandbox: Sandbox, command):
    """The kernel's own "die with parent" means the thread, and pools end threads at any time."""
    started = []
    thread = threading.Thread(
        target=lambda: started.append(sandbox.start(command("import time; time.sleep(60)")))
    )
    thread.start()
    thread.join()
    time.sleep(0.5)
    with started[0] as process:
        assert process.running


CALLER = """
import sys, time
from pathlib import Path
from qlf.sandbox import Command, Policy, Tier, open_sandbox
tier, python, marker = sys.argv[1:]
policy = Policy(minimum=Tier.A) if tier == "A" else Policy(bwrap=Path("/nonexistent"))
sandbox = open_sandbox(policy)
code = "import os, time; os.fork() or (os.setsid(), os.fork()); time.sleep(100)"
process = sandbox.start(Command((python, "-I", "-S", "-c", code, marker)))
print("up", flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_the_caller_dies_everything_ends(sandbox: Sandbox, python: str, alive, gone, number: int):
    marker = f"caller-{os.getpid()}-{sandbox.tier}-{number}"
    arguments = [sandbox.tier.letter, python, marker]
    root = str(Path(qlf.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r})\n" + textwrap.dedent(CALLER)
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE) as caller:
        try:
            assert caller.stdout is not None
            assert caller.stdout.readline() == b"up\n"
            time.sleep(0.3)
            # The caller itself and at least two of the command carry the marker.
            assert len(alive(marker)) > 2
        finally:
            caller.send_signal(number)
            caller.wait()
    assert gone(marker)


def test_when_the_supervisor_is_killed_the_command_ends(sandbox: Sandbox, command, gone):
    marker = f"supervisor-{os.getpid()}-{sandbox.tier}"
    with sandbox.start(command("import time; time.sleep(100)", marker)) as process:
        process._supervisor.kill()
        with pytest.raises(SandboxFailed, match="supervisor"):
            process.wait(10)
    assert gone(marker)


def test_the_source_of_a_workspace_is_never_changed(sandbox: Sandbox, python: str, tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"original")
    (tmp_path / "run.sh").write_bytes(b"#!/bin/sh\necho ran\n")
    (tmp_path / "run.sh").chmod(0o700)
    with sandbox.workspace(tmp_path) as work:
        mount = sandbox.place(work.path, "/app", writable=True)
        code = (
            "print('changed', file=open('sub/file', 'w')); print(__import__('subprocess').call(['./run.sh']))"
        )
        done = sandbox.run(Command((python, "-I", "-S", "-c", code), cwd=mount.target, mounts=(mount,)))
        assert done.stdout == b"ran\n0\n", done.stderr
        assert work.read("sub/file") == b"changed\n"
        assert work.path.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "sub" / "file").read_bytes() == b"original"


def test_a_workspace_is_deleted_even_when_the_program_closed_it(sandbox: Sandbox, python: str):
    code = """
import os
os.makedirs("a/b/c")
open("a/b/c/file", "w")
os.umask(0o777)
os.makedirs("d")
os.symlink("/usr", "a/link")
"""
    with sandbox.workspace({}) as work:
        mount = sandbox.place(work.path, "/app", writable=True)
        code += "for p in ('a/b/c', 'a/b', 'a'):\n    os.chmod(p, 0)\n"
        done = sandbox.run(Command((python, "-I", "-S", "-c", code), cwd=mount.target, mounts=(mount,)))
        assert done.ok, done.stderr
    assert not work.path.exists()
    assert Path("/usr/bin").is_dir()


def test_a_writable_folder_of_someone_else_is_refused(sandbox: Sandbox, tmp_path: Path):
    if sandbox.owner[0] == os.getuid():
        pytest.skip("as this user, commands run as the caller")
    with pytest.raises(ValueError, match="belongs to user"):
        sandbox.run(Command(("/bin/true",), mounts=(sandbox.place(tmp_path, "/app", writable=True),)))


def test_folders_below_a_closed_home_can_be_shown(namespaces: Sandbox, tmp_path: Path):
    closed = tmp_path / "home"
    shown = closed / "shown"
    shown.mkdir(parents=True)
    shown.chmod(0o755)
    (shown / "file").write_text("seen")
    (shown / "file").chmod(0o644)
    closed.chmod(0o700)
    mount = namespaces.place(shown, "/shown")
    assert namespaces.run(Command(("/bin/cat", "/shown/file"), mounts=(mount,))).stdout == b"seen"


def test_no_mount_is_left_on_the_machine(namespaces: Sandbox, tmp_path: Path):
    tmp_path.chmod(0o755)
    before = Path("/proc/self/mounts").read_text()
    namespaces.run(Command(("/bin/true",), mounts=(namespaces.place(tmp_path, "/shown"),)))
    assert Path("/proc/self/mounts").read_text() == before


def test_accounts_and_names_of_the_machine_are_not_shown(namespaces: Sandbox):
    done = namespaces.run(
        Command(("/bin/sh", "-c", "cat /etc/passwd; uname -n; ls /etc; ls /"), limits=Limits())
    )
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("app:x:1000")
    assert lines[1] == "sandbox"
    assert not {"root", "home", "work", "var", "shadow"} & set(lines)
    assert namespaces.tier is Tier.A
