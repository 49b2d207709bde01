"""Speaks the line protocol for the Python package sd-jwt."""

import json
import sys
import time
from importlib.metadata import version

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

SUITES = {"dc+sd-jwt": {}, "vc+sd-jwt": {"cty": "vc"}}
ALGORITHMS = {"Ed25519": "EdDSA", "P-256": "ES256", "P-384": "ES384"}


def main():
    """Answers one line of JSON with another until stdin ends; an operation that raises has refused."""
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = {"ok": True, "result": OPERATIONS[request["op"]](request)}
        except Exception as error:  # Whatever the library raises is a refusal.
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def start(_request):
    return {"versions": [f"{name} {version(name)}" for name in ("sd-jwt", "jwcrypto", "cryptography")], "suites": list(SUITES)}


def issue(request):
    """Gives the compact SD-JWT of `document` in which the claims at options.disclosable can be disclosed."""
    key, options = request["key"], request.get("options", {})
    claims = dict(request["document"])
    # Among the claims the package would put decoys into it, and no verifier could tell them from claims that are withheld.
    holder = claims.pop("cnf", {}).get("jwk")
    issuer = SDJWTIssuer(
        marked(claims, set(options.get("disclosable", []))),
        jwk(key["jwk"]),
        holder_key=jwk(holder) if holder else None,
        sign_alg=ALGORITHMS[key["jwk"]["crv"]],
        add_decoy_claims=options.get("decoys", 0) > 0,
        extra_header_parameters={"typ": request["suite"], "kid": key["id"], **SUITES[request["suite"]]},
    )
    return issuer.sd_jwt_issuance


def present(request):
    """Gives the presentation that discloses options.disclose, bound to the key if there is one."""
    options, key = request["options"], request.get("key")
    holder = SDJWTHolder(request["secured"])
    binding = {}
    if key:
        binding = {
            "nonce": options["nonce"],
            "aud": options["audience"],
            "holder_key": jwk(key["jwk"]),
            "sign_alg": ALGORITHMS[key["jwk"]["crv"]],
        }
    holder.create_presentation(frame(holder, options.get("disclose", [])), **binding)
    return holder.sd_jwt_presentation


def verify(request):
    """Gives the claims that the issuer signed and the holder showed."""
    options = request.get("options", {})
    key = jwk({name: value for name, value in request["key"]["jwk"].items() if name != "d"})

    def issuer_key(_issuer, header):
        if header.get("typ") != request["suite"]:
            raise ValueError(f"typ is {header.get('typ')}")
        return key

    verifier = SDJWTVerifier(request["secured"], issuer_key, options.get("audience"), options.get("nonce"))
    return verifier.get_verified_payload()


def bench(request):
    """Gives mean times in microseconds, of verifying and of the bare signature check."""
    key = jwk(request["key"]["jwk"])
    algorithm = ALGORITHMS[request["key"]["jwk"]["crv"]]
    signed = JWS(payload="x" * 64)
    signed.add_signature(key, alg=algorithm, protected=json.dumps({"alg": algorithm}))
    compact = signed.serialize(compact=True)

    def raw():
        parsed = JWS()
        parsed.deserialize(compact)
        parsed.verify(key, alg=algorithm)

    iterations = request["iterations"]
    return {"verify": microseconds(iterations, lambda: verify(request)), "raw": microseconds(iterations, raw)}


def microseconds(iterations, operation):
    for _ in range(min(iterations, 50)):
        operation()
    started = time.perf_counter()
    for _ in range(iterations):
        operation()
    return (time.perf_counter() - started) * 1e6 / iterations


def jwk(members):
    return JWK(**members)


def marked(value, disclosable, pointer=""):
    """Wraps the names and elements that can be disclosed, as the package asks."""
    if isinstance(value, dict):
        return {
            SDObj(name) if child(pointer, name) in disclosable else name: marked(inner, disclosable, child(pointer, name))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        inner = [marked(item, disclosable, child(pointer, index)) for index, item in enumerate(value)]
        return [SDObj(item) if child(pointer, index) in disclosable else item for index, item in enumerate(inner)]
    return value


def child(pointer, step):
    return f"{pointer}/{str(step).replace('~', '~0').replace('/', '~1')}"


def frame(holder, pointers):
    """Turns JSON Pointers into the nested claims that the package discloses: a list where the SD-JWT has a list."""
    tree = {}
    for pointer in pointers:
        level = tree
        for step in pointer.split("/")[1:]:
            level = level.setdefault(step.replace("~1", "/").replace("~0", "~"), {})
    return branch(tree, holder.sd_jwt_payload, holder._hash_to_decoded_disclosure)


def branch(tree, value, disclosures):
    if not tree:
        return True
    if isinstance(value, list):
        return [
            branch(tree[str(index)], element(item, disclosures), disclosures) if str(index) in tree else None
            for index, item in enumerate(value)
        ]
    members = dict(value)
    for digest in value.get("_sd", []):
        if digest in disclosures:
            _, name, inner = disclosures[digest]
            members[name] = inner
    return {name: branch(inner, members[name], disclosures) for name, inner in tree.items()}


def element(item, disclosures):
    digest = item.get("...") if isinstance(item, dict) else None
    return disclosures[digest][-1] if digest in disclosures else item


OPERATIONS = {"start": start, "issue": issue, "present": present, "verify": verify, "bench": bench}

if __name__ == "__main__":
    main()
