# W2 in Rego, statement by statement, in the order of the two policy documents.
#
# Everything can be said. A star between literals is `startswith` and `contains`, which is exact where the literals
# cannot overlap, and keeps a star in a user name literal; two patterns need `glob.match`. What several statements
# ask for is a rule of its own: the machine computes it once for each request. Dates are compared in
# nanoseconds since 1970, the request's and the policy's both converted beforehand. Rego has no type for
# addresses, so `net.cidr_contains` reads its arguments each time. Action names are compared with their case.
package peers

import rego.v1

default allow := false

allow if {
	permit
	not forbid
}

user := input.context["aws:username"]

in_team if startswith(input.resource, "arn:aws:s3:::team-")

in_home if {
	in_team
	contains(input.resource, concat("", ["/home/", user, "/"]))
}

in_shared if {
	in_team
	contains(input.resource, "/shared/")
}

from_offices if net.cidr_contains("10.0.0.0/8", input.context["aws:SourceIp"])

from_offices if net.cidr_contains("203.0.113.0/24", input.context["aws:SourceIp"])

onsite if net.cidr_contains("10.1.0.0/16", input.context["aws:SourceIp"])

onsite if net.cidr_contains("192.168.7.0/24", input.context["aws:SourceIp"])

encrypted if input.context["s3:x-amz-server-side-encryption"] == "aws:kms"

# ListBuckets
permit if {
	input.action in {"s3:ListAllMyBuckets", "s3:GetBucketLocation"}
	startswith(input.resource, "arn:aws:s3:::")
}

# ListTeam
permit if {
	startswith(input.action, "s3:List")
	in_team
	listed_prefix
	input.context["s3:max-keys"] < 1001
}

listed_prefix if startswith(input.context["s3:prefix"], concat("", ["home/", user, "/"]))

listed_prefix if startswith(input.context["s3:prefix"], "shared/")

# HomeRW
permit if {
	read_or_object
	in_home
	from_offices
	input.context["aws:SecureTransport"] == true
}

read_or_object if startswith(input.action, "s3:Get")

read_or_object if {
	startswith(input.action, "s3:")
	endswith(input.action, "Object")
}

# SharedRead
permit if {
	input.action in {"s3:GetObject", "s3:GetObjectVersion"}
	in_shared
	from_offices
}

# Inbox: until 2027-01-01T00:00:00Z
permit if {
	input.action == "s3:PutObject"
	in_team
	contains(input.resource, concat("", ["/inbox/", user, "/"]))
	input.context["aws:CurrentTime"] < 1798761600000000000
	input.context["aws:SecureTransport"] == true
}

# Multipart
permit if {
	input.action in {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
	in_home
}

# PublicData
permit if {
	startswith(input.action, "s3:Get")
	glob.match("arn:aws:s3:::public-data-??/*", null, input.resource)
}

# HomeTmpDelete
permit if {
	input.action in {"s3:DeleteObject", "s3:DeleteObjectVersion"}
	in_team
	contains(input.resource, concat("", ["/home/", user, "/tmp/"]))
	input.context["aws:MultiFactorAuthPresent"] == true
}

# NoSharedDelete: until 2030-01-01T00:00:00Z
forbid if {
	startswith(input.action, "s3:Delete")
	in_shared
	input.context["aws:CurrentTime"] < 1893456000000000000
}

# FinanceOnsite
forbid if {
	startswith(input.action, "s3:")
	glob.match("arn:aws:s3:::team-*/home/*/finance/*", null, input.resource)
	not onsite
}

# DenyInsecure
forbid if {
	startswith(input.action, "s3:")
	in_team_red
	input.context["aws:SecureTransport"] == false
}

in_team_red if input.resource == "arn:aws:s3:::team-red"

in_team_red if startswith(input.resource, "arn:aws:s3:::team-red/")

# DenyUnencrypted
forbid if {
	input.action == "s3:PutObject"
	startswith(input.resource, "arn:aws:s3:::team-red/")
	not encrypted
}

# AliceReports
permit if {
	input.principal == "arn:aws:iam::111122223333:user/alice"
	input.action in {"s3:GetObject", "s3:GetObjectTagging"}
	startswith(input.resource, "arn:aws:s3:::team-red/reports/")
}

# CiBuild
permit if {
	input.principal in {"arn:aws:iam::111122223333:role/ci", "arn:aws:iam::111122223333:user/bob"}
	input.action == "s3:PutObject"
	startswith(input.resource, "arn:aws:s3:::team-red/build/")
}

# PublicFromOffice
permit if {
	input.action == "s3:GetObject"
	startswith(input.resource, "arn:aws:s3:::team-red/public/")
	net.cidr_contains("203.0.113.0/24", input.context["aws:SourceIp"])
}
