"""`python -m sandbox.stack run|up|down`: what `make` calls; starts, shows, sums up, and stops."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import requests

from sandbox.city.scenario import CITY_2018, SCENARIOS, Scenario
from sandbox.stack.environment import CHECKOUT, USERS, Ports, airflow_secrets
from sandbox.stack.processes import StackError, patiently, sweep
from sandbox.stack.progress import display
from sandbox.stack.stack import Plan, Stack

DOWN_SECONDS = 90
FAILED, SOME_DOWN, INTERRUPTED = 1, 3, 130


def main() -> int:
    """Exit status: 0 done, 1 failed, 3 done but some sources were down or held, 130 interrupted."""
    given = _arguments()
    scenario = SCENARIOS[given.scenario]
    if given.command == "down":
        return down([given.home] if given.home else map(home_of, SCENARIOS.values()))
    home = (given.home or home_of(scenario)).absolute()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    ports = Ports.usual() if given.command == "up" else Ports.free()
    stack = Stack(
        Plan(home=home, scenario=scenario, scale=given.scale, seed=given.seed, as_of=given.as_of, ports=ports)
    )
    try:
        return _run(stack, keep=given.command == "up")
    except (StackError, requests.RequestException) as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # stopping takes seconds; a second Ctrl-C must not leave half of it
        stack.stop()


def home_of(scenario: Scenario) -> Path:
    """Another city needs another memory: what is known of one means nothing to the other."""
    home = Path(os.environ.get("MOTCUA_HOME") or CHECKOUT / "var")
    return home if scenario is CITY_2018 else home / scenario.name


def down(homes: Iterable[Path]) -> int:
    """Stops the stacks of some homes, wherever they were started; nothing to stop is fine."""
    notes = [note for home in homes if (note := home.absolute() / "run" / "stack.json").exists()]
    for note in notes:
        _stop(note)
    print("stopped" if notes else "nothing to stop")
    return 0


def _stop(note: Path) -> None:
    told = json.loads(note.read_text(encoding="utf-8"))
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(told["pid"])
        if "sandbox.stack" in process.cmdline():
            process.terminate()
            for _ in patiently(DOWN_SECONDS):
                if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                    break
    sweep(told["mark"])
    note.unlink(missing_ok=True)


def _run(stack: Stack, *, keep: bool) -> int:
    began = time.monotonic()
    name = stack.plan.scenario.name
    print(f"Starting PostgreSQL, the stand-in city of {name} and Airflow ({stack.programs.logs}) …", flush=True)
    stack.start()
    print(f"Started in {stack.seconds['start']:.0f} s. One cycle as of {stack.plan.stands_at}:", flush=True)
    try:
        stack.cycle(display())
        status = _sum_up(stack, seconds=time.monotonic() - began, keep=keep)
    except StackError as error:
        if not keep:
            raise
        print(f"\nfailed: {error}", file=sys.stderr)  # and stays up: the red task is there to be looked at
        status = FAILED
    if keep:
        _keep(stack)
    return status


def _sum_up(stack: Stack, *, seconds: float, keep: bool) -> int:
    """Has the pipeline print its summary and write `run/summary.json`; the exit status."""
    motcua = Path(sys.executable).parent / "motcua"
    if subprocess.run([motcua, "summary"], env=stack.environment, check=False).returncode != 0:
        raise StackError("the cycle is done, but `motcua summary` failed")
    figures = json.loads((stack.home / "run" / "summary.json").read_text(encoding="utf-8"))
    parts = {
        "database": "PostgreSQL",
        "airflow_database": "Airflow's database",
        "airflow": "Airflow",
        "city_rest": "the city besides",
        "collect_dossiers": "collect to report",
        "publish_and_deliver": "publish and deliver",
        "city_portal": "the city portal",
    }
    told = ", ".join(f"{name} {stack.seconds[key]:.0f} s" for key, name in parts.items())
    print(f"\nThe city portal follows version {stack.followed['seq']} and holds {stack.followed['rows']} dossiers")
    print(f"The whole run of scenario {stack.plan.scenario.name}: {seconds:.0f} s ({told})")
    keeps = "" if keep else "; `make up` keeps it all running"
    feed = stack.home / "feeds" / "v1"
    print(f"Look next: {feed} (feed; the page is its index.html), {stack.programs.logs} (logs){keeps}")
    return SOME_DOWN if figures["sources"]["down"] or figures["sources"]["held"] else 0


def _keep(stack: Stack) -> None:
    stack.serve_page()
    passwords = airflow_secrets(stack.home)["passwords"]
    print(f"\nAirflow      {stack.urls['airflow']}")
    for user in USERS:
        print(f"             log-in {user} / {passwords[user]}")
    print(f"Public page  {stack.urls['page']}\nStand-in     {stack.urls['city']}")
    print("Ctrl-C here, or `make down` elsewhere, stops it.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            stack.programs.check()
            time.sleep(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack", description=__doc__)
    parser.add_argument("command", choices=("run", "up", "down"))
    parser.add_argument(
        "--scenario", choices=SCENARIOS, default=CITY_2018.name, help="which city (default: %(default)s)"
    )
    parser.add_argument(
        "--home", type=Path, help="state directory (default: MOTCUA_HOME or var/, and 2026/ in it for that scenario)"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="size of the city; 1.0 is the whole of it")
    parser.add_argument("--seed", type=int, default=2018)
    parser.add_argument("--as-of", help="the moment of the cycle (default: the scenario's)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
