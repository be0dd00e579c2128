"""boto3: multipart uploads of 100 MB, their parts, copies, lists and ends."""

import hashlib

from conftest import LARGE, refused

MB = 1024 * 1024


def digest(body):
    """SHA-256 of a file or an answer's body, read in pieces."""
    found = hashlib.sha256()
    while piece := body.read(MB):
        found.update(piece)
    return found.digest()


def of_file(path):
    with path.open("rb") as file:
        return digest(file)


def test_upload_copy_and_download_of_100_mb(s3, bucket, large, tmp_path):
    s3.upload_file(str(large), bucket, "large", ExtraArgs={"Metadata": {"a": "1"}})
    head = s3.head_object(Bucket=bucket, Key="large", PartNumber=1)
    assert (head["PartsCount"], head["ContentLength"], head["ContentRange"]) == (
        13,
        8 * MB,
        f"bytes 0-{8 * MB - 1}/{LARGE}",
    )
    back = tmp_path / "back"
    s3.download_file(bucket, "large", str(back))
    assert of_file(back) == of_file(large)
    # The managed copy: UploadPartCopy for each part.
    s3.copy({"Bucket": bucket, "Key": "large"}, bucket, "copy")
    copy = s3.get_object(Bucket=bucket, Key="copy")
    assert copy["ETag"].endswith('-13"') and copy["Metadata"] == {"a": "1"}
    assert digest(copy["Body"]) == of_file(large)
    middle = s3.get_object(Bucket=bucket, Key="large", Range=f"bytes={8 * MB - 10}-{8 * MB + 9}")
    with large.open("rb") as file:
        file.seek(8 * MB - 10)
        assert middle["Body"].read() == file.read(20)


def test_parts_by_hand(s3, bucket):
    where = {"Bucket": bucket, "Key": "k"}
    source = {"Bucket": bucket, "Key": "source"}
    s3.put_object(**source, Body=b"0123456789" * MB)
    upload = s3.create_multipart_upload(**where, ChecksumAlgorithm="SHA256", Tagging="t=1")["UploadId"]
    first = s3.upload_part_copy(
        **where, UploadId=upload, PartNumber=1, CopySource=source, CopySourceRange=f"bytes=0-{5 * MB - 1}"
    )["CopyPartResult"]
    last = s3.upload_part(**where, UploadId=upload, PartNumber=2, Body=b"end", ChecksumAlgorithm="SHA256")
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    listed = s3.get_paginator("list_parts").paginate(**where, UploadId=upload, PaginationConfig={"PageSize": 1})
    assert [(p["PartNumber"], p["Size"]) for page in listed for p in page["Parts"]] == [(1, 5 * MB), (2, 3)]
    parts = [
        {"PartNumber": n, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
        for n, part in [(1, first), (2, last)]
    ]
    wrong = [parts[0], parts[1] | {"ETag": first["ETag"]}]
    assert refused(s3.complete_multipart_upload, **where, UploadId=upload, MultipartUpload={"Parts": wrong}) == (
        400,
        "InvalidPart",
    )
    unordered = {"Parts": parts[::-1]}
    assert refused(s3.complete_multipart_upload, **where, UploadId=upload, MultipartUpload=unordered) == (
        400,
        "InvalidPartOrder",
    )
    done = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert done["ChecksumSHA256"].endswith("-2")
    got = s3.get_object(**where, PartNumber=2)
    assert (got["Body"].read(), got["PartsCount"]) == (b"end", 2)
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "t", "Value": "1"}]


def test_a_small_part_and_an_abort(s3, bucket):
    where = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    tags = [s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]
    parts = {"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]}
    assert refused(s3.complete_multipart_upload, **where, UploadId=upload, MultipartUpload=parts) == (
        400,
        "EntityTooSmall",
    )
    s3.abort_multipart_upload(**where, UploadId=upload)
    assert refused(s3.upload_part, **where, UploadId=upload, PartNumber=3, Body=b"late") == (404, "NoSuchUpload")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert refused(s3.head_object, **where)[0] == 404
