"""s3cmd: single files, trees, information, with an object of 100 MB in parts."""

import re
import shutil
import subprocess
import uuid

import pytest

from conftest import LARGE, make_tree, same_tree
from served import REGION


@pytest.fixture
def s3cmd(server, tmp_path):
    """Runs s3cmd; gives what it prints."""
    config = tmp_path / "s3cfg"
    config.write_text(
        f"[default]\naccess_key = {server.access_key}\nsecret_key = {server.secret_key}\nbucket_location = {REGION}\n"
        f"host_base = {server.host}\nhost_bucket = {server.host}\nuse_https = False\n"
    )

    def run(*arguments):
        command = [shutil.which("s3cmd"), "-c", config, "--no-progress", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=server.environment(LC_ALL="C.UTF-8"))
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        assert "Retrying" not in done.stderr, done.stderr
        return done.stdout

    return run


@pytest.fixture
def url(s3cmd):
    """A new bucket, as s3cmd writes it."""
    url = f"s3://s3cmd-{uuid.uuid4().hex[:12]}"
    s3cmd("mb", url)
    return url


def test_files(s3cmd, url, tmp_path):
    file, back = tmp_path / "a b ö", tmp_path / "back"
    file.write_text("hello")
    s3cmd("put", file, f"{url}/d/a b ö")
    assert re.findall(r"(\d+)\s+(s3://.*)", s3cmd("ls", f"{url}/d/")) == [("5", f"{url}/d/a b ö")]
    info = s3cmd("info", f"{url}/d/a b ö")
    assert "File size: 5" in info and "MD5 sum:   5d41402abc4b2a76b9719d911017c592" in info
    assert "Location:" in s3cmd("info", url)
    s3cmd("cp", f"{url}/d/a b ö", f"{url}/copy")
    s3cmd("get", f"{url}/copy", back)
    assert back.read_text() == "hello"
    s3cmd("mv", f"{url}/copy", f"{url}/moved")
    s3cmd("del", f"{url}/d/a b ö", f"{url}/moved")
    assert s3cmd("ls", "--recursive", url) == ""
    s3cmd("rb", url)


def test_sync(s3cmd, url, tmp_path):
    tree = make_tree(tmp_path / "tree")
    s3cmd("sync", f"{tree}/", f"{url}/t/")
    (tree / "b").unlink()
    (tree / "a").write_text("changed")
    s3cmd("sync", "--delete-removed", f"{tree}/", f"{url}/t/")
    (tmp_path / "back").mkdir()
    s3cmd("sync", f"{url}/t/", f"{tmp_path / 'back'}/")
    same_tree(tree, tmp_path / "back")
    s3cmd("del", "--recursive", "--force", url)
    assert s3cmd("ls", "--recursive", url) == ""


def test_100_mb(s3cmd, url, large, tmp_path):
    s3cmd("put", large, f"{url}/large")
    assert str(LARGE) in s3cmd("ls", f"{url}/large")
    s3cmd("get", f"{url}/large", tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == large.read_bytes()
