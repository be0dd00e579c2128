"""What the suites share. Each suite has a server of its own, which is scrubbed when the suite has ended."""

import random
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from served import REGION, Server

LARGE = 100 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with default settings."""
    with Server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def s3(server):
    """boto3's client of the root user."""
    return client(server)


@pytest.fixture
def bucket(s3):
    """A new bucket."""
    return new_bucket(s3)


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A file of 100 MB that does not repeat itself."""
    path = tmp_path_factory.mktemp("large") / "large"
    path.write_bytes(random.Random(3).randbytes(LARGE))
    return path


def client(server, url=None, verify=None, **config):
    """boto3's client of the root user. Nothing is tried twice: a second try would hide a fault."""
    config.setdefault("retries", {"total_max_attempts": 1})
    return boto3.client(
        "s3",
        endpoint_url=url or server.url,
        region_name=REGION,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        verify=verify,
        config=Config(**config),
    )


def new_bucket(s3, **settings):
    """Makes a bucket with a name of its own."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, **settings)
    return name


def refused(call, **parameters):
    """Status and code of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def keys(pages, part="Contents"):
    """The keys of a paginator's pages."""
    return [entry["Key"] for page in pages for entry in page.get(part, [])]


def make_tree(root):
    """A folder with files that clients find hard: nested, empty, unicode, blanks, several parts."""
    noise = random.Random(7)
    files = {"a": 10, "b": 0, "sub/deep/c d+e%.txt": 100, "sub/ключ 鍵.bin": 5_000, "large.bin": 20_000_000}
    files |= {f"many/{n:03}": n for n in range(40)}
    for name, size in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(noise.randbytes(size))
    return root


def same_tree(left, right):
    """Both folders hold the same files with the same content."""
    held = [{p.relative_to(side): p.read_bytes() for p in side.rglob("*") if p.is_file()} for side in (left, right)]
    assert held[0].keys() == held[1].keys()
    assert [str(name) for name in held[0] if held[0][name] != held[1][name]] == []
