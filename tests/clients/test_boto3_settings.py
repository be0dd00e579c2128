"""boto3: what is set on buckets and objects, and that it holds for the very next request."""

import json
from datetime import datetime, timedelta, timezone

import pytest
import requests

from conftest import keys, new_bucket, refused


def anonymous(server, bucket, key, **headers):
    """The status of a GET that nobody signed."""
    return requests.get(f"{server.url}/{bucket}/{key}", headers=headers, timeout=20).status_code


def test_versioning(s3, bucket):
    where = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    first, second = (s3.put_object(**where, Body=body)["VersionId"] for body in (b"1", b"2"))
    assert s3.get_object(**where)["VersionId"] == second
    assert s3.get_object(**where, VersionId=first)["Body"].read() == b"1"
    assert s3.get_object(**where, VersionId="null")["Body"].read() == b"before"
    gone = s3.delete_object(**where)
    assert gone["DeleteMarker"]
    assert refused(s3.get_object, **where) == (404, "NoSuchKey")
    assert refused(s3.get_object, **where, VersionId=gone["VersionId"]) == (405, "MethodNotAllowed")
    listed = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in listed["Versions"]] == [second, first, "null"]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(gone["VersionId"], True)]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert len(keys(pages, "Versions")) == 3
    s3.delete_object(**where, VersionId=gone["VersionId"])
    s3.delete_object(**where, VersionId=second)
    assert s3.get_object(**where)["Body"].read() == b"1"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.put_object(**where, Body=b"null again")["VersionId"] == "null"
    assert s3.get_object(**where, VersionId=first)["Body"].read() == b"1"
    assert refused(s3.get_object, **where, VersionId="none")[0] == 400


def test_tagging(s3, bucket):
    where = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"", Tagging="a=1&b=%C3%A4")
    assert s3.get_object(**where)["TagCount"] == 2
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "ä"}]
    s3.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3.delete_object_tagging(**where)
    assert s3.get_object_tagging(**where)["TagSet"] == []
    many = {"TagSet": [{"Key": str(n), "Value": ""} for n in range(11)]}
    assert refused(s3.put_object_tagging, **where, Tagging=many)[0] == 400
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "x"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "x"}]
    s3.delete_bucket_tagging(Bucket=bucket)


def test_a_bucket_policy_is_in_force_at_once(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    # Block Public Access is on by default.
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=policy) == (403, "AccessDenied")
    s3.delete_public_access_block(Bucket=bucket)
    for _ in range(20):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        assert anonymous(server, bucket, "k") == 200
        s3.delete_bucket_policy(Bucket=bucket)
        assert anonymous(server, bucket, "k") == 403
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    deny = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Effect": "Deny"}]})
    s3.put_bucket_policy(Bucket=bucket, Policy=deny)
    assert refused(s3.get_object, Bucket=bucket, Key="k") == (403, "AccessDenied")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert anonymous(server, bucket, "k") == 403
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy="{}") == (400, "MalformedPolicy")


def test_acls(server, s3):
    enforced = new_bucket(s3)
    s3.delete_public_access_block(Bucket=enforced)
    refusal = (400, "AccessControlListNotSupported")
    assert refused(s3.put_object, Bucket=enforced, Key="k", Body=b"", ACL="public-read") == refusal
    bucket = new_bucket(s3, ObjectOwnership="ObjectWriter")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert anonymous(server, bucket, "k") == 200
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    everyone = "http://acs.amazonaws.com/groups/global/AllUsers"
    assert ("READ", everyone) in [(g["Permission"], g["Grantee"].get("URI")) for g in grants]
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert anonymous(server, bucket, "k") == 403
    assert anonymous(server, bucket, "") == 403
    s3.put_bucket_acl(Bucket=bucket, GrantRead=f'uri="{everyone}"')
    assert anonymous(server, bucket, "") == 200
    owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]
    full = {"Grantee": {"Type": "CanonicalUser", "ID": owner["ID"]}, "Permission": "FULL_CONTROL"}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": owner, "Grants": [full]})
    assert [g["Permission"] for g in s3.get_bucket_acl(Bucket=bucket)["Grants"]] == ["FULL_CONTROL"]


def test_cors(server, s3, bucket):
    assert refused(s3.get_bucket_cors, Bucket=bucket) == (404, "NoSuchCORSConfiguration")
    rule = {
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": ["x-amz-*"],
        "MaxAgeSeconds": 9,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]

    def preflight(origin, method):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "x-amz-date",
        }
        return requests.options(f"{server.url}/{bucket}/k", headers=asked, timeout=20)

    good = preflight("https://a.example.com", "PUT")
    assert good.status_code == 200
    assert good.headers["Access-Control-Allow-Origin"] == "https://a.example.com"
    assert good.headers["Access-Control-Max-Age"] == "9"
    assert preflight("https://a.example.com", "DELETE").status_code == 403
    assert preflight("https://example.org", "PUT").status_code == 403
    s3.delete_bucket_cors(Bucket=bucket)
    assert preflight("https://a.example.com", "PUT").status_code == 403


def test_object_lock(s3):
    bucket = new_bucket(s3, ObjectLockEnabledForBucket=True)
    where = {"Bucket": bucket, "Key": "k"}
    until = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    version = s3.put_object(**where, Body=b"kept", **lock)["VersionId"]
    assert s3.get_object_retention(**where)["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    assert refused(s3.delete_object, **where, VersionId=version) == (403, "AccessDenied")
    s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    bypass = {"VersionId": version, "BypassGovernanceRetention": True}
    assert refused(s3.delete_object, **where, **bypass) == (403, "AccessDenied")
    s3.put_object_legal_hold(**where, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(**where)["LegalHold"]["Status"] == "OFF"
    s3.delete_object(**where, **bypass)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]["Rule"] == rule
    bypass["VersionId"] = s3.put_object(**where, Body=b"kept")["VersionId"]
    assert s3.head_object(**where)["ObjectLockMode"] == "COMPLIANCE"
    assert refused(s3.delete_object, **where, **bypass) == (403, "AccessDenied")


def test_default_encryption(s3, bucket):
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    kms = {"ServerSideEncryption": "aws:kms"}
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", **kms)["ServerSideEncryption"] == "aws:kms"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(
    "read, code",
    [
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_what_is_not_set(s3, bucket, read, code):
    assert refused(getattr(s3, read), Bucket=bucket) == (404, code)


def test_what_is_not_kept_is_refused(s3, bucket):
    paid = {"RequestPaymentConfiguration": {"Payer": "Requester"}}
    assert refused(s3.put_bucket_request_payment, Bucket=bucket, **paid) == (501, "NotImplemented")
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
