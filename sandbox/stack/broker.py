"""The broker between scheduler and Celery workers: Redis on loopback, behind a password, with nothing on the disk.

What a broker forgets is queued again by the scheduler: the truth about tasks lies in Airflow's database.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import redis

from sandbox.stack.processes import Program, Programs, StackError, patiently

READY_SECONDS = 20


def start_broker(programs: Programs, home: Path, *, port: int, password: str) -> Program:
    """Starts Redis and waits until it answers.

    Raises:
        StackError: it is not installed, or does not answer.
    """
    server = shutil.which("redis-server")
    if server is None:
        raise StackError("redis-server is not installed: as root on Debian, `make test` installs it")
    settings = home / "run" / "redis.conf"  # a password on the command line would be everybody's to read
    settings.touch(mode=0o600)
    settings.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n')
    program = programs.start("broker", (server, settings), {}, home / "run")
    client = redis.Redis(port=port, password=password)
    for _ in patiently(READY_SECONDS):
        programs.check()
        try:
            client.ping()
        except redis.ConnectionError:
            continue
        client.close()
        return program
    raise StackError(f"the broker is not ready after {READY_SECONDS} s:\n{program.tail()}")
