"""boto3: objects, their keys, bodies, checksums, conditions, copies and lists."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from conftest import client, keys, new_bucket, refused

ODD_KEYS = [
    *["a//b", "/a", "a/", "../x", "x/../y", "./z"],
    *["a b+c%", "%2F", "k?q=1#f", "~*()!", "a\nb", "<&'\">"],
    *["naïve/ключ/鍵", "🪟 🏳️‍🌈"],
]


def test_put_get_head_delete(s3, bucket):
    put = s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"hello",
        ContentType="text/plain",
        CacheControl="no-cache",
        Metadata={"colour": "red"},
    )
    assert put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert put["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"hello"
    head = s3.head_object(Bucket=bucket, Key="k")
    for answer in (got, head):
        assert (answer["ContentLength"], answer["ContentType"], answer["ETag"]) == (5, "text/plain", put["ETag"])
        assert (answer["CacheControl"], answer["Metadata"]) == ("no-cache", {"colour": "red"})
    s3.delete_object(Bucket=bucket, Key="k")
    assert refused(s3.get_object, Bucket=bucket, Key="k") == (404, "NoSuchKey")
    assert refused(s3.head_object, Bucket=bucket, Key="k") == (404, "404")


def test_buckets(s3):
    name = new_bucket(s3)
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.head_bucket(Bucket=name)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.put_object(Bucket=name, Key="k", Body=b"")
    assert refused(s3.delete_bucket, Bucket=name) == (409, "BucketNotEmpty")
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    assert refused(s3.head_bucket, Bucket=name) == (404, "404")
    s3.get_waiter("bucket_not_exists").wait(Bucket=name)


def test_an_empty_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="empty")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["ContentLength"], got["Body"].read()) == (0, b"")
    assert refused(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-0") == (416, "InvalidRange")


def test_odd_keys(s3, bucket):
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert keys([s3.list_objects_v2(Bucket=bucket)]) == sorted(ODD_KEYS, key=str.encode)
    assert keys([s3.list_objects(Bucket=bucket)]) == sorted(ODD_KEYS, key=str.encode)
    for key in ODD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
        assert key in keys([s3.list_objects_v2(Bucket=bucket, Prefix=key)])
        s3.copy_object(Bucket=bucket, Key=f"copy of {key}", CopySource={"Bucket": bucket, "Key": key})
        assert s3.head_object(Bucket=bucket, Key=f"copy of {key}")["ContentLength"] == len(key.encode())
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in ODD_KEYS]})
    assert {d["Key"] for d in gone["Deleted"]} == set(ODD_KEYS)
    assert len(keys([s3.list_objects_v2(Bucket=bucket)])) == len(ODD_KEYS)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    name = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"checked", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"checked"
    assert put[name] == got[name]
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[name] == put[name]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ETag", "ObjectSize"])
    assert (attributes["Checksum"][name], attributes["ObjectSize"]) == (put[name], 7)
    assert refused(s3.put_object, Bucket=bucket, Key="bad", Body=b"other", **{name: put[name]}) == (400, "BadDigest")
    assert refused(s3.head_object, Bucket=bucket, Key="bad")[0] == 404


def test_the_default_checksum(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789")
    assert put["ChecksumCRC32"] == "y/Q5Jg=="
    assert s3.get_object(Bucket=bucket, Key="k")["ChecksumCRC32"] == "y/Q5Jg=="


def test_ranges(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    for asked, got, place in [
        ("bytes=0-4", b"01234", "bytes 0-4/10"),
        ("bytes=5-", b"56789", "bytes 5-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
    ]:
        answer = s3.get_object(Bucket=bucket, Key="k", Range=asked)
        assert (answer["Body"].read(), answer["ContentRange"]) == (got, place)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-") == (416, "InvalidRange")


def test_conditions(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    now = datetime.now(timezone.utc)
    hour = timedelta(hours=1)
    where = {"Bucket": bucket, "Key": "k"}
    s3.get_object(**where, IfMatch=tag)
    s3.get_object(**where, IfModifiedSince=now - hour)
    s3.get_object(**where, IfUnmodifiedSince=now + hour)
    assert refused(s3.get_object, **where, IfMatch='"other"') == (412, "PreconditionFailed")
    assert refused(s3.get_object, **where, IfNoneMatch=tag) == (304, "304")
    assert refused(s3.get_object, **where, IfModifiedSince=now) == (304, "304")
    assert refused(s3.get_object, **where, IfUnmodifiedSince=now - hour) == (412, "PreconditionFailed")
    assert refused(s3.put_object, **where, Body=b"2", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refused(s3.put_object, **where, Body=b"2", IfMatch='"other"') == (412, "PreconditionFailed")
    s3.put_object(**where, Body=b"2", IfMatch=tag)
    assert s3.get_object(**where)["Body"].read() == b"2"


def test_copies(s3, bucket):
    source = {"Bucket": bucket, "Key": "from"}
    s3.put_object(**source, Body=b"x", Metadata={"a": "1"}, Tagging="t=1", ContentType="text/css")
    s3.copy_object(Bucket=bucket, Key="same", CopySource=source)
    same = s3.head_object(Bucket=bucket, Key="same")
    assert (same["Metadata"], same["ContentType"]) == ({"a": "1"}, "text/css")
    assert s3.get_object_tagging(Bucket=bucket, Key="same")["TagSet"] == [{"Key": "t", "Value": "1"}]
    new = {"MetadataDirective": "REPLACE", "Metadata": {"b": "2"}, "TaggingDirective": "REPLACE", "Tagging": "u=2"}
    s3.copy_object(Bucket=bucket, Key="new", CopySource=source, **new)
    assert s3.head_object(Bucket=bucket, Key="new")["Metadata"] == {"b": "2"}
    assert s3.get_object_tagging(Bucket=bucket, Key="new")["TagSet"] == [{"Key": "u", "Value": "2"}]
    assert refused(s3.copy_object, Bucket=bucket, Key="from", CopySource=source) == (400, "InvalidRequest")
    stale = {"CopySourceIfMatch": '"other"'}
    assert refused(s3.copy_object, Bucket=bucket, Key="no", CopySource=source, **stale) == (412, "PreconditionFailed")


def test_lists_of_2500_keys_and_batches_of_1000(s3, bucket):
    names = [f"d{n % 5}/{n:04}" for n in range(2500)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"x"), names))
    for operation in ("list_objects_v2", "list_objects"):
        pages = list(s3.get_paginator(operation).paginate(Bucket=bucket))
        assert [len(p["Contents"]) for p in pages] == [1000, 1000, 500]
        assert keys(pages) == sorted(names)
    versions = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    assert keys(versions, "Versions") == sorted(names)
    small = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="d3/", PaginationConfig={"PageSize": 7})
    assert keys(small) == sorted(n for n in names if n.startswith("d3/"))
    folders = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in folders["CommonPrefixes"]] == [f"d{n}/" for n in range(5)]
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="d4/2494", MaxKeys=1)
    assert keys([after]) == ["d4/2499"]
    for start in range(0, 2500, 1000):
        batch = [{"Key": key} for key in names[start : start + 1000]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch})
        assert len(answer["Deleted"]) == len(batch) and "Errors" not in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_five_concurrent_writers(s3, bucket):
    def write(writer):
        body = bytes([writer]) * 300_000
        for turn in range(8):
            s3.put_object(Bucket=bucket, Key="shared", Body=body)
            s3.put_object(Bucket=bucket, Key=f"own/{writer}/{turn}", Body=body)
            seen = s3.get_object(Bucket=bucket, Key="shared")
            assert seen["ETag"].strip('"') == hashlib.md5(seen["Body"].read()).hexdigest()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(write, range(5)))
    last = s3.get_object(Bucket=bucket, Key="shared")["Body"].read()
    assert last in [bytes([writer]) * 300_000 for writer in range(5)]
    assert len(keys([s3.list_objects_v2(Bucket=bucket, Prefix="own/")])) == 40


def test_virtual_hosted_buckets(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"path style")
    port = server.host.rpartition(":")[2]

    def to_localhost(request, **_):
        # The name `bucket.localhost` need not resolve: the request goes to the listener, its Host stays as signed.
        request.headers["Host"] = f"{bucket}.localhost:{port}"
        request.url = request.url.replace(f"{bucket}.localhost", "127.0.0.1")

    virtual = client(server, f"http://localhost:{port}", s3={"addressing_style": "virtual"})
    virtual.meta.events.register("before-send.s3", to_localhost)
    assert virtual.get_object(Bucket=bucket, Key="k")["Body"].read() == b"path style"
    virtual.put_object(Bucket=bucket, Key="v/ö", Body=b"virtual")
    assert keys([virtual.list_objects_v2(Bucket=bucket)]) == ["k", "v/ö"]
    assert s3.get_object(Bucket=bucket, Key="v/ö")["Body"].read() == b"virtual"
