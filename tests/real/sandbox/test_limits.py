"""Attempts to exhaust the machine."""

from __future__ import annotations

import concurrent.futures
import os
import time

import pytest

from qlf.sandbox import Command, Limits, Sandbox, Tier, Workspace

pytestmark = pytest.mark.real

MIB = 1024 * 1024


def test_the_wall_clock_ends_the_whole_tree(sandbox: Sandbox, command, gone):
    marker = f"orphan-{os.getpid()}-{sandbox.tier}"
    begun = time.monotonic()
    done = sandbox.run(
        command(
            """
            import os, signal, subprocess, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for _ in range(3):
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                            signal.signal(number, signal.SIG_IGN)
                        while True:
                            time.sleep(1)
                    os._exit(0)
            while True:
                time.sleep(1)
            """,
            marker,
            limits=Limits(wall_seconds=1.0),
        )
    )
    assert (done.timed_out, done.killed_reason, done.ok) == (True, "timeout", False)
    assert time.monotonic() - begun < 6
    assert gone(marker, 0.0)


def test_processes_left_behind_by_a_finished_command_are_ended(sandbox: Sandbox, command, gone):
    marker = f"left-{os.getpid()}-{sandbox.tier}"
    begun = time.monotonic()
    done = sandbox.run(
        command(
            """
            import os, time
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(60)
                os._exit(0)
            print("done")
            """,
            marker,
        )
    )
    assert (done.returncode, done.stdout) == (0, b"done\n")
    assert time.monotonic() - begun < 10
    assert gone(marker, 0.0)


def test_a_fork_bomb_ends_with_nothing_left(sandbox: Sandbox, command, gone):
    marker = f"bomb-{os.getpid()}-{sandbox.tier}"
    done = sandbox.run(
        command(
            """
            import os, time
            end = time.monotonic() + 2
            while time.monotonic() < end:
                try:
                    os.fork()
                except OSError:
                    time.sleep(0.01)
            time.sleep(30)
            """,
            marker,
            limits=Limits(wall_seconds=3.0, processes=40),
        )
    )
    assert done.killed_reason in ("timeout", "processes")
    assert gone(marker, 0.0)


def test_the_number_of_processes_is_limited(run):
    done = run(
        """
        import os, signal
        made = 0
        try:
            while made < 200:
                if os.fork() == 0:
                    signal.pause()
                made += 1
        except OSError:
            pass
        print(made)
        """,
        limits=Limits(processes=30, wall_seconds=20),
    )
    assert done.ok, done
    assert 20 <= int(done.stdout) <= 30


def test_the_process_limits_of_two_sandboxes_do_not_add_up(namespaces: Sandbox, python: str):
    code = """
import os, signal, time
made = 0
try:
    while made < 100:
        if os.fork() == 0:
            signal.pause()
        made += 1
except OSError:
    pass
time.sleep(1)
print(made)
"""
    command = Command((python, "-I", "-S", "-c", code), limits=Limits(processes=30))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made = [int(done.stdout) for done in pool.map(namespaces.run, [command] * 3)]
    assert all(25 <= count <= 30 for count in made), made


def test_one_process_cannot_take_too_much_memory(run):
    done = run(
        """
        import mmap
        for take in (lambda: bytearray(4 << 30), lambda: mmap.mmap(-1, 4 << 30)):
            try:
                take()
                print("took it")
            except (MemoryError, OSError):
                print("refused")
        """,
        limits=Limits(memory_bytes=256 * MIB),
    )
    assert done.stdout == b"refused\nrefused\n"


def test_many_processes_cannot_take_too_much_memory_together(run):
    done = run(
        """
        import os, time
        for _ in range(6):
            if os.fork() == 0:
                block = bytearray(os.urandom(1 << 20) * 100)
                time.sleep(30)
        time.sleep(30)
        """,
        limits=Limits(memory_bytes=256 * MIB, wall_seconds=20),
    )
    assert done.killed_reason == "memory"


def test_the_scratch_folder_has_a_size(run):
    done = run(
        """
        import os, tempfile
        block = bytes(1 << 20)
        try:
            for number in range(64):
                with open(os.path.join(tempfile.gettempdir(), f"f{number}"), "wb") as file:
                    file.write(block)
            import time; time.sleep(10)
            print("filled")
        except OSError as error:
            print(error.errno)
        """,
        limits=Limits(scratch_bytes=16 * MIB, wall_seconds=20),
    )
    assert done.stdout == b"28\n" or done.killed_reason == "disk"


@pytest.mark.parametrize("content", ["bytes(1 << 20)", "b''"], ids=["bytes", "empty files"])
def test_a_workspace_cannot_fill_the_disk(run, content: str):
    done = run(
        f"""
        import time
        end = time.monotonic() + 80
        number = 0
        while time.monotonic() < end:
            with open(f"f{{number}}", "wb") as file:
                file.write({content})
            number += 1
            if number == 400 and {content}:
                time.sleep(10)
        """,
        limits=Limits(scratch_bytes=64 * MIB, wall_seconds=90, cpu_seconds=90),
    )
    assert done.killed_reason == "disk"


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_empty_files_cannot_take_the_memory_of_the_kernel(namespaces: Sandbox, python: str, folder: str):
    code = "import os, sys\nfor n in range(10**7):\n    os.close(os.open(f'{sys.argv[1]}/{n}', os.O_CREAT))"
    command = Command((python, "-I", "-S", "-c", code, folder), limits=Limits(wall_seconds=50))
    assert namespaces.run(command).killed_reason == "disk"


def test_shared_pages_of_forked_workers_count_once(run):
    done = run(
        """
        import os, time
        block = bytearray(os.urandom(1 << 20) * 100)
        for _ in range(5):
            if os.fork() == 0:
                time.sleep(1.5)
                os._exit(0)
        time.sleep(1.5)
        print(len(block))
        """,
        limits=Limits(memory_bytes=256 * MIB, wall_seconds=20),
    )
    assert (done.killed_reason, done.returncode) == (None, 0), done


def test_a_file_has_a_largest_size(run, work: Workspace):
    done = run(
        """
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            with open("big", "wb") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
        except OSError as error:
            print(error.errno)
        """,
        limits=Limits(file_bytes=8 * MIB),
    )
    assert done.stdout == b"27\n"
    assert (work.path / "big").stat().st_size <= 8 * MIB


def test_memory_without_a_process_is_refused(sandbox: Sandbox, run):
    done = run(
        """
        import os
        try:
            os.memfd_create("x")
            print("made")
        except OSError as error:
            print(error.errno)
        try:
            with open("/dev/shm/x", "wb") as file:
                for _ in range(200):
                    file.write(bytes(1 << 20))
            print("filled")
        except OSError:
            print("refused")
        """,
        limits=Limits(file_bytes=512 * MIB),
    )
    assert done.stdout == b"38\nrefused\n"


def test_processor_time_is_limited(run):
    done = run("while True: pass", limits=Limits(cpu_seconds=1, wall_seconds=20))
    assert (done.killed_reason, done.ok) == ("cpu", False)


def test_a_flood_of_output_is_capped_while_it_comes(run):
    done = run(
        """
        import sys
        print("first")
        for _ in range(300):
            sys.stdout.write("x" * (1 << 20))
        print("last")
        """,
        limits=Limits(output_bytes=100_000, cpu_seconds=20, wall_seconds=30),
    )
    assert done.output_truncated
    assert done.returncode == 0
    assert len(done.stdout) < 100_100
    assert done.stdout.startswith(b"first\n")
    assert done.stdout.endswith(b"last\n")


def test_there_are_no_memory_dumps(sandbox: Sandbox, run, work: Workspace):
    done = run("import os; os.abort()")
    assert done.returncode == 134
    assert list(work.path.iterdir()) == []


def test_starting_is_quick(sandbox: Sandbox, record_property):
    seconds = []
    for _ in range(7):
        begun = time.monotonic()
        assert sandbox.run(Command(("/bin/true",))).ok
        seconds.append(time.monotonic() - begun)
    record_property("median_ms", round(sorted(seconds)[3] * 1000))
    assert min(seconds) < 2.0


def test_the_result_names_the_tier(sandbox: Sandbox, run):
    assert run("").tier is sandbox.tier
    assert sandbox.tier in Tier
