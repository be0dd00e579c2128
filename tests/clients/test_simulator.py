"""boto3 and the AWS CLI ask IAM's simulator, and call STS with every parameter that they have for it."""

import json
import shutil
import subprocess
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import refused
from served import REGION, clean_environment


def of(server, service):
    """boto3's client of the root user for a service."""
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def allowing(action, **more):
    """A policy with one statement."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=1)


@pytest.fixture
def user(server):
    """A user who may read, with a managed policy of AWS."""
    iam, name = of(server, "iam"), f"u-{uuid.uuid4().hex[:8]}"
    arn = iam.create_user(UserName=name, Tags=[])["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=allowing("s3:GetObject"))
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    return arn


def test_results_say_which_statement_and_which_layer(server, user):
    iam = of(server, "iam")
    ask = {"PolicySourceArn": user, "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b/k"]}
    (result,) = iam.simulate_principal_policy(**ask)["EvaluationResults"]
    (matched,) = result["MatchedStatements"]
    assert (result["EvalDecision"], matched["SourcePolicyId"]) == ("allowed", "own")
    assert (matched["StartPosition"], matched["EndPosition"]) == ({"Line": 4, "Column": 3}, {"Line": 8, "Column": 4})
    assert result["EvalDecisionDetails"] == {}
    (specific,) = result["ResourceSpecificResults"]
    assert (specific["EvalResourceName"], specific["EvalResourceDecision"]) == ("arn:aws:s3:::b/k", "allowed")
    # Between accounts both sides are needed.
    policy = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    bound = allowing("s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}})
    for given, decision in [({}, "implicitDeny"), ({"ResourcePolicy": policy}, "allowed")]:
        (result,) = iam.simulate_principal_policy(ResourceOwner="arn:aws:iam::444455556666:root", **given, **ask)[
            "EvaluationResults"
        ]
        assert result["EvalDecision"] == decision
        assert result["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": decision}
    (result,) = iam.simulate_principal_policy(PermissionsBoundaryPolicyInputList=[bound], **ask)["EvaluationResults"]
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert result["MissingContextValues"] == ["aws:SecureTransport"]


def test_exclusions_and_pages(server, user):
    iam = of(server, "iam")
    decide = lambda **more: [
        result["EvalDecision"]
        for page in iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=user,
            ActionNames=["s3:GetObject", "iam:GetUser", "iam:CreateUser"],
            PaginationConfig={"PageSize": 2},
            **more,
        )
        for result in page["EvaluationResults"]
    ]
    assert decide() == ["allowed", "allowed", "implicitDeny"]
    assert decide(PolicyExclusionList=[]) == decide()
    assert decide(PolicyExclusionList=[{"PolicyType": "aws-managed"}]) == ["allowed", "implicitDeny", "implicitDeny"]
    named = {"PolicyName": "own", "AttachmentType": "user", "AttachmentName": user.rsplit("/")[-1]}
    assert decide(PolicyExclusionList=[{"InlinePolicyIdentifier": named}]) == ["implicitDeny", "allowed", "implicitDeny"]
    wrong = {"PolicySourceArn": user, "ActionNames": ["s3:GetObject"], "PolicyExclusionList": [{"PolicyType": "x"}]}
    assert refused(iam.simulate_principal_policy, **wrong) == (400, "ValidationError")


def test_sts_takes_what_clients_send_and_refuses_the_rest(server):
    iam, sts = of(server, "iam"), of(server, "sts")
    account = sts.get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    name = f"r-{uuid.uuid4().hex[:8]}"
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    name = f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("sts:*"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sts = boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    ask = {"RoleArn": role, "RoleSessionName": "session"}
    everything = {
        "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/PowerUserAccess"}],
        "Policy": allowing("s3:*"),
        "DurationSeconds": 900,
        "Tags": [{"Key": "team", "Value": "red"}],
        "TransitiveTagKeys": ["team"],
        "ExternalId": "external",
    }
    assert sts.assume_role(**ask, **everything)["AssumedRoleUser"]["Arn"].endswith("/session")
    context = {"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "abcd"}
    with pytest.raises(ClientError) as caught:
        sts.assume_role(**ask, ProvidedContexts=[context])
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert "ProvidedContexts" in caught.value.response["Error"]["Message"]


def test_the_command_line_shows_the_same(server, user):
    environment = clean_environment(
        AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key, AWS_DEFAULT_REGION=REGION
    )
    command = [shutil.which("aws"), "--endpoint-url", server.url, "--output", "json", "iam", "simulate-principal-policy"]
    command += ["--policy-source-arn", user, "--action-names", "s3:GetObject", "s3:PutObject"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    decisions = [result["EvalDecision"] for result in json.loads(run.stdout)["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny"]
