"""Places where a test makes the process fail; in operation they do nothing. Each stands once in the code.

`MOTCUA_FAILPOINT=name:action[:nth]` arms one: at its nth pass (the first, unless told) the action happens: `raise`,
`kill` (SIGKILL to this process), `term` (SIGTERM), `stop` (SIGSTOP: it sleeps until SIGCONT), or `sleep <seconds>`.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter

from motcua.errors import ConfigError

VARIABLE = "MOTCUA_FAILPOINT"
POINTS = (
    "collect.before_listing",
    "collect.before_page_kept",
    "collect.after_page_kept",
    "collect.before_batch_recorded",
    "collect.before_batch_committed",
    "collect.after_batch_recorded",
    "judge.before_mapping",
    "judge.before_frames",
    "judge.after_a_frame",
    "judge.before_marked",
    "merge.after_stage",
    "merge.after_lock",
    "merge.after_source_rows",
    "merge.after_dossiers",
    "merge.before_commit",
    "merge.after_commit",
    "publish.before_install",
    "publish.after_install",
    "publish.after_lookups",
    "publish.after_record",
    "publish.after_pointer",
    "drain.before_call",
    "drain.after_call",
    "drain.after_settled",
)
_ARMED = re.compile(
    r"(?P<point>[a-z_.]+):(?P<action>raise|kill|term|stop|sleep (?P<seconds>[0-9.]+))(?::(?P<nth>[0-9]+))?"
)
_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}
_passes: Counter[str] = Counter()
_lock = threading.Lock()


class FailpointHit(Exception):
    """What `raise` raises: no error of ours, so that nothing handles it by name."""


def pass_by(name: str) -> None:
    """Fails here when the environment asks for it; otherwise does nothing.

    Raises:
        FailpointHit: the action is `raise`.
        ConfigError: what is asked for does not exist; a test that names no point would prove nothing.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return
    armed = _ARMED.fullmatch(text)
    if armed is None or armed["point"] not in POINTS:
        raise ConfigError(
            f"{VARIABLE}: expected name:raise|kill|term|stop|sleep <seconds>[:nth], got {text!r}; unset it"
        )
    if armed["point"] == name and _count(name) == int(armed["nth"] or 1):
        _act(armed)


def _count(name: str) -> int:
    with _lock:
        _passes[name] += 1
        return _passes[name]


def _act(armed: re.Match[str]) -> None:
    if armed["seconds"]:
        time.sleep(float(armed["seconds"]))
    elif armed["action"] in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[armed["action"]])
    else:
        raise FailpointHit(armed["point"])
