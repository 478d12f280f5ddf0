"""`python -m sandbox.city serve`: one port, one process, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import socket
from pathlib import Path

import uvicorn

from sandbox.city import folders, sql
from sandbox.city.app import city_app
from sandbox.city.connections import write_connections
from sandbox.city.registry import PACKAGED, read_registry
from sandbox.city.scenario import CITY_2018, SCENARIOS
from sandbox.city.state import CityState
from sandbox.city.worktime import moment


def main() -> None:
    """Reads the command line and serves the city."""
    arguments = _parser().parse_args()
    scenario = SCENARIOS[arguments.scenario]
    now = arguments.as_of or scenario.as_of
    registry = read_registry(arguments.registry or scenario.registry or PACKAGED, scenario)
    servers = sql.start_servers(registry, arguments.mariadb)
    state = CityState(registry, seed=arguments.seed, scale=arguments.scale, now=moment(now))
    databases = sql.Databases(state, servers)
    listener = socket.create_server(("127.0.0.1", arguments.port))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    arguments.home.mkdir(parents=True, exist_ok=True)
    sftp = folders.listeners(state)
    ports = {connection: each.getsockname()[1] for connection, each in sftp.items()}
    write_connections(state, url, ports, databases, arguments.home / "connections.json")
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_serve(state, listener, sftp, databases, url))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox.city", description="The stand-in city.")
    serve = parser.add_subparsers(required=True).add_parser("serve", help="serve the city until SIGTERM")
    serve.add_argument("--port", type=int, default=0, help="0: any free one")
    serve.add_argument("--home", type=Path, required=True, help="where connections.json is written")
    serve.add_argument("--scenario", choices=SCENARIOS, default=CITY_2018.name)
    serve.add_argument("--registry", type=Path, help="another than the scenario's")
    serve.add_argument("--seed", type=int, default=2018)
    serve.add_argument("--scale", type=float, default=1.0, help="1: the whole city; 0.01: a hundredth")
    serve.add_argument(
        "--mariadb",
        action="append",
        default=[],
        metavar="CONNECTION",
        help="a database that is MariaDB; repeat for more",
    )
    serve.add_argument("--as-of", help="where the city's clock stands at first, if not where the scenario's does")
    return parser


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _serve(
    state: CityState, listener: socket.socket, sftp: dict[str, socket.socket], databases: sql.Databases, url: str
) -> None:
    # kept open for as long as web servers usually do; with uvicorn's 5 s, a stall of its loop cuts every line at once
    config = uvicorn.Config(
        city_app(state),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,
        date_header=False,  # `Dated` writes it
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    beside = [asyncio.create_task(folders.serve(state, sftp)), asyncio.create_task(databases.serve())]
    for task in beside:
        task.add_done_callback(lambda ended: _end_with(server, ended))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        print(f"ready {url}", flush=True)
    await serving
    for task in beside:
        if task.done():
            task.result()
        task.cancel()


def _end_with(server: uvicorn.Server, ended: asyncio.Task[None]) -> None:
    """A city that has lost some of its servers ends, instead of looking as if these were down."""
    if not ended.cancelled() and ended.exception() is not None:
        server.should_exit = True


if __name__ == "__main__":
    main()
