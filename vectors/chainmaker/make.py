#!/usr/bin/env python3
"""Makes sm2-block.json, sm2-block.pb and sm2-nodes.json, independently of Assay: OpenSSL's command line (Debian's openssl 3.0)
makes everything of SM2 and SM3, pyca/cryptography (PyPI, 48.0) the other keys; the messages are written here by hand from
ChainMaker's pb-go. Keys are thrown away.

    python3 -m venv v && v/bin/pip install cryptography==48.0.0 && v/bin/python vectors/chainmaker/make.py

A chain whose hash is SM3, with four consensus nodes. Its block has two transactions: one sent by an SM2 certificate and
endorsed by certificates of P-256 and RSA; one sent by an SM2 public key, endorsed by a secp256k1 and by a P-384 public key,
paid for by another SM2 certificate.
"""

import base64
import datetime
import json
import pathlib
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).parent
FOLDER = pathlib.Path(tempfile.mkdtemp())
DISTID = "distid:1234567812345678"


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True).stdout


def file(name, data):
    (FOLDER / name).write_bytes(data)
    return FOLDER / name


def sm3(data):
    return openssl("dgst", "-sm3", "-binary", file("sm3", data))


class Sm2:
    def __init__(self, name):
        self.path = FOLDER / f"{name}.key"
        openssl("genpkey", "-algorithm", "SM2", "-out", self.path)
        self.name = name

    def certificate(self):
        return openssl("req", "-new", "-x509", "-sm3", "-sigopt", DISTID, "-key", self.path, "-subj", f"/CN={self.name}", "-days", 3650)

    def public(self):
        return openssl("pkey", "-in", self.path, "-pubout")

    def sign(self, message):
        return openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", self.path, "-pkeyopt", DISTID, "-in", file("m", message))


class Other:
    def __init__(self, name, key):
        self.name, self.key = name, key

    def certificate(self):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key()).serial_number(7)
        builder = builder.not_valid_before(datetime.datetime(2025, 1, 1)).not_valid_after(datetime.datetime(2035, 1, 1))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def public(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message):
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))

    def sign_sm3(self, message):
        return self.key.sign(sm3(message), ec.ECDSA(Prehashed(hashes.SHA256())))


def varint(n):
    out = b""
    n &= 2**64 - 1
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def f(number, value):
    """A field, left out when empty."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    value = value.encode() if isinstance(value, str) else value
    return m(number, value) if value else b""


def m(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


b64 = lambda data: base64.b64encode(data).decode()


def member(org, kind, info):
    return {"org_id": org, **({"member_type": kind} if kind else {}), "member_info": b64(info)}


def member_bytes(o):
    return f(1, o["org_id"]) + f(2, o.get("member_type", 0)) + f(3, base64.b64decode(o["member_info"]))


def entry(who, signature):
    return {"signer": who, "signature": b64(signature)}


def entry_bytes(o):
    return m(1, member_bytes(o["signer"])) + f(2, base64.b64decode(o["signature"]))


def payload_bytes(o):
    pairs = b"".join(m(8, f(1, p["key"]) + f(2, base64.b64decode(p.get("value", "")))) for p in o["parameters"])
    return f(1, o["chain_id"]) + f(3, o["tx_id"]) + f(4, o["timestamp"]) + f(6, o["contract_name"]) + f(7, o["method"]) + pairs + f(9, o.get("sequence", 0))


def transaction_bytes(o, gas):
    result = o["result"]
    contract = result["contract_result"]
    inner = f(2, base64.b64decode(contract["result"])) + f(3, contract["message"]) + (f(4, contract["gas_used"]) if gas else b"")
    return (
        m(1, payload_bytes(o["payload"])) + m(2, entry_bytes(o["sender"])) + b"".join(m(3, entry_bytes(e)) for e in o["endorsers"])
        + m(4, m(2, inner) + f(3, base64.b64decode(result["rw_set_hash"]))) + (m(5, entry_bytes(o["payer"])) if "payer" in o else b"")
    )


def payload(n):
    pairs = [{"key": "file_hash", "value": b64(f"document {n}".encode())}, {"key": "empty"}]
    return {"chain_id": "guomi", "tx_id": f"{n:064x}", "timestamp": 1700000000 + n, "contract_name": "evidence", "method": "save", "parameters": pairs, **({"sequence": n} if n else {})}


def result(n):
    return {"contract_result": {"result": b64(b"ok"), "message": "saved", "gas_used": 1000 + n}, "rw_set_hash": b64(sm3(f"set {n}".encode()))}


client, payer = Sm2("client"), Sm2("payer")
p256, k1, p384 = (Other(name, ec.generate_private_key(curve)) for name, curve in [("p256", ec.SECP256R1()), ("k1", ec.SECP256K1()), ("p384", ec.SECP384R1())])
rsa_member = Other("rsa", rsa.generate_private_key(65537, 2048))
one, two = payload(0), payload(1)
txs = [
    {
        "payload": one,
        "sender": entry(member("org1", 0, client.certificate()), client.sign(payload_bytes(one))),
        "endorsers": [entry(member("org2", 0, o.certificate()), o.sign(payload_bytes(one))) for o in (p256, rsa_member)],
        "result": result(0),
    },
    {
        "payload": two,
        "sender": entry(member("org1", 2, client.public()), client.sign(payload_bytes(two))),
        "endorsers": [entry(member("org3", 2, o.public()), o.sign_sm3(payload_bytes(two))) for o in (k1, p384)],
        "result": result(1),
        "payer": entry(member("org1", 0, payer.certificate()), payer.sign(payload_bytes(two))),
    },
]
nodes = [Sm2(f"node{n}") for n in range(4)]
names = [f"QmNode{n}" for n in range(4)]
certificates = [node.certificate() for node in nodes]
dag = m(2, b"") + m(2, f(1, varint(0)))
proposer = member("org1", 0, certificates[0])
header = {
    "block_version": 2030200, "chain_id": "guomi", "block_height": 7, "pre_block_hash": b64(sm3(b"before")), "tx_count": 2,
    "tx_root": b64(sm3(b"".join(sm3(transaction_bytes(t, False)) for t in txs))), "dag_hash": b64(sm3(dag)),
    "rw_set_root": b64(sm3(b"".join(base64.b64decode(t["result"]["rw_set_hash"]) for t in txs))), "block_timestamp": 1700000002, "proposer": proposer,
}
d = lambda name: base64.b64decode(header[name])
before = f(1, 2030200) + f(3, "guomi") + f(4, 7)
after = f(6, d("pre_block_hash")) + f(8, 2) + f(9, d("tx_root")) + f(10, d("dag_hash")) + f(11, d("rw_set_root")) + f(12, 1700000002) + m(14, member_bytes(proposer))
block_hash = sm3(before + after)
signature = nodes[0].sign(block_hash)
header |= {"block_hash": b64(block_hash), "signature": b64(signature)}


def vote(n):
    unsigned = f(1, 1) + f(2, names[n]) + f(3, 7) + f(5, block_hash)
    return unsigned + m(6, m(1, member_bytes(member(f"org{n}", 0, certificates[n]))) + f(2, nodes[n].sign(unsigned)))


votes = f(1, 1) + f(2, 7) + f(4, 3) + f(5, block_hash) + b"".join(m(6, f(1, names[n]) + m(2, vote(n))) for n in (0, 2, 3))
block = {"header": header, "dag": {"vertexes": [{}, {"neighbors": [0]}]}, "txs": txs, "additional_data": {"extra_data": {"TBFTAddtionalDataKey": b64(votes)}}}
(HERE / "sm2-block.json").write_text(json.dumps({"block": block}, indent=1) + "\n")
(HERE / "sm2-nodes.json").write_text(json.dumps(names) + "\n")
written = (
    m(1, before + f(5, block_hash) + after + f(15, signature)) + m(2, dag) + b"".join(m(3, transaction_bytes(t, True)) for t in txs)
    + m(4, m(1, f(1, "TBFTAddtionalDataKey") + f(2, votes)))
)
(HERE / "sm2-block.pb").write_bytes(written)
