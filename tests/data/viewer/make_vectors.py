"""Writes vectors.json: requests signed by botocore's CloudFrontSigner with the test keys of this folder."""
import datetime
import json
import pathlib
from urllib.parse import urlsplit

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

HERE = pathlib.Path(__file__).parent
NOW = 1_800_000_000
HASHES = {"SHA1": hashes.SHA1(), "SHA256": hashes.SHA256()}
PLAIN = "http://d111111abcdef8.cloudfront.net/images/horizon.jpg"
QUERY = "https://cdn.example.com:8443/images/horizon.jpg?size=large&license=yes"


def private(name):
    return serialization.load_pem_private_key((HERE / name).read_bytes(), None)


KEYS = {"KRSA": private("rsa.pkcs8.pem"), "KEC": private("ec.pkcs8.pem")}


def signer(key_id, digest):
    key = KEYS[key_id]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return CloudFrontSigner(key_id, lambda text: key.sign(text, ec.ECDSA(HASHES[digest])))
    return CloudFrontSigner(key_id, lambda text: key.sign(text, padding.PKCS1v15(), HASHES[digest]))


def at(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def request(name, signed, digest, as_cookies):
    url = urlsplit(signed)
    pairs = [] if digest == "SHA1" else [("Hash-Algorithm", digest)]
    if not as_cookies:
        query = "&".join([url.query] + [f"{n}={v}" for n, v in pairs])
        return {"name": name, "scheme": url.scheme, "host": url.netloc, "path_and_query": f"{url.path}?{query}", "cookie": ""}
    pieces = url.query.split("&")
    names = ("Expires", "Policy", "Signature", "Key-Pair-Id")
    signing = [tuple(p.split("=", 1)) for p in pieces if p.split("=", 1)[0] in names] + pairs
    own = "&".join(p for p in pieces if p.split("=", 1)[0] not in names)
    cookie = "; ".join(f"CloudFront-{n}={v}" for n, v in signing)
    return {"name": name, "scheme": url.scheme, "host": url.netloc, "path_and_query": url.path + (f"?{own}" if own else ""),
            "cookie": cookie}


def main():
    vectors = []
    for key_id in KEYS:
        for digest in HASHES:
            one = signer(key_id, digest)
            custom = one.build_policy("http*://*/images/*?size=l?rge*", at(NOW + 60), at(NOW - 60), "192.0.2.0/24")
            bare = one.build_policy("*", at(NOW + 60), None, "192.0.2.10")
            spaced = json.dumps({"Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": NOW + 1}}}]}, indent=1)
            urls = {
                "canned": one.generate_presigned_url(PLAIN, at(NOW + 60)),
                "canned-query": one.generate_presigned_url(QUERY, at(NOW + 60)),
                "custom": one.generate_presigned_url(QUERY, policy=custom),
                "one-address": one.generate_presigned_url(PLAIN, policy=bare),
                "no-resource": one.generate_presigned_url(QUERY, policy=spaced),
            }
            for name, url in urls.items():
                for as_cookies in (False, True):
                    where = "cookies" if as_cookies else "url"
                    vectors.append(request(f"{key_id}-{digest}-{name}-{where}", url, digest, as_cookies))
    (HERE / "vectors.json").write_text(json.dumps({"now": NOW, "source_ip": "192.0.2.10", "requests": vectors}, indent=1) + "\n")


main()
