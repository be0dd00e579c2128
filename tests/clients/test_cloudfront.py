"""CloudFront's management API with the AWS CLI and boto3, unchanged."""

import json
import shutil
import subprocess
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

from served import REGION


@pytest.fixture
def cli(server):
    """Runs `aws cloudfront` and reads its JSON."""

    def run(*arguments, fails=None):
        command = [shutil.which("aws"), "cloudfront", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=server.environment())
        if fails:
            assert done.returncode and f"({fails})" in done.stderr, done.stdout + done.stderr
            return None
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


@pytest.fixture
def cloudfront(server):
    """boto3's client."""
    return boto3.client(
        "cloudfront",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """An RSA public key of 2,048 bits."""
    private = tmp_path_factory.mktemp("keys") / "private.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", private, "-pubout"], check=True, capture_output=True, text=True)
    return public.stdout


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def test_from_identity_to_distribution_with_the_cli(cli, pem, tmp_path):
    identity = cli(
        "create-cloud-front-origin-access-identity",
        "--cloud-front-origin-access-identity-config",
        f"CallerReference={name('oai')},Comment=reports",
    )
    oai = identity["CloudFrontOriginAccessIdentity"]["Id"]
    control = cli(
        "create-origin-access-control",
        "--origin-access-control-config",
        f"Name={name('oac')},SigningProtocol=sigv4,SigningBehavior=always,OriginAccessControlOriginType=s3",
    )
    key_config = {"CallerReference": name("key"), "Name": name("key"), "EncodedKey": pem, "Comment": ""}
    key = cli("create-public-key", "--public-key-config", json.dumps(key_config))["PublicKey"]
    group_config = {"Name": name("group"), "Items": [key["Id"]]}
    group = cli("create-key-group", "--key-group-config", json.dumps(group_config))["KeyGroup"]
    made = cli("create-distribution", "--origin-domain-name", "reports.s3.amazonaws.com", "--default-root-object", "i.html")
    distribution = made["Distribution"]["Id"]
    assert made["Distribution"]["DistributionConfig"]["DefaultRootObject"] == "i.html"
    cli("wait", "distribution-deployed", "--id", distribution)

    # The way that the CLI's own help describes: get, edit, send back with the ETag.
    got = cli("get-distribution-config", "--id", distribution)
    config = got["DistributionConfig"]
    origin = config["Origins"]["Items"][0]
    origin["S3OriginConfig"]["OriginAccessIdentity"] = f"origin-access-identity/cloudfront/{oai}"
    trusted = {"Enabled": True, "Quantity": 1, "Items": [group["Id"]]}
    config["DefaultCacheBehavior"]["TrustedKeyGroups"] = trusted
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    update = ("update-distribution", "--id", distribution, "--distribution-config", f"file://{file}")
    cli(*update, fails="InvalidIfMatchVersion")
    updated = cli(*update, "--if-match", got["ETag"])
    cli(*update, "--if-match", got["ETag"], fails="PreconditionFailed")
    active = updated["Distribution"]["ActiveTrustedKeyGroups"]
    assert active["Items"] == [{"KeyGroupId": group["Id"], "KeyPairIds": {"Quantity": 1, "Items": [key["Id"]]}}]
    origin["S3OriginConfig"]["OriginAccessIdentity"] = ""
    origin["OriginAccessControlId"] = control["OriginAccessControl"]["Id"]
    file.write_text(json.dumps(config))
    updated = cli(*update, "--if-match", updated["ETag"])

    done = cli("create-invalidation", "--distribution-id", distribution, "--paths", "/*", "/a.html")
    assert done["Invalidation"]["Status"] == "Completed"
    cli("wait", "invalidation-completed", "--distribution-id", distribution, "--id", done["Invalidation"]["Id"])
    assert len(cli("list-invalidations", "--distribution-id", distribution)["InvalidationList"]["Items"]) == 1
    arn = updated["Distribution"]["ARN"]
    cli("tag-resource", "--resource", arn, "--tags", "Items=[{Key=team,Value=red}]")
    assert cli("list-tags-for-resource", "--resource", arn)["Tags"]["Items"] == [{"Key": "team", "Value": "red"}]
    assert distribution in [d["Id"] for d in cli("list-distributions")["DistributionList"]["Items"]]

    control_id = control["OriginAccessControl"]["Id"]
    where = ("--id", control_id, "--if-match", control["ETag"])
    cli("delete-origin-access-control", *where, fails="OriginAccessControlInUse")
    cli("delete-distribution", "--id", distribution, "--if-match", updated["ETag"], fails="DistributionNotDisabled")
    config["Enabled"] = False
    file.write_text(json.dumps(config))
    updated = cli(*update, "--if-match", updated["ETag"])
    cli("delete-distribution", "--id", distribution, "--if-match", updated["ETag"])
    cli("get-distribution", "--id", distribution, fails="NoSuchDistribution")
    cli("delete-origin-access-control", *where)
    group_etag = cli("get-key-group", "--id", group["Id"])["ETag"]
    cli("delete-key-group", "--id", group["Id"], "--if-match", group_etag)
    key_etag = cli("get-public-key", "--id", key["Id"])["ETag"]
    cli("delete-public-key", "--id", key["Id"], "--if-match", key_etag)
    cli("delete-cloud-front-origin-access-identity", "--id", oai, "--if-match", identity["ETag"])


def config_of(reference, **more):
    """A configuration with a cache policy, as new distributions have it."""
    behavior = {
        "TargetOriginId": "o",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "Compress": True,
    }
    origin = {"Id": "o", "DomainName": "reports.s3.us-east-1.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    return {
        "CallerReference": reference,
        "Comment": "made by boto3",
        "Enabled": False,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
    } | more


def test_distributions_with_boto3(cloudfront):
    reference = name("boto3")
    made = cloudfront.create_distribution(DistributionConfig=config_of(reference))
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201 and made["Location"].endswith(made["Distribution"]["Id"])
    identifier = made["Distribution"]["Id"]
    with pytest.raises(cloudfront.exceptions.DistributionAlreadyExists):
        cloudfront.create_distribution(DistributionConfig=config_of(reference))
    # What is shown can be sent back as it is.
    got = cloudfront.get_distribution_config(Id=identifier)
    sent = cloudfront.update_distribution(Id=identifier, IfMatch=got["ETag"], DistributionConfig=got["DistributionConfig"])
    assert sent["Distribution"]["DistributionConfig"] == got["DistributionConfig"]
    with pytest.raises(cloudfront.exceptions.PreconditionFailed):
        cloudfront.delete_distribution(Id=identifier, IfMatch=got["ETag"])
    cloudfront.delete_distribution(Id=identifier, IfMatch=sent["ETag"])
    with pytest.raises(cloudfront.exceptions.NoSuchDistribution):
        cloudfront.get_distribution(Id=identifier)


def test_errors_are_those_that_boto3_knows(cloudfront):
    aliases = {"Quantity": 1, "Items": [f"{name('www')}.example.com"]}
    made = cloudfront.create_distribution(DistributionConfig=config_of(name("a"), Aliases=aliases))
    with pytest.raises(cloudfront.exceptions.CNAMEAlreadyExists):
        cloudfront.create_distribution(DistributionConfig=config_of(name("b"), Aliases=aliases))
    with pytest.raises(cloudfront.exceptions.InvalidDefaultRootObject):
        cloudfront.create_distribution(DistributionConfig=config_of(name("c"), DefaultRootObject="/x"))
    with pytest.raises(cloudfront.exceptions.InvalidOriginAccessControl):
        config = config_of(name("d"))
        config["Origins"]["Items"][0]["OriginAccessControlId"] = "ENONE"
        cloudfront.create_distribution(DistributionConfig=config)
    with pytest.raises(ClientError) as refused:
        config = config_of(name("e"), WebACLId="arn:aws:wafv2:us-east-1:1:global/webacl/x")
        cloudfront.create_distribution(DistributionConfig=config)
    assert refused.value.response["Error"]["Code"] == "InvalidWebACLId"
    assert "WebACLId" in refused.value.response["Error"]["Message"]
    cloudfront.delete_distribution(Id=made["Distribution"]["Id"], IfMatch=made["ETag"])


def test_lists_and_pages(cloudfront):
    made = []
    for n in range(5):
        config = {"CallerReference": name("page"), "Comment": str(n)}
        answer = cloudfront.create_cloud_front_origin_access_identity(CloudFrontOriginAccessIdentityConfig=config)
        made.append((answer["CloudFrontOriginAccessIdentity"]["Id"], answer["ETag"]))
    pages = cloudfront.get_paginator("list_cloud_front_origin_access_identities").paginate(PaginationConfig={"PageSize": 2})
    listed = [item["Id"] for page in pages for item in page["CloudFrontOriginAccessIdentityList"].get("Items", [])]
    assert {identifier for identifier, _ in made} <= set(listed)
    assert len(listed) == len(set(listed))
    for identifier, etag in made:
        cloudfront.delete_cloud_front_origin_access_identity(Id=identifier, IfMatch=etag)
    managed = cloudfront.list_cache_policies(Type="managed")["CachePolicyList"]["Items"]
    names = {item["CachePolicy"]["CachePolicyConfig"]["Name"] for item in managed}
    assert {"Managed-CachingOptimized", "Managed-CachingDisabled"} <= names
    listed = cloudfront.list_origin_request_policies(Type="managed")["OriginRequestPolicyList"]["Items"]
    assert any(item["OriginRequestPolicy"]["OriginRequestPolicyConfig"]["Name"] == "Managed-CORS-S3Origin" for item in listed)
    for identifier in (item["CachePolicy"]["Id"] for item in managed):
        assert cloudfront.get_cache_policy(Id=identifier)["CachePolicy"]["Id"] == identifier


def test_keys_groups_and_controls(cloudfront, pem):
    config = {"CallerReference": name("key"), "Name": name("key"), "EncodedKey": pem, "Comment": "one"}
    key = cloudfront.create_public_key(PublicKeyConfig=config)
    identifier = key["PublicKey"]["Id"]
    changed = cloudfront.update_public_key(Id=identifier, IfMatch=key["ETag"], PublicKeyConfig=config | {"Comment": "two"})
    assert cloudfront.get_public_key_config(Id=identifier)["PublicKeyConfig"]["Comment"] == "two"
    with pytest.raises(cloudfront.exceptions.CannotChangeImmutablePublicKeyFields):
        cloudfront.update_public_key(Id=identifier, IfMatch=changed["ETag"], PublicKeyConfig=config | {"Name": "x"})
    group = cloudfront.create_key_group(KeyGroupConfig={"Name": name("group"), "Items": [identifier]})
    with pytest.raises(cloudfront.exceptions.PublicKeyInUse):
        cloudfront.delete_public_key(Id=identifier, IfMatch=changed["ETag"])
    assert cloudfront.list_key_groups()["KeyGroupList"]["Items"][0]["KeyGroup"]["KeyGroupConfig"]["Items"] == [identifier]
    cloudfront.delete_key_group(Id=group["KeyGroup"]["Id"], IfMatch=group["ETag"])
    cloudfront.delete_public_key(Id=identifier, IfMatch=changed["ETag"])
    with pytest.raises(cloudfront.exceptions.InvalidArgument):
        cloudfront.create_public_key(PublicKeyConfig=config | {"EncodedKey": "no key", "CallerReference": name("x")})
    control = {"Name": name("oac"), "SigningProtocol": "sigv4", "SigningBehavior": "never", "OriginAccessControlOriginType": "s3"}
    made = cloudfront.create_origin_access_control(OriginAccessControlConfig=control)
    with pytest.raises(cloudfront.exceptions.OriginAccessControlAlreadyExists):
        cloudfront.create_origin_access_control(OriginAccessControlConfig=control)
    where = {"Id": made["OriginAccessControl"]["Id"]}
    changed = cloudfront.update_origin_access_control(
        **where, IfMatch=made["ETag"], OriginAccessControlConfig=control | {"SigningBehavior": "always"}
    )
    assert cloudfront.get_origin_access_control(**where)["ETag"] == changed["ETag"]
    cloudfront.delete_origin_access_control(**where, IfMatch=changed["ETag"])
