"""The AWS CLI: trees both ways, and each setting of a bucket."""

import filecmp
import json
import random
import shutil
import subprocess
import uuid

import pytest

from conftest import make_tree, same_tree


@pytest.fixture
def aws(server):
    """Runs the CLI and reads its JSON; `None` where it prints nothing."""

    def run(*arguments, fails=None, **more):
        command = [shutil.which("aws"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=server.environment(**more))
        if fails:
            assert done.returncode and f"({fails})" in done.stderr, done.stdout + done.stderr
            return None
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if arguments[0] == "s3api" and done.stdout else done.stdout

    return run


@pytest.fixture
def url(aws):
    """A new bucket, as `aws s3` writes it."""
    url = f"s3://cli-{uuid.uuid4().hex[:12]}"
    aws("s3", "mb", url)
    return url


def test_sync_both_ways(aws, url, tmp_path):
    tree = make_tree(tmp_path / "tree")
    aws("s3", "sync", tree, f"{url}/t")
    assert aws("s3", "sync", tree, f"{url}/t") == "", "nothing is left to do"
    back = tmp_path / "back"
    aws("s3", "sync", f"{url}/t", back)
    same_tree(tree, back)
    (tree / "new").write_text("new")
    (tree / "b").unlink()
    aws("s3", "sync", "--delete", tree, f"{url}/t")
    aws("s3", "sync", "--delete", f"{url}/t", back)
    same_tree(tree, back)
    aws("s3", "sync", f"{url}/t", f"{url}/copied")
    listed = aws("s3", "ls", "--recursive", f"{url}/copied/").splitlines()
    assert len(listed) == sum(p.is_file() for p in tree.rglob("*"))


def test_cp_mv_rm(aws, url, tmp_path, large):
    tree = make_tree(tmp_path / "tree")
    aws("s3", "cp", "--recursive", tree, f"{url}/a")
    aws("s3", "mv", "--recursive", f"{url}/a", f"{url}/b")
    assert "PRE b/" in aws("s3", "ls", url) and "PRE a/" not in aws("s3", "ls", url)
    aws("s3", "mv", "--recursive", f"{url}/b", tmp_path / "back")
    same_tree(tree, tmp_path / "back")
    aws("s3", "cp", large, f"{url}/large")
    aws("s3", "cp", f"{url}/large", f"{url}/copy")
    aws("s3", "cp", f"{url}/copy", tmp_path / "large")
    assert filecmp.cmp(large, tmp_path / "large", shallow=False)
    aws("s3", "rm", "--recursive", url)
    assert aws("s3", "ls", url) == ""
    aws("s3", "rb", url)


def test_checksums_of_the_cli(aws, url, tmp_path):
    bucket = url.removeprefix("s3://")
    file = tmp_path / "file"
    file.write_bytes(random.Random(1).randbytes(9_000_000))
    for algorithm in ("CRC64NVME", "SHA256"):
        aws("s3", "cp", "--checksum-algorithm", algorithm, file, f"{url}/k")
        aws("s3", "cp", "--checksum-mode", "ENABLED", f"{url}/k", tmp_path / "back")
        assert filecmp.cmp(file, tmp_path / "back", shallow=False)
        head = aws("s3api", "head-object", "--bucket", bucket, "--key", "k", "--checksum-mode", "ENABLED")
        assert head[f"Checksum{algorithm}"]


def test_presign(aws, url, tmp_path):
    (tmp_path / "f").write_text("signed")
    aws("s3", "cp", tmp_path / "f", f"{url}/f")
    # As boto3, it signs URLs with version 2 where it is not told otherwise.
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n    signature_version = s3v4\n")
    signed = aws("s3", "presign", f"{url}/f", AWS_CONFIG_FILE=str(config)).strip()
    got = subprocess.run(["curl", "-sf", "--noproxy", "*", signed], capture_output=True, text=True, check=True)
    assert got.stdout == "signed"


CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
OWNERSHIP = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}
FLAGS = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
BLOCK = {"PublicAccessBlockConfiguration": {flag: flag.startswith("Block") for flag in FLAGS}}
ENCRYPTION = {
    "ServerSideEncryptionConfiguration": {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    }
}
SETTINGS = [
    ("bucket-versioning", "versioning-configuration", {"Status": "Enabled"}, None),
    ("bucket-tagging", "tagging", {"TagSet": [{"Key": "a", "Value": "b"}]}, "NoSuchTagSet"),
    ("bucket-cors", "cors-configuration", CORS, "NoSuchCORSConfiguration"),
    ("bucket-ownership-controls", "ownership-controls", OWNERSHIP, "OwnershipControlsNotFoundError"),
    ("public-access-block", "public-access-block-configuration", BLOCK, "NoSuchPublicAccessBlockConfiguration"),
    ("bucket-encryption", "server-side-encryption-configuration", ENCRYPTION, None),
]


@pytest.mark.parametrize("name, option, value, none", SETTINGS, ids=[s[0] for s in SETTINGS])
def test_each_setting_is_put_read_and_deleted(aws, url, name, option, value, none):
    bucket = url.removeprefix("s3://")
    # Some answers hold the document under its own name.
    wrapped = next(iter(value)) in ("OwnershipControls", *BLOCK, *ENCRYPTION)
    sent = next(iter(value.values())) if wrapped else value
    aws("s3api", f"put-{name}", "--bucket", bucket, f"--{option}", json.dumps(sent))
    assert aws("s3api", f"get-{name}", "--bucket", bucket) == value
    if none:
        aws("s3api", f"delete-{name}", "--bucket", bucket)
        aws("s3api", f"get-{name}", "--bucket", bucket, fails=none)


def test_policy_acl_and_lock(aws, url):
    bucket = url.removeprefix("s3://")
    where = ("--bucket", bucket)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    aws("s3api", "put-bucket-policy", *where, "--policy", json.dumps(policy))
    assert json.loads(aws("s3api", "get-bucket-policy", *where)["Policy"]) == policy
    assert aws("s3api", "get-bucket-policy-status", *where) == {"PolicyStatus": {"IsPublic": False}}
    aws("s3api", "put-object", *where, "--key", "k", fails="AccessDenied")
    aws("s3api", "delete-bucket-policy", *where)
    aws("s3api", "put-object", *where, "--key", "k")
    assert [g["Permission"] for g in aws("s3api", "get-bucket-acl", *where)["Grants"]] == ["FULL_CONTROL"]
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    aws("s3api", "put-bucket-versioning", *where, "--versioning-configuration", "Status=Enabled")
    aws("s3api", "put-object-lock-configuration", *where, "--object-lock-configuration", json.dumps(lock))
    assert aws("s3api", "get-object-lock-configuration", *where) == {"ObjectLockConfiguration": lock}
