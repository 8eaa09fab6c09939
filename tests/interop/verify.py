"""The second JOSE implementation of `npm run interop`: jwcrypto and Authlib, by other authors, as Debian packages them.

Reads one JSON task from the standard input, writes its result as JSON. `verify`: verifies each JWS and opens each JWE by each library, and
sees each refused where a byte of it is changed. `make`: makes what a vendor signs, by each library and algorithm.
"""

import base64
import json
import secrets
import sys

from authlib.jose import JsonWebEncryption, JsonWebKey, JsonWebSignature
from authlib.jose.errors import JoseError
from authlib.jose.rfc8037.jws_eddsa import EdDSAAlgorithm
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from jwcrypto import jwa, jwe, jwk, jws
from jwcrypto.common import JWException


# Both libraries are older than RFC 9864, which gave EdDSA on this curve a name of its own: their own implementation, under that name. All
# else here is theirs as it is.
class JwcryptoEd25519(jwa._EdDsa):
    name = "Ed25519"


class AuthlibEd25519(EdDSAAlgorithm):
    name = "Ed25519"


jwa.JWA.algorithms_registry["Ed25519"] = JwcryptoEd25519
JsonWebSignature.register_algorithm(AuthlibEd25519())

# What says that something was changed; any other error is a fault of this script.
REFUSALS = (JWException, JoseError, InvalidTag, InvalidUnwrap, ValueError)


def canonical(value):
    """RFC 8785, as far as strings, integers, lists and objects go."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def material(key):
    """The key without what it is for, which the libraries compare with names that they know."""
    return {name: value for name, value in key.items() if name not in ("alg", "kid", "use")}


class Jwcrypto:
    name = "jwcrypto"

    def verify(self, token, key, alg):
        read = jws.JWS()
        read.allowed_algs = [alg]
        read.deserialize(token, jwk.JWK(**material(key)))
        return read.payload

    def sign(self, header, payload, key):
        made = jws.JWS(payload)
        made.allowed_algs = [header["alg"]]
        made.add_signature(jwk.JWK(**material(key)), None, canonical(header))
        return made.serialize(compact=True)

    def open(self, token, key):
        read = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
        read.deserialize(token, jwk.JWK(**material(key)))
        return read.payload


class Authlib:
    name = "authlib"

    def verify(self, token, key, alg):
        read = JsonWebSignature([alg]).deserialize_compact(token, JsonWebKey.import_key(material(key)))
        return read.payload

    def sign(self, header, payload, key):
        ordered = json.loads(canonical(header))
        made = JsonWebSignature([header["alg"]]).serialize_compact(ordered, payload, JsonWebKey.import_key(material(key)))
        return made.decode()

    def open(self, token, key):
        read = JsonWebEncryption(["ECDH-ES+A256KW", "A256GCM"]).deserialize_compact(token, JsonWebKey.import_key(material(key)))
        return read["payload"]


LIBRARIES = [Jwcrypto(), Authlib()]


def changed(token):
    """The token with one bit of one byte changed: the first, a middle and the last byte of each part."""
    parts = token.split(".")
    for at, part in enumerate(parts):
        data = decode(part)
        for place in sorted({0, len(data) // 2, len(data) - 1}):
            other = bytes(byte ^ 1 if here == place else byte for here, byte in enumerate(data))
            yield ".".join([*parts[:at], encode(other), *parts[at + 1 :]])


def refuses(read, token):
    refused = 0
    for other in changed(token):
        try:
            read(other)
        except REFUSALS:
            refused += 1
        else:
            raise SystemExit("a changed token was taken")
    return refused


def verify(task):
    results = []

    def check(library, item, read):
        payload = encode(read(item["token"]))
        results.append({"name": item["name"], "library": library.name, "payload": payload, "refused": refuses(read, item["token"])})

    for library in LIBRARIES:
        for item in task["jws"]:
            check(library, item, lambda token, item=item: library.verify(token, item["key"], item["alg"]))
        for item in task["jwe"]:
            check(library, item, lambda token, item=item: library.open(token, item["key"]))
    return results


def make(task):
    issuer, client, at = task["issuer"], task["client"], task["at"]
    results = []
    for library in LIBRARIES:
        for alg, key in task["keys"].items():
            private = {"d", "p", "q", "dp", "dq", "qi"}
            public = {name: value for name, value in material(key).items() if name not in private}
            own = {"alg": alg, "kid": key["kid"]}
            assertion = {"iss": client, "sub": client, "aud": issuer, "iat": at, "exp": at + 60, "jti": secrets.token_urlsafe(24)}
            proof = {"htm": "POST", "htu": issuer + "/oauth/token", "iat": at, "jti": secrets.token_urlsafe(24)}
            attestation = {**task["attestation"], "jti": secrets.token_urlsafe(24)}
            results.append(
                {
                    "library": library.name,
                    "alg": alg,
                    "assertion": library.sign({**own, "typ": "JWT"}, canonical(assertion).encode(), key),
                    "proof": library.sign({"alg": alg, "typ": "dpop+jwt", "jwk": public}, canonical(proof).encode(), key),
                    "attestation": library.sign({**own, "typ": "erasure-attestation+jwt"}, canonical(attestation).encode(), key),
                }
            )
    return results


task = json.load(sys.stdin)
json.dump({"verify": verify, "make": make}[task["task"]](task), sys.stdout)
