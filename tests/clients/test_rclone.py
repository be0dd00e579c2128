"""rclone: copy, sync, check and lists, with an object of 100 MB."""

import json
import shutil
import subprocess
import uuid

import pytest

from conftest import make_tree, same_tree
from served import REGION


@pytest.fixture
def rclone(server):
    """Runs rclone with the server as the remote `p:`; gives what it prints."""
    remote = {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_P_TYPE": "s3",
        "RCLONE_CONFIG_P_PROVIDER": "Other",
        "RCLONE_CONFIG_P_ENDPOINT": server.url,
        "RCLONE_CONFIG_P_REGION": REGION,
        "RCLONE_CONFIG_P_ACCESS_KEY_ID": server.access_key,
        "RCLONE_CONFIG_P_SECRET_ACCESS_KEY": server.secret_key,
    }

    def run(*arguments, status=0):
        command = [shutil.which("rclone"), "--retries=1", "--low-level-retries=1", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=server.environment(**remote))
        assert done.returncode == status, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def remote(rclone):
    """A new bucket, as rclone writes it."""
    remote = f"p:rc-{uuid.uuid4().hex[:12]}"
    rclone("mkdir", remote)
    return remote


def test_copy_sync_check_and_lists(rclone, remote, tmp_path):
    tree = make_tree(tmp_path / "tree")
    files = sorted(str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file())
    rclone("copy", tree, f"{remote}/t")
    rclone("check", tree, f"{remote}/t")
    rclone("check", "--download", tree, f"{remote}/t")
    assert sorted(rclone("lsf", "-R", "--files-only", f"{remote}/t").splitlines()) == files
    assert remote.removeprefix("p:") in rclone("lsd", "p:")
    sizes = {line.split(maxsplit=1)[1]: int(line.split()[0]) for line in rclone("ls", f"{remote}/t").splitlines()}
    assert sizes == {name: (tree / name).stat().st_size for name in files}
    (tree / "a").write_text("changed")
    (tree / "b").unlink()
    rclone("check", tree, f"{remote}/t", status=1)
    rclone("sync", tree, f"{remote}/t")
    rclone("check", tree, f"{remote}/t")
    rclone("sync", f"{remote}/t", tmp_path / "back")
    same_tree(tree, tmp_path / "back")
    rclone("moveto", f"{remote}/t/a", f"{remote}/moved")
    assert rclone("cat", f"{remote}/moved") == "changed"
    assert json.loads(rclone("size", "--json", f"{remote}/moved"))["count"] == 1
    rclone("purge", remote)
    assert remote.removeprefix("p:") not in rclone("lsd", "p:")


def test_100_mb(rclone, remote, large, tmp_path):
    rclone("copyto", "--s3-upload-cutoff=16M", "--s3-chunk-size=8M", large, f"{remote}/large")
    rclone("copyto", f"{remote}/large", f"{remote}/copy")
    rclone("copyto", f"{remote}/copy", tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == large.read_bytes()
