"""An S3-compatible server on loopback, found by the variables with which an operator would name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import fsspec
import pytest
import requests
from moto.server import ThreadedMotoServer

BUCKET = "cong-khai"


@contextmanager
def object_store() -> Iterator[str]:
    """Serves an empty bucket `BUCKET` for the length of a block; yields the bucket's URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environ:
        for name, value in variables(f"http://{host}:{port}").items():
            environ.setenv(name, value)
        environ.delenv("AWS_PROFILE", raising=False)
        fsspec.get_filesystem_class("s3").clear_instance_cache()  # one that knows another server
        try:
            requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)  # it remembers, within one process
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            yield f"s3://{BUCKET}"
        finally:
            server.stop()


def variables(address: str) -> dict[str, str]:
    """What `docs/settings.md` tells to set."""
    return {
        "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "motcua", "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
