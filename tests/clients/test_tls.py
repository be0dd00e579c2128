"""boto3 over TLS with the self-made certificate: trailers, customers' keys, MFA Delete."""

import base64
import hmac
import re
import struct
import subprocess
import time

import pytest
from botocore.exceptions import SSLError

from conftest import client, new_bucket, refused
from served import Server, portcullis

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), "--tls-listen", "127.0.0.1:0") as server:
        yield server


@pytest.fixture(scope="module")
def s3(server):
    return client(server, server.tls_url, str(server.certificate))


def test_the_certificate_must_be_trusted(server):
    with pytest.raises(SSLError):
        client(server, server.tls_url).list_buckets()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_in_trailers(s3, bucket, algorithm, tmp_path):
    # Over TLS boto3 sends a file unsigned, in chunks, with its checksum behind it.
    file = tmp_path / "file"
    file.write_bytes(b"trailer" * 100_000)
    sent = []
    s3.meta.events.register_last("before-send.s3.PutObject", lambda request, **_: sent.append(request.headers))
    with file.open("rb") as body:
        put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert sent[-1]["X-Amz-Content-SHA256"] in (
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    )
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == file.read_bytes()
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


def test_customers_keys(server, s3, bucket, large):
    where = {"Bucket": bucket, "Key": "k"}
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    other = key | {"SSECustomerKey": b"o" * 32}
    assert s3.put_object(**where, Body=b"secret", **key)["SSECustomerAlgorithm"] == "AES256"
    assert s3.get_object(**where, **key)["Body"].read() == b"secret"
    assert s3.get_object(**where, **key, Range="bytes=2-3")["Body"].read() == b"cr"
    assert s3.head_object(**where, **key)["ContentLength"] == 6
    assert refused(s3.get_object, **where)[0] == 400
    assert refused(s3.head_object, **where)[0] == 400
    assert refused(s3.get_object, **where, **other) == (403, "AccessDenied")
    source = {f"CopySource{name}": value for name, value in key.items()}
    assert refused(s3.copy_object, Bucket=bucket, Key="c", CopySource=where)[0] == 400
    s3.copy_object(Bucket=bucket, Key="c", CopySource=where, **source)
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"secret"
    s3.upload_file(str(large), bucket, "large", ExtraArgs=key)
    assert s3.get_object(Bucket=bucket, Key="large", **key)["Body"].read() == large.read_bytes()
    plain = client(server)
    assert refused(plain.put_object, **where, Body=b"", **key) == (400, "InvalidRequest")
    assert refused(plain.get_object, **where, **key) == (400, "InvalidRequest")
    assert s3.get_object(**where, **key)["Body"].read() == b"secret"


def totp(secret, step):
    """RFC 6238: six digits of HMAC-SHA-1 over the step's number."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_mfa_delete(tmp_path):
    with Server(tmp_path, "--tls-listen", "127.0.0.1:0") as server:
        server.stop()
        enroll = [portcullis(), "mfa", "enroll", "--data", server.data, "--account", ACCOUNT]
        shown = subprocess.run(enroll, capture_output=True, text=True, check=True).stdout
        serial, secret = (re.search(rf"^{word} (\S+)$", shown, re.MULTILINE)[1] for word in ("serial", "secret"))
        server.start()
        s3 = client(server, server.tls_url, str(server.certificate))
        bucket = new_bucket(s3)
        where = {"Bucket": bucket, "Key": "k"}

        # Each step's code is good once; the one before, the present and the next one are accepted. None is
        # asked for in the last seconds of a step, so that all three are within reach.
        time.sleep(max(0, time.time() % 30 - 20))
        now = int(time.time()) // 30
        codes = [f"{serial} {totp(secret, step)}" for step in (now - 1, now, now + 1)]

        on = {"Status": "Enabled", "MFADelete": "Enabled"}
        assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=on)[0] == 403
        plain = client(server)
        assert refused(plain.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=on, MFA=codes[0])[0] == 400
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=on, MFA=codes[0])
        assert s3.get_bucket_versioning(Bucket=bucket)["MFADelete"] == "Enabled"
        version = s3.put_object(**where, Body=b"x")["VersionId"]
        assert refused(s3.delete_object, **where, VersionId=version) == (403, "AccessDenied")
        assert refused(s3.delete_object, **where, VersionId=version, MFA=codes[0]) == (403, "AccessDenied")
        assert refused(s3.delete_object, **where, VersionId=version, MFA=f"{serial} 000000") == (403, "AccessDenied")
        s3.delete_object(**where)
        s3.delete_object(**where, VersionId=version, MFA=codes[1])
        assert "Versions" not in s3.list_object_versions(Bucket=bucket)
        off = {"Status": "Suspended", "MFADelete": "Disabled"}
        assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=off)[0] == 403
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=off, MFA=codes[2])
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
