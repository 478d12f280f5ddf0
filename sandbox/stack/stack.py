"""One stack: what starts when, the cycle that runs on it, and the order in which it stops."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

import psycopg
import requests

from sandbox.city.scenario import CITY_2018, Scenario
from sandbox.stack.airflow_api import FINISHED, AirflowApi
from sandbox.stack.broker import start_broker
from sandbox.stack.environment import (
    CHECKOUT,
    FAB,
    OWN_CODE,
    PEOPLE,
    Ports,
    airflow_environment,
    airflow_secrets,
    celery_environment,
    city_home,
    pipeline_environment,
)
from sandbox.stack.processes import Program, Programs, StackError, patiently, sweep
from sandbox.stack.progress import Display, Figures

COLLECT, PUBLISH, DRAIN = OF_A_CYCLE = ("collect_dossiers", "publish_progress", "drain_government")
# every one: what starts nothing by the clock here can be started by hand
DAGS = tuple(
    sorted(file.stem for file in (CHECKOUT / "dags").glob("*.py") if "\nwith DAG(" in file.read_text(encoding="utf-8"))
)
COMPONENTS = {
    "api-server": ("api-server",),
    # the API server reads the logs from the disk: nobody needs to serve them
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
HEALTHY = ("metadatabase", "scheduler", "dag_processor", "triggerer")
START_SECONDS = 180
CYCLE_SECONDS = 1800
FOLLOW_SECONDS = 120
# deliveries that the portal did not take at once are due again after 5 s
DRAINS, DRAIN_PAUSE_SECONDS = 5, 6


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to start.

    Attributes:
        home: state directory, `MOTCUA_HOME` of all that runs here.
        scale: size of the city; 1.0 is the whole of it.
        seed: of the stand-in's history.
        scenario: which city plays.
        as_of: the moment at which the stand-in stands; None means the scenario's.
        registry: directory of the registry; None means the scenario's.
        city_options: more arguments for the stand-in.
        executor: with Celery a broker is started, and `workers` workers; without, the scheduler does the tasks itself.
        airflow_settings: in place of the stack's own, or besides them.
        fab: production's auth manager, with a log-in for each role, in place of the simple one.
    """

    home: Path
    scale: float = 1.0
    seed: int = 2018
    scenario: Scenario = CITY_2018
    as_of: str | None = None
    registry: Path | None = None
    city_options: tuple[str, ...] = ()
    executor: Literal["LocalExecutor", "CeleryExecutor"] = "LocalExecutor"
    workers: int = 2
    airflow_settings: Mapping[str, str] = field(default_factory=dict)
    fab: bool = False
    ports: Ports = field(default_factory=Ports.free)

    @property
    def stands_at(self) -> str:
        """The moment of the stand-in and of the cycle."""
        return self.as_of or self.scenario.as_of


class Stack:
    """Started programs of one home; at most one at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.home = plan.home.resolve()
        self.seconds: dict[str, float] = {}
        self.database_url = ""
        self.followed: dict[str, int] = {}
        self.programs = Programs(mark=secrets.token_hex(8), logs=self.home / "logs")
        self.passwords = airflow_secrets(self.home)["passwords"]
        self.airflow = AirflowApi(f"http://127.0.0.1:{plan.ports.airflow}", "admin", self.passwords["admin"])
        self._broker_password = secrets.token_urlsafe(32)
        self._lock: IO[str] | None = None
        self._environment: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to work on this stack: `motcua`, or `airflow`."""
        return dict(self._environment)

    @property
    def urls(self) -> dict[str, str]:
        """Where people and tests look."""
        ports = self.plan.ports
        return {
            "airflow": self.airflow.address,
            "city": f"http://127.0.0.1:{ports.city}",
            "page": ports.page_address,
        }

    # ── starting ──────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Starts everything; Airflow knows the DAGs when it returns.

        Raises:
            StackError: another stack works in this home, or something does not start.
        """
        began = time.monotonic()
        self._claim()
        with self._timed("database"):
            urls = self._start_database()
        city = self._start_city()
        with self._timed("airflow_database"):
            self._migrate_airflow(urls["airflow"])
        if self.plan.executor == "CeleryExecutor":
            self._start_celery()
        with self._timed("airflow"):
            self._start_airflow()
        with self._timed("city_rest"):
            self.programs.wait_for_line(city, start="ready", within_seconds=START_SECONDS)
        self.seconds["start"] = round(time.monotonic() - began, 1)

    def serve_page(self) -> None:
        """Serves the feed's folder and the offices' reports, as the web server of production does."""
        options = {"--port": self.plan.ports.page, "--folder": self.home / "feeds", "--reports": self.home / "reports"}
        arguments = [str(part) for option in options.items() for part in option]
        command = (sys.executable, "-m", "sandbox.stack.web_server", *arguments)
        self.programs.start("page", command, self._environment, CHECKOUT)

    def start_worker(self, name: str, environment: Mapping[str, str] | None = None) -> Program:
        """Starts a Celery worker, with more in its environment; the scheduler has work for it once it has come up."""
        # every worker of a home would write the same pid file, and the second would not start
        pid = self.home / "airflow" / f"{name}.pid"
        options = ("--celery-hostname", f"{name}@%h", "--pid", pid, "--skip-serve-logs")
        told = {**self._environment, **(environment or {})}
        return self.programs.start(
            f"airflow-{name}", (_program("airflow"), "celery", "worker", *options), told, CHECKOUT
        )

    def _claim(self) -> None:
        run = self.home / "run"
        run.mkdir(parents=True, exist_ok=True)
        lock = (run / "stack.lock").open("w")
        note = run / "stack.json"
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise StackError(f"another stack works in {self.home}: stop it with `make down`") from error
        self._lock = lock  # ours from here on, and so is the note that `stop` removes
        if note.exists():
            sweep(json.loads(note.read_text(encoding="utf-8"))["mark"])  # of a stack that was killed
        note.write_text(json.dumps({"pid": os.getpid(), "mark": self.programs.mark}), encoding="utf-8")

    def _start_database(self) -> dict[str, str]:
        command = ("-m", "motcua.warehouse.embedded", "--home", str(self.home))
        databases = ("--database", "motcua", "--database", "airflow")
        program = self.programs.start("database", (sys.executable, *command, *databases), _inherited(), CHECKOUT)
        line = self.programs.wait_for_line(program, start="{", within_seconds=START_SECONDS)
        urls: dict[str, str] = json.loads(line)["urls"]
        self.database_url = urls["motcua"]
        self._environment = {
            **_inherited(),
            **airflow_environment(self.home, self.plan.ports, urls["airflow"]),
            **self._of_executor(urls["airflow"]),
            **({"AIRFLOW__CORE__AUTH_MANAGER": FAB} if self.plan.fab else {}),
            **pipeline_environment(self.home, self.database_url, self.plan.registry or self.plan.scenario.registry),
            **self.plan.airflow_settings,
        }
        with psycopg.connect(urls["airflow"].replace("+psycopg", ""), autocommit=True) as connection:
            # what Airflow remembers on a laptop may lose its last half second in a power cut; the warehouse may not
            connection.execute("ALTER DATABASE airflow SET synchronous_commit = off")
            # a scheduler that was killed leaves workers behind that hold its session open, and with it its locks on
            # runs: the next scheduler passes these runs by for ever (measured); as in config/postgres/databases.sh
            connection.execute("ALTER DATABASE airflow SET idle_in_transaction_session_timeout = '2min'")
        return urls

    def _of_executor(self, database_url: str) -> dict[str, str]:
        if self.plan.executor == "LocalExecutor":
            return {}
        return celery_environment(self.plan.ports, database_url, self._broker_password)

    def _start_celery(self) -> None:
        start_broker(self.programs, self.home, port=self.plan.ports.broker, password=self._broker_password)
        for number in range(1, self.plan.workers + 1):
            self.start_worker(f"worker-{number}")

    def _start_city(self) -> Program:
        plan = self.plan
        options = {"--port": plan.ports.city, "--home": city_home(self.home), "--scenario": plan.scenario.name,
                   "--seed": plan.seed, "--scale": plan.scale, "--as-of": plan.stands_at}  # fmt: skip
        if plan.registry is not None:
            options["--registry"] = plan.registry
        arguments = [str(part) for option in options.items() for part in option]
        command = (sys.executable, "-m", "sandbox.city", "serve", *arguments, *plan.city_options)
        return self.programs.start("city", command, _inherited(), CHECKOUT)

    def _migrate_airflow(self, database_url: str) -> None:
        note = self.home / "airflow" / "migrated"
        state = f"{importlib.metadata.version('apache-airflow-core')} {database_url} {'FAB' if self.plan.fab else ''}"
        if note.exists() and note.read_text(encoding="utf-8") == state:
            return
        self.programs.run("airflow-db", (_program("airflow"), "db", "migrate"), self._environment, CHECKOUT)
        if self.plan.fab:
            self._make_roles()
        note.write_text(state, encoding="utf-8")

    def _make_roles(self) -> None:
        """As `airflow-init` does in production: the administrator, then the roles of config/roles.json."""
        name = ("--username", "admin", "--firstname", "Quản", "--lastname", "trị", "--email", "admin@localhost")
        log_in = ("--role", PEOPLE["admin"], "--password", self.passwords["admin"])
        self.programs.run(
            "airflow-admin", (_program("airflow"), "users", "create", *name, *log_in), self._environment, CHECKOUT
        )
        self.programs.run(
            "airflow-roles", (sys.executable, CHECKOUT / "config" / "roles.py"), self._environment, CHECKOUT
        )

    def _start_airflow(self) -> None:
        for name, arguments in COMPONENTS.items():
            self.programs.start(f"airflow-{name}", (_program("airflow"), *arguments), self._environment, CHECKOUT)
        for _ in patiently(START_SECONDS, pause_seconds=0.3):
            self.programs.check()
            if self.airflow.is_healthy(HEALTHY):
                break
        else:
            raise StackError(f"Airflow is not healthy after {START_SECONDS} s: see {self.programs.logs}/airflow-*.log")
        self.airflow.log_in()
        if self.plan.fab:
            for name, role in PEOPLE.items():
                self.airflow.add_person(name, self.passwords[name], role)
        self.airflow.set_pools(json.loads((CHECKOUT / "config" / "pools.json").read_text(encoding="utf-8")))
        for _ in patiently(START_SECONDS, pause_seconds=0.3):
            self.programs.check()
            if self.airflow.knows(DAGS):
                break
            if errors := self.airflow.import_errors():
                raise StackError(f"a DAG file cannot be read:\n{errors[0]}")
        self.airflow.end_left_over(DAGS)
        self.airflow.unpause(DAGS)

    def restart(self, component: str) -> None:
        """Kills one of Airflow's components where it stands, and starts it again, as `restart` of compose does."""
        name = f"airflow-{component}"
        (program,) = (one for one in self.programs.started if one.name == name)
        self.programs.crash(program)
        self.programs.start(name, (_program("airflow"), *COMPONENTS[component]), self._environment, CHECKOUT)

    # ── a cycle ───────────────────────────────────────────────────────────────────────────────

    def cycle(
        self, show: Display, *, as_of: str = "", sources: Sequence[str] = (), full: bool = False
    ) -> dict[str, str]:
        """Runs a cycle to its end, publication and delivery included; the ids of its runs by DAG.

        `as_of` is the plan's moment unless another is given.

        Raises:
            StackError: a run failed or did not end; the message carries the task's last words.
        """
        run = self.airflow.trigger(
            COLLECT, {"as_of": as_of or self.plan.stands_at, "sources": list(sources), "full": full}
        )
        runs = {COLLECT: run["dag_run_id"]}
        figures = Figures(self.database_url, run["dag_run_id"])
        with contextlib.closing(figures), show:
            with self._timed("collect_dossiers"):
                self._follow(runs, (COLLECT,), run["run_after"], figures, show)
            with self._timed("publish_and_deliver"):
                self._follow(runs, OF_A_CYCLE, run["run_after"], figures, show)
                self._drain_rest(runs, figures, show)
        with self._timed("city_portal"):
            self.followed = self._let_city_portal_follow()
        return runs

    def _follow(
        self, runs: dict[str, str], awaited: Sequence[str], since: str, figures: Figures, show: Display
    ) -> None:
        """Shows the figures until the newest run of each DAG has succeeded."""
        for _ in patiently(CYCLE_SECONDS, pause_seconds=1):
            self.programs.check()
            seen = self.airflow.runs_since(since)
            states = {}
            for run in seen:  # the newest first
                if run["dag_id"] in OF_A_CYCLE and run["dag_id"] not in states:
                    runs[run["dag_id"]], states[run["dag_id"]] = run["dag_run_id"], run["state"]
            show.show(figures.stages(published=states.get(PUBLISH) == "success", publications=int(PUBLISH in states)))
            for dag_id in states:
                if states[dag_id] == "failed":
                    raise StackError(self._why_red(dag_id, runs[dag_id]))
            if all(states.get(dag_id) in FINISHED for dag_id in awaited):
                return
        raise StackError(f"{', '.join(awaited)} did not end in {CYCLE_SECONDS} s: see {self.programs.logs}")

    def _drain_rest(self, runs: dict[str, str], figures: Figures, show: Display) -> None:
        """Drains again what the portal did not take the first time."""
        for _ in range(DRAINS):
            if figures.deliveries()[1] == 0:
                return
            time.sleep(DRAIN_PAUSE_SECONDS)
            again = self.airflow.trigger(DRAIN, {})
            self._follow(runs, (DRAIN,), again["run_after"], figures, show)
        if still_open := figures.deliveries()[1]:
            raise StackError(f"{still_open} messages to the portal are still open: see api.delivery for their state")

    def _let_city_portal_follow(self) -> dict[str, int]:
        """Has the stand-in city portal take what was published, as a consumer does: `seq` and `rows` it then holds."""
        feed = (self.home / "feeds" / "v1").as_uri()
        address = f"{self.urls['city']}/control/city-portal/follow"
        answer = requests.post(address, json={"feed": feed}, timeout=FOLLOW_SECONDS)
        if not answer.ok:
            raise StackError(f"the city portal does not take the feed: {answer.text}")
        held: dict[str, int] = answer.json()
        return held

    def _why_red(self, dag_id: str, run_id: str) -> str:
        tasks = self.airflow.tasks(dag_id, run_id, state="failed")
        if not tasks:
            return f"{dag_id} failed without a red task: see {self.programs.logs}/airflow-scheduler.log"
        task = tasks[0]
        folder = self.programs.logs / "tasks" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task['task_id']}"
        name = f"{dag_id}.{task['task_id']}" + (f"[{task['rendered_map_index']}]" if task["map_index"] >= 0 else "")
        said = self.airflow.complaints(task)
        return f"{name} failed ({len(tasks)} red in this run); its last words:\n{said}\nsee {folder}"

    # ── stopping ──────────────────────────────────────────────────────────────────────────────

    def stop(self) -> None:
        """Stops everything that was started, the database last; safe to call at any moment, more than once."""
        with self._timed("stop"):
            started = self.programs.started
            self.programs.stop_together([program for program in started if program.name != "database"])
            self.programs.stop(within_seconds=60)
        if self._lock is not None:
            (self.home / "run" / "stack.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 1)


@contextlib.contextmanager
def running(plan: Plan) -> Iterator[Stack]:
    """A started stack for the length of a block."""
    stack = Stack(plan)
    try:
        try:
            stack.start()
        except requests.RequestException as error:
            raise StackError(f"Airflow's API: {error}") from error
        yield stack
    finally:
        stack.stop()


def _program(name: str) -> Path:
    return Path(sys.executable).parent / name


def _inherited() -> dict[str, str]:
    """The caller's environment, without what would change what these programs do."""
    foreign = ("AIRFLOW", "MOTCUA_", "PYTHON", "PG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": OWN_CODE}
