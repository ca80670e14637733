#!/usr/bin/env python3
"""Makes gateway.json, independently of Assay: OpenSSL's command line (Debian's openssl 3.0) signs with SM2,
pyca/cryptography (PyPI, 48.0) with ECDSA; the recovery id is computed here. Keys are thrown away.

    python3 -m venv v && v/bin/pip install cryptography==48.0.0 && v/bin/python vectors/bsn/make.py
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

HERE = pathlib.Path(__file__).parent
FOLDER = pathlib.Path(tempfile.mkdtemp())
ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp256k1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}
P = 2**256 - 2**32 - 977
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798, 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point):
    out = None
    while k:
        out, point, k = (add(out, point) if k & 1 else out), add(point, point), k >> 1
    return out


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True).stdout


def file(name, data):
    (FOLDER / name).write_bytes(data)
    return FOLDER / name


def low(key, message, algorithm):
    order = ORDERS[key.curve.name]
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(algorithm)))
    return r, min(s, order - s)


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


messages = []
fields = ["USER0001202004151958010871292", "app0001202004161020152918451", "cc_base", "set", "key", "value"]
for form, curve in [("p256", ec.SECP256R1()), ("secp256k1", ec.SECP256K1())]:
    key = ec.generate_private_key(curve)
    mac = encode_dss_signature(*low(key, "".join(fields).encode(), hashes.SHA256()))
    messages.append({"form": form, "key": pem(key), "fields": fields, "mac": base64.b64encode(mac).decode()})

openssl("genpkey", "-algorithm", "SM2", "-out", FOLDER / "sm2.key")
sm2_pem = openssl("pkey", "-in", FOLDER / "sm2.key", "-pubout")
point = openssl("pkey", "-in", FOLDER / "sm2.key", "-pubout", "-outform", "DER")[-64:]
sm3 = lambda data: openssl("dgst", "-sm3", "-binary", file("sm3", data))


def sm2(digest):
    distid = "distid:1234567812345678"
    return openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", FOLDER / "sm2.key", "-pkeyopt", distid, "-in", file("digest", digest))


mac = sm2(sm3("".join(fields).encode()))
messages.append({"form": "sm2", "key": sm2_pem.decode(), "fields": fields, "mac": base64.b64encode(mac).decode()})

key = ec.generate_private_key(ec.SECP256K1())
n = ORDERS["secp256k1"]
digest = hashlib.sha256(b"a transaction of FISCO BCOS").digest()
r, s = low(key, digest, Prehashed(hashes.SHA256()))
public = key.public_key().public_numbers()
nonce_point = add(times(int.from_bytes(digest, "big") * pow(s, -1, n) % n, G), times(r * pow(s, -1, n) % n, (public.x, public.y)))
assert nonce_point[0] % n == r
v = 27 + (nonce_point[1] & 1) + 2 * (nonce_point[0] >= n)
mac = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])
messages.append({"form": "fisco-secp256k1", "key": pem(key), "digest": digest.hex(), "mac": base64.b64encode(mac).decode()})

digest = sm3(b"a transaction of FISCO BCOS")
r, s = decode_dss_signature(sm2(digest))
mac = r.to_bytes(32, "big") + s.to_bytes(32, "big") + point
address = sm3(point)[12:].hex()
messages.append({"form": "fisco-sm2", "address": address, "digest": digest.hex(), "mac": base64.b64encode(mac).decode()})

(HERE / "gateway.json").write_text(json.dumps(messages, indent=1) + "\n")
