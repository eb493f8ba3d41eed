"""The clock that says how long ago something was."""

from __future__ import annotations

import pytest

from auth_agent_mcp import clock
from auth_agent_mcp.clock import SystemClock


class Machine:
    """A machine, whose two clocks the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calendar, self.uptime = 1_764_000_000.0, 100.0
        monkeypatch.setattr(clock, "system_time", lambda: self.calendar)
        monkeypatch.setattr(clock, "system_monotonic", lambda: self.uptime)

    def pass_time(self, seconds: float, *, awake: float) -> None:
        self.calendar += seconds
        self.uptime += awake


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_the_time_that_a_machine_slept_has_passed(machine: Machine) -> None:
    system = SystemClock()
    before = system.monotonic()
    machine.pass_time(10, awake=10)
    assert system.monotonic() - before == pytest.approx(10)
    machine.pass_time(3600, awake=0.5)
    assert system.monotonic() - before == pytest.approx(3610)
    machine.pass_time(10, awake=10)
    assert system.monotonic() - before == pytest.approx(3620)


def test_a_calendar_that_is_set_back_takes_no_time_away(machine: Machine) -> None:
    system = SystemClock()
    before = system.monotonic()
    machine.pass_time(-3600, awake=5)
    assert system.monotonic() - before == pytest.approx(5)
    machine.pass_time(60, awake=0)
    assert system.monotonic() - before == pytest.approx(65)


def test_a_calendar_that_drifts_changes_little(machine: Machine) -> None:
    system = SystemClock()
    before = system.monotonic()
    for _ in range(100):
        machine.pass_time(1.001, awake=1)
        assert system.monotonic() - before < 101
