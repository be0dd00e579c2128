"""Presigned URLs of boto3 and of `portcullis presign`, and POST forms."""

import re
import subprocess
from urllib.parse import urlsplit

import pytest
import requests

from conftest import client, new_bucket
from served import Server, clean_environment, portcullis


@pytest.fixture(scope="module")
def s3(server):
    """boto3 signs URLs with version 2 where it is not told otherwise; that is off by default here."""
    return client(server, signature_version="s3v4")


def send(method, url, **more):
    return requests.request(method, url, timeout=20, **more)


def test_presign_get_and_put(s3, bucket):
    where = {"Bucket": bucket, "Key": "a b/ö+%.txt"}
    put = s3.generate_presigned_url("put_object", Params=where | {"ContentType": "text/plain"})
    assert send("PUT", put, data=b"by URL").status_code == 403, "the signed content type must be sent"
    assert send("PUT", put, data=b"by URL", headers={"Content-Type": "text/plain"}).status_code == 200
    get = s3.generate_presigned_url("get_object", Params=where | {"ResponseContentType": "text/css"}, ExpiresIn=60)
    got = send("GET", get)
    assert (got.status_code, got.content, got.headers["Content-Type"]) == (200, b"by URL", "text/css")
    assert send("GET", get.replace("X-Amz-Expires=60", "X-Amz-Expires=61")).status_code == 403
    assert send("DELETE", get).status_code == 403
    assert send("GET", get, headers={"Range": "bytes=3-"}).content == b"URL"


def test_a_post_form(server, s3, bucket):
    limits = [["content-length-range", 1, 10], ["starts-with", "$Content-Type", "text/"]]
    form = s3.generate_presigned_post(bucket, "form/${filename}", Conditions=limits)
    assert urlsplit(form["url"]).netloc == server.host

    def post(content, kind="text/plain"):
        fields = form["fields"] | {"Content-Type": kind}
        return send("POST", form["url"], data=fields, files={"file": ("n.txt", content)})

    assert post(b"hello").status_code == 204
    assert s3.get_object(Bucket=bucket, Key="form/n.txt")["Body"].read() == b"hello"
    assert "EntityTooLarge" in post(b"hello hello").text
    assert post(b"hello", "image/png").status_code == 403


def presign(server, method, key, *arguments):
    """What `portcullis presign` prints."""
    command = [portcullis(), "presign", method, f"{server.url}/{key}", "--credentials", server.data / "credentials"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True, env=clean_environment())
    return done.stdout.strip()


def test_portcullis_presign(server, s3, bucket):
    put = presign(server, "PUT", f"{bucket}/own.txt", "--header", "x-amz-meta-a: 1", "--expires", "1m")
    assert send("PUT", put, data=b"own").status_code == 403
    assert send("PUT", put, data=b"own", headers={"x-amz-meta-a": "1"}).status_code == 200
    assert s3.head_object(Bucket=bucket, Key="own.txt")["Metadata"] == {"a": "1"}
    assert send("GET", presign(server, "GET", f"{bucket}/own.txt")).content == b"own"
    curl = ["curl", "--silent", "--fail", "--noproxy", "*", presign(server, "GET", f"{bucket}/own.txt")]
    assert subprocess.run(curl, capture_output=True, check=True).stdout == b"own"
    send("DELETE", presign(server, "DELETE", f"{bucket}/own.txt"))
    assert send("GET", presign(server, "GET", f"{bucket}/own.txt")).status_code == 404


def test_signatures_of_version_2_are_off_by_default(server, bucket):
    url = client(server).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert "AWSAccessKeyId=" in url
    assert send("GET", url).status_code in (400, 403)


def test_signatures_of_version_2_where_they_are_allowed(tmp_path):
    with Server(tmp_path, "--allow-sigv2") as server:
        s3 = client(server)
        bucket = new_bucket(s3)
        s3.put_object(Bucket=bucket, Key="a b/k", Body=b"old")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/k"})
        assert "AWSAccessKeyId=" in url
        assert send("GET", url).content == b"old"
        later = re.sub(r"Expires=(\d+)", lambda found: f"Expires={int(found[1]) + 1}", url)
        assert send("GET", later).status_code == 403
        old = client(server, signature_version="s3")
        assert old.get_object(Bucket=bucket, Key="a b/k")["Body"].read() == b"old"
