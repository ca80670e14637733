#!/usr/bin/env python3
"""Makes made_transactions.json: signed FISCO BCOS transactions of the kinds that no public sample was found of.

SM2 and SM3 are PyPI's gmssl (pure Python), secp256k1 is PyPI's coincurve (libsecp256k1), keccak256 is pycryptodome,
RLP is PyPI's rlp; tars is written out after bcos-tars-protocol/tars/Transaction.tars.
Needs: pip install gmssl coincurve pycryptodome rlp. Nonces are random, so a new run gives another file.
"""
import json

import coincurve
import rlp
from Crypto.Hash import keccak
from gmssl import func, sm2, sm3

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SM2_SECRET = "b9ab0b828ff68872f21a837fc303668428dea11dcd1b24429d0c99e24eed83d5"
SM2_KEY = "b9c9a6e04e9c91f7ba880429273747d7ef5ddeb0bb2ff6317eb00bef331a83081a6994b8993f3f5d6eadddb81872266c87c018fb4162f5af347b483e24620207"


def keccak256(data):
    hasher = keccak.new(digest_bits=256)
    hasher.update(data)
    return hasher.digest()


def sm3_of(data):
    return bytes.fromhex(sm3.sm3_hash(func.bytes_to_list(data)))


def sign_k(digest):
    return coincurve.PrivateKey(bytes(31) + b"\x2a").sign_recoverable(digest, hasher=None)


def sign_sm(digest):
    crypt = sm2.CryptSM2(private_key=SM2_SECRET, public_key=SM2_KEY)
    signature = crypt.sign_with_sm3(digest)
    assert crypt.verify_with_sm3(signature, digest)
    return bytes.fromhex(signature) + bytes.fromhex(SM2_KEY)


def high(signature):
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    return r + (ORDER - s).to_bytes(32, "big") + bytes([v ^ 1])


KEY_K = coincurve.PrivateKey(bytes(31) + b"\x2a").public_key.format(False)[1:]
SUITES = {
    "secp256k1-keccak256": (keccak256, sign_k, keccak256(KEY_K)[12:]),
    "sm2-sm3": (sm3_of, sign_sm, sm3_of(bytes.fromhex(SM2_KEY))[12:]),
}


def tars(fields):
    """(tag, value) of text, bytes or numbers, tags below 15."""
    out = b""
    for tag, value in fields:
        if isinstance(value, str):
            data = value.encode()
            out += bytes([tag << 4 | 6, len(data)]) + data
        elif isinstance(value, bytes):
            length = bytes([0x0c]) if not value else b"\x01" + len(value).to_bytes(2, "big")
            out += bytes([tag << 4 | 13, 0]) + length + value
        elif value == 0:
            out += bytes([tag << 4 | 12])
        else:
            out += bytes([tag << 4 | 3]) + value.to_bytes(8, "big")
    return out


def v3(version, suite, change=lambda signature: signature):
    hash_of, sign, sender = SUITES[suite]
    chain, group, limit, nonce, to = "chain0", "group0", 1234, "8273641", "0x" + "6849f21d" * 5
    call, abi = bytes(range(200)), ""
    preimage = version.to_bytes(4, "big") + chain.encode() + group.encode() + limit.to_bytes(8, "big")
    preimage += nonce.encode() + to.encode() + call + abi.encode()
    fields = [(1, version), (2, chain), (3, group), (4, limit), (5, nonce), (6, to), (7, call)]
    if version >= 1:
        preimage += b"0x10" + b"0x2" + (30_000).to_bytes(8, "big") + b"0x3" + b"0x1"
        fields += [(9, "0x10"), (10, "0x2"), (11, 30_000), (12, "0x3"), (13, "0x1")]
    if version >= 2:
        preimage += b"extension"
        fields += [(14, b"extension")]
    digest = hash_of(preimage)
    raw = b"\x1a" + tars(fields) + b"\x0b" + tars([(2, digest), (3, change(sign(digest))), (7, sender)])
    return {"generation": 3, "suite": suite, "raw": raw.hex(), "hash": digest.hex(), "sender": sender.hex()}


def v2(suite, change=lambda signature: signature):
    hash_of, sign, sender = SUITES[suite]
    fields = [0x3EB675EC791C2D19, 30, 30_000_000, 600, bytes(range(20)), 0, b"\x01\x02\x03", 1, 1, b""]
    signature = change(sign(hash_of(rlp.encode(fields))))
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:64]))
    v = signature[64:] if suite == "sm2-sm3" else signature[64] + 27
    raw = rlp.encode(fields + [v, r, s])
    return {"generation": 2, "suite": suite, "raw": raw.hex(), "hash": hash_of(raw).hex(), "sender": sender.hex()}


made = [
    dict(v3(2, "secp256k1-keccak256"), what="v3 with an extension", valid=True),
    dict(v3(0, "secp256k1-keccak256", high), what="v3 with a high S", valid=True),
    dict(v3(0, "sm2-sm3"), what="v3, SM2", valid=True),
    dict(v3(1, "sm2-sm3"), what="v3 with fees, SM2", valid=True),
    dict(v2("secp256k1-keccak256"), what="v2", valid=True),
    dict(v2("secp256k1-keccak256", high), what="v2 with a high S", valid=False),
    dict(v2("secp256k1-keccak256", lambda s: s[:64] + b"\x02"), what="v2 with v = 2", valid=False),
    dict(v2("sm2-sm3"), what="v2, SM2", valid=True),
    dict(v2("sm2-sm3", lambda s: b"\xff" * 32 + s[32:]), what="v2, SM2 with r above both orders", valid=False),
]
with open("made_transactions.json", "w") as file:
    json.dump(made, file, indent=1)
    file.write("\n")
