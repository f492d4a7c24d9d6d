"""The supervisor, with trivial processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy import children
from deploy.ports import free_block
from deploy.supervisor import NotReady, Process, Supervisor
from tests.support.eventually import eventually

ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
PARENT_OF_ONE = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""
ONE_THAT_IS_KILLED = """
import sys, time
from pathlib import Path
from deploy.supervisor import Process, Supervisor
sleeper = Process("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], {})
supervisor = Supervisor([sleeper], Path(sys.argv[1]))
supervisor.start_all()
print(supervisor.pid("sleeper"), flush=True)
time.sleep(60)
"""

Start = Callable[..., Supervisor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Supervisor] = []

    def with_processes(*processes: Process, echo: Callable[[str], None] = lambda _line: None) -> Supervisor:
        supervisor = Supervisor(processes, tmp_path, echo)
        started.append(supervisor)
        supervisor.start_all()
        return supervisor

    yield with_processes
    for supervisor in started:
        supervisor.stop_all()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def assert_gone(pid: int) -> None:
    assert not is_alive(pid), f"process {pid} still runs"


def assert_replaced(supervisor: Supervisor, name: str, old: int | None) -> int:
    new = supervisor.pid(name)
    assert new is not None, f"{name} is down"
    assert new != old, f"{name} is still the old process"
    return new


def printed_number(log: Path) -> int:
    text = log.read_text()
    assert text.strip(), f"nothing in {log} yet"
    return int(text.split()[0])


def test_a_killed_process_is_started_again(start: Start) -> None:
    supervisor = start(Process("sleeper", SLEEP, ENV))
    first = supervisor.pid("sleeper")
    supervisor.kill("sleeper")
    eventually(lambda: assert_replaced(supervisor, "sleeper", first))
    assert supervisor.deaths("sleeper") == 1


def test_a_process_that_keeps_dying_is_started_at_growing_distances(start: Start) -> None:
    said: list[str] = []
    start(Process("dier", [sys.executable, "-c", "raise SystemExit(3)"], ENV), echo=said.append)

    def three_deaths() -> None:
        assert len(said) >= 3, said

    eventually(three_deaths)
    assert [line.split(" in ")[1] for line in said[:3]] == ["0.2 s", "0.4 s", "0.8 s"]
    assert "ended with 3" in said[0]


def test_a_stopped_process_stays_down_until_it_is_started(start: Start) -> None:
    supervisor = start(Process("sleeper", SLEEP, ENV), Process("other", SLEEP, ENV))
    other = supervisor.pid("other")
    assert supervisor.stop("sleeper") == -signal.SIGTERM
    supervisor.kill("other")  # The watch loop has made a round once this one is back.
    eventually(lambda: assert_replaced(supervisor, "other", other))
    assert supervisor.pid("sleeper") is None
    supervisor.start("sleeper")
    assert supervisor.pid("sleeper") is not None


def test_what_ignores_the_request_to_stop_is_killed_after_its_timeout(start: Start) -> None:
    supervisor = start(Process("stubborn", [sys.executable, "-c", STUBBORN], ENV, stop_timeout_s=0.3))

    def it_listens() -> None:
        assert "ready" in supervisor.log("stubborn").read_text()

    eventually(it_listens)
    assert supervisor.stop("stubborn") == -signal.SIGKILL


def test_all_processes_are_stopped_at_the_same_time(start: Start) -> None:
    stubborn = [sys.executable, "-c", STUBBORN]
    names = ["a", "b", "c"]
    supervisor = start(*(Process(name, stubborn, ENV, stop_timeout_s=1) for name in names))
    for name in names:
        eventually(partial(printed_ready, supervisor.log(name)))
    before = time.monotonic()
    supervisor.stop_all()
    assert time.monotonic() - before < 2.7  # one after the other they would take 3
    assert [supervisor.pid(name) for name in names] == [None, None, None]


def printed_ready(log: Path) -> None:
    assert "ready" in log.read_text()


def test_what_a_killed_process_forked_ends_with_it(start: Start) -> None:
    supervisor = start(Process("parent", [sys.executable, "-c", PARENT_OF_ONE], ENV))
    grandchild = eventually(lambda: printed_number(supervisor.log("parent")))
    supervisor.kill("parent")
    eventually(lambda: assert_gone(grandchild))


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ONE_THAT_IS_KILLED, str(tmp_path)]
    with subprocess.Popen(command, env=ENV, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        assert is_alive(child)
        holder.kill()
    eventually(lambda: assert_gone(child))


def test_a_child_whose_supervisor_has_died_before_it_began_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as log:
        monkeypatch.setattr(children.os, "getpid", os.getppid)
        orphan = children.spawn([sys.executable, "-c", "print('started')"], env=ENV, output=log)
        monkeypatch.undo()
        assert orphan.wait(20) == 1
    assert (tmp_path / "log").read_text() == ""


def test_readiness_waits_for_the_page_and_failure_shows_the_log(start: Start) -> None:
    port = free_block(1)
    page = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    supervisor = start(Process("page", page, ENV, ready_url=f"http://127.0.0.1:{port}/"))
    supervisor.wait_ready(20)

    dier = [sys.executable, "-c", "print('no such table'); raise SystemExit(1)"]
    supervisor.add(Process("dier", dier, ENV, ready_url=f"http://127.0.0.1:{port}/missing"))
    with pytest.raises(NotReady, match=r"(?s)dier is not ready.*no such table"):
        supervisor.wait_ready(1, ["dier"])


def test_an_added_replica_runs_and_a_removed_one_is_forgotten(start: Start) -> None:
    supervisor = start(Process("one", SLEEP, ENV))
    supervisor.add(Process("two", SLEEP, ENV))
    two = supervisor.pid("two")
    assert two is not None
    with pytest.raises(ValueError, match="two"):
        supervisor.add(Process("two", SLEEP, ENV))
    supervisor.remove("two")
    assert_gone(two)
    assert supervisor.names == ["one"]


def test_memory_counts_what_the_process_forked(start: Start) -> None:
    supervisor = start(
        Process("single", SLEEP, ENV), Process("parent", [sys.executable, "-c", PARENT_OF_ONE], ENV)
    )
    eventually(lambda: printed_number(supervisor.log("parent")))

    def the_parent_weighs_more() -> None:
        assert supervisor.rss_mb("parent") > supervisor.rss_mb("single") * 1.5 > 1

    eventually(the_parent_weighs_more)


TALKER = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: print("second", flush=True))
print("first", flush=True)
while True:
    time.sleep(60)
"""


def test_a_long_log_is_moved_aside_while_its_process_writes_on(start: Start, tmp_path: Path) -> None:
    supervisor = start(Process("talker", [sys.executable, "-c", TALKER], ENV))
    log = supervisor.log("talker")

    def it_has_said(word: str) -> None:
        assert log.read_text() == f"{word}\n"

    eventually(partial(it_has_said, "first"))
    supervisor.rotate_logs(most_bytes=len("first\n"))
    it_has_said("first")
    (tmp_path / "talker.log.1").write_text("older\n")
    supervisor.rotate_logs(most_bytes=1)
    supervisor.kill("talker", signal.SIGUSR1)
    eventually(partial(it_has_said, "second"))
    assert (tmp_path / "talker.log.1").read_text() == "first\n"
    assert (tmp_path / "talker.log.2").read_text() == "older\n"
