"""Tokens never seen, one after the other: what the SDK adds to the bare check of their signatures.

Bare is what any use of `cryptography` for a JWS takes: decode the signature, write it as DER, verify. In turns, in
one process, by CPU time; prints one line of JSON for each algorithm.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from auth_agent_mcp.jwk import import_jwk
from auth_agent_mcp.options import check_options
from auth_agent_mcp.verifier import Credential, Verifier
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

ISSUER, RESOURCE = "https://as.example", "https://mcp.example/mcp"
TOKENS, ROUNDS = 10_000, 5


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def number(value: int, length: int) -> str:
    return encode(value.to_bytes(length, "big"))


class Es256:
    name = "ES256"
    key = ec.generate_private_key(ec.SECP256R1())

    def jwk(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32)}

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def bare(self) -> Callable[[bytes], None]:
        public, algorithm = self.key.public_key(), ec.ECDSA(hashes.SHA256())

        def verify(token: bytes) -> None:
            data, _, signature = token.rpartition(b".")
            raw = decode(signature)
            der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            public.verify(der, data, algorithm)

        return verify


class EdDsa:
    name = "EdDSA"
    key = ed25519.Ed25519PrivateKey.generate()

    def jwk(self) -> dict[str, Any]:
        return {"kty": "OKP", "crv": "Ed25519", "x": encode(self.key.public_key().public_bytes_raw())}

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data)

    def bare(self) -> Callable[[bytes], None]:
        public = self.key.public_key()

        def verify(token: bytes) -> None:
            data, _, signature = token.rpartition(b".")
            public.verify(decode(signature), data)

        return verify


class Rs256:
    name = "RS256"
    key = rsa.generate_private_key(65537, 2048)

    def jwk(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "n": number(numbers.n, 256), "e": number(numbers.e, 3)}

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def bare(self) -> Callable[[bytes], None]:
        public, scheme, digest = self.key.public_key(), padding.PKCS1v15(), hashes.SHA256()

        def verify(token: bytes) -> None:
            data, _, signature = token.rpartition(b".")
            public.verify(decode(signature), data, scheme, digest)

        return verify


def make_tokens(algorithm: Any, count: int, start: int) -> list[str]:
    header = encode(json.dumps({"typ": "at+jwt", "alg": algorithm.name, "kid": "k"}).encode())
    now, tokens = int(time.time()), []
    for index in range(start, start + count):
        claims = {
            "iss": ISSUER,
            "sub": "usr_ne3homgegwz2kohv6liezvuqep",
            "aud": RESOURCE,
            "client_id": "https://app.example/client.json",
            "scope": "files:read files:write",
            "iat": now,
            "exp": now + 3600,
            "jti": f"{index:022}",
            "auth_time": now,
            "grant_id": f"{index:022}",
            "email": "ada@example.com",
        }
        data = f"{header}.{encode(json.dumps(claims, separators=(',', ':')).encode())}"
        tokens.append(f"{data}.{encode(algorithm.sign(data.encode()))}")
    return tokens


def answer(keys: dict[str, Any]) -> Callable[[httpx.Request], Any]:
    """The authorization server: its keys, and a feed without news, which holds its requests as the real one does."""

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/revocations":
            return httpx.Response(200, json=keys)
        is_first = "cursor" not in request.url.params
        if not is_first:
            await asyncio.sleep(9)
        return httpx.Response(200, json={"cursor": "c", "snapshot": is_first, "time": 0, "denials": []})

    return respond


async def measure(algorithm: Any) -> dict[str, Any]:
    jwk = {**algorithm.jwk(), "kid": "k", "alg": algorithm.name, "use": "sig"}
    import_jwk(jwk)
    options = check_options(
        server_id="srv_bench", api_key="sk_bench", auth_server=ISSUER, resource=RESOURCE, validation="local"
    )
    verifier = Verifier(options, transport=httpx.MockTransport(answer({"keys": [jwk]})), on_demand=False)
    await verifier.verify(Credential("Bearer", make_tokens(algorithm, 1, 10**9)[0]), None)
    bare_verify, bare, ours, seen = algorithm.bare(), [], [], []
    for number_of_round in range(ROUNDS):
        tokens = make_tokens(algorithm, TOKENS, number_of_round * TOKENS)
        encoded = [token.encode() for token in tokens]
        # Making them takes long; what the feed says must be heard meanwhile.
        await asyncio.sleep(0.1)
        start = time.process_time()
        for each in encoded:
            bare_verify(each)
        bare.append((time.process_time() - start) / TOKENS)
        start = time.process_time()
        for token in tokens:
            await verifier.verify(Credential("Bearer", token), None)
        ours.append((time.process_time() - start) / TOKENS)
        start = time.process_time()
        for token in tokens:
            await verifier.verify(Credential("Bearer", token), None)
        seen.append((time.process_time() - start) / TOKENS)
    await verifier.aclose()
    return {
        "algorithm": algorithm.name,
        "bare": statistics.median(bare) * 1e6,
        "never_seen": statistics.median(ours) * 1e6,
        "seen": statistics.median(seen) * 1e6,
    }


for each in (Es256(), EdDsa(), Rs256()):
    print(json.dumps(asyncio.run(measure(each))))
    sys.stdout.flush()
