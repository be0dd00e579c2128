"""The Amazon S3 Encryption Client and `portcullis cp` read what the other wrote, with data keys of the server's KMS."""

import random
import subprocess

import boto3
import pytest
from botocore.config import Config
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.exceptions import S3EncryptionClientError
from s3_encryption.materials.kms_keyring import KmsKeyring
from s3_encryption.materials.materials import AlgorithmSuite, CommitmentPolicy

from conftest import client
from served import REGION, portcullis

SIZES = [0, 1, 16, 1_000_003, 12_000_000]
CONTEXTS = [{}, {"purpose": "test", "a \"b\"": "c=\\d&<e>"}]
FORMAT_2 = {
    "encryption_algorithm": AlgorithmSuite.ALG_AES_256_GCM_IV12_TAG16_NO_KDF,
    "commitment_policy": CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
}


@pytest.fixture(scope="module")
def kms(server):
    return boto3.client(
        "kms",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def key(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


def encrypting(server, kms, key, **config):
    """The encryption client, over a boto3 client of its own: it hooks into it."""
    return S3EncryptionClient(client(server), S3EncryptionClientConfig(keyring=KmsKeyring(kms, key), **config))


def given(context):
    """The encryption context on the command line."""
    return [word for name, value in context.items() for word in ("--encryption-context", f"{name}={value}")]


def cp(server, *arguments, status=0):
    """Copies, and gives what was said."""
    command = [portcullis(), "cp", "--no-resume", *map(str, arguments)]
    done = subprocess.run(command, env=server.environment(), capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr


def test_the_server_encrypts_twice_over(s3, kms, key, bucket):
    twice = {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": key}
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    for size in SIZES:
        body = random.Random(size).randbytes(size)
        written = s3.put_object(Bucket=bucket, Key=f"k{size}", Body=body, **twice)
        assert (written["ServerSideEncryption"], written["SSEKMSKeyId"]) == ("aws:kms:dsse", arn)
        read = s3.get_object(Bucket=bucket, Key=f"k{size}")
        assert (read["ServerSideEncryption"], read["SSEKMSKeyId"]) == ("aws:kms:dsse", arn)
        assert read["Body"].read() == body
    default = {"SSEAlgorithm": "aws:kms:dsse", "KMSMasterKeyID": arn}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found[0]["ApplyServerSideEncryptionByDefault"] == default
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "aws:kms:dsse"
    kms.disable_key(KeyId=key)
    try:
        with pytest.raises(s3.exceptions.ClientError, match="KMS.DisabledException"):
            s3.get_object(Bucket=bucket, Key="k")
    finally:
        kms.enable_key(KeyId=key)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("context", CONTEXTS)
def test_theirs_is_read_here(server, kms, key, bucket, tmp_path, size, context):
    body = random.Random(size).randbytes(size)
    more = {"EncryptionContext": dict(context)} if context else {}
    encrypting(server, kms, key).put_object(Bucket=bucket, Key="k", Body=body, **more)
    cp(server, f"s3://{bucket}/k", tmp_path / "out", "--decrypt-with", f"kms:{key}", *given(context))
    assert (tmp_path / "out").read_bytes() == body


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("context", CONTEXTS)
def test_ours_is_read_there(server, kms, key, bucket, tmp_path, size, context):
    body = random.Random(size).randbytes(size)
    (tmp_path / "in").write_bytes(body)
    options = ["--encrypt-with", f"kms:{key}", "--part-size", "5MiB", *given(context)]
    cp(server, tmp_path / "in", f"s3://{bucket}/k", *options)
    more = {"EncryptionContext": dict(context)} if context else {}
    got = encrypting(server, kms, key).get_object(Bucket=bucket, Key="k", **more)
    assert got["Body"].read() == body


def test_the_previous_format_is_read_where_it_is_allowed(server, kms, key, bucket, tmp_path):
    encrypting(server, kms, key, **FORMAT_2).put_object(Bucket=bucket, Key="k", Body=b"from earlier years")
    arguments = [f"s3://{bucket}/k", tmp_path / "out", "--decrypt-with", f"kms:{key}"]
    assert "does not commit to its key" in cp(server, *arguments, status=1)
    cp(server, *arguments, "--commitment-policy", "require-encrypt-allow-decrypt")
    assert (tmp_path / "out").read_bytes() == b"from earlier years"


def test_both_refuse_what_was_changed(server, s3, kms, key, bucket, tmp_path):
    (tmp_path / "in").write_bytes(b"text" * 100)
    cp(server, tmp_path / "in", f"s3://{bucket}/k", "--encrypt-with", f"kms:{key}")
    stored = s3.get_object(Bucket=bucket, Key="k")
    changed = bytearray(stored["Body"].read())
    changed[5] ^= 1
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(changed), Metadata=stored["Metadata"])
    with pytest.raises(S3EncryptionClientError):
        encrypting(server, kms, key).get_object(Bucket=bucket, Key="k")["Body"].read()
    arguments = [f"s3://{bucket}/k", tmp_path / "out", "--decrypt-with", f"kms:{key}"]
    assert "not authentic" in cp(server, *arguments, status=1)
    assert not (tmp_path / "out").exists()
