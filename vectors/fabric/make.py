#!/usr/bin/env python3
"""Makes the ledgers of this folder for which no public sample was found, independently of Assay: OpenSSL's command line
(Debian's openssl 3.0) makes everything of SM2 and SM3, pyca/cryptography (PyPI, 48.0) the rest; the messages are written
here by hand from fabric-protos. Keys are thrown away.

    python3 -m venv v && v/bin/pip install cryptography==48.0.0 && v/bin/python vectors/fabric/make.py

Each ledger has a configuration (block 0) and two blocks with an endorser transaction each:

    smartbft.ledger        four SmartBFT consenters, three of whom signed each block by their identifiers
    sha3.ledger            members whose MSPs say SHA3
    ed25519.ledger         the same ordering service as Fabric 2's, every member with an Ed25519 key
    guomi-e-digest.ledger, guomi-za-empty-uid.ledger, guomi-za-default-uid.ledger
                           SM2 and SM3, by what the SM2 library of the day made of the digest
"""

import datetime
import hashlib
import pathlib
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).parent
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
FOLDER = pathlib.Path(tempfile.mkdtemp())


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True).stdout


class Classic:
    """P-256 or Ed25519; blocks and certificates are hashed with SHA-256, messages with this algorithm."""

    def __init__(self, make, algorithm=hashes.SHA256()):
        self.make, self.algorithm = make, algorithm
        self.hash = lambda data: hashlib.sha256(data).digest()

    def key(self):
        return self.make()

    def certificate(self, subject, key, issuer, issuer_key, ca):
        name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(2025, 1, 1))
            .not_valid_after(datetime.datetime(2035, 1, 1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(issuer_key, algorithm).public_bytes(serialization.Encoding.PEM)

    def sign(self, key, message):
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message)
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(self.algorithm)))
        return encode_dss_signature(r, min(s, P256_ORDER - s))


class Guomi:
    """SM2 and SM3 in one of the three modes; certificates are over the default user id."""

    def __init__(self, mode):
        self.mode = mode
        self.count = 0

    def file(self, data=None):
        self.count += 1
        path = FOLDER / f"{self.mode}-{self.count}"
        if data is not None:
            path.write_bytes(data)
        return path

    def hash(self, data):
        return openssl("dgst", "-sm3", "-binary", self.file(data))

    def key(self):
        path = self.file()
        openssl("genpkey", "-algorithm", "SM2", "-out", path)
        return path

    def certificate(self, subject, key, issuer, issuer_key, ca):
        distid = "distid:1234567812345678"
        request, out = self.file(), self.file()
        extensions = self.file(f"basicConstraints=critical,CA:{'TRUE' if ca else 'FALSE'}\n".encode())
        openssl("req", "-new", "-sm3", "-sigopt", distid, "-key", key, "-subj", f"/CN={subject}", "-out", request)
        by = ["-signkey", key]
        if issuer_key != key:
            by = ["-CA", self.roots[issuer], "-CAkey", issuer_key, "-CAcreateserial"]
        openssl("x509", "-req", "-sm3", "-in", request, *by, "-days", 3650, "-extfile", extensions, "-sigopt", distid, "-vfyopt", distid, "-out", out)
        if issuer_key == key:
            self.roots = {**getattr(self, "roots", {}), subject: out}
        return out.read_bytes()

    def sign(self, key, message):
        digest = self.file(self.hash(message))
        if self.mode == "e-digest":
            return openssl("pkeyutl", "-sign", "-inkey", key, "-in", digest)
        distid = {"za-empty-uid": "", "za-default-uid": "1234567812345678"}[self.mode]
        return openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", key, "-pkeyopt", f"distid:{distid}", "-in", digest)


class Member:
    def __init__(self, crypto, msp, name, ca):
        self.crypto, self.msp, self.key = crypto, msp, crypto.key()
        self.pem = crypto.certificate(name, self.key, *ca, False)
        self.identity = field(1, msp) + field(2, self.pem)

    def sign(self, message):
        return self.crypto.sign(self.key, message)


def asn1_header(number, previous, data):
    body = b"\x02\x01" + bytes([number]) + b"\x04" + bytes([len(previous)]) + previous + b"\x04" + bytes([len(data)]) + data
    return b"\x30" + bytes([len(body)]) + body


def group(groups=(), values=()):
    entry = lambda name, value: field(1, name) + field(2, value)
    return b"".join(field(2, entry(*g)) for g in groups) + b"".join(field(3, entry(name, field(2, value))) for name, value in values)


def msp(name, root, family):
    crypto = field(8, field(1, family) + field(2, "SHA256"))
    return field(2, field(1, name) + field(2, root) + crypto)


def channel_header(kind, channel, tx_id=""):
    return field(1, kind) + field(4, channel) + (field(5, tx_id) if tx_id else b"")


def envelope(creator, payload_header, data):
    payload = field(1, payload_header) + field(2, data)
    return field(1, payload) + (field(2, creator.sign(payload)) if creator else b"")


def transaction(crypto, channel, client, endorsers, n):
    nonce = hashlib.sha256(f"nonce {n}".encode()).digest()[:24]
    tx_id = hashlib.sha256(nonce + client.identity).hexdigest()
    header, signature_header = channel_header(3, channel, tx_id), field(1, client.identity) + field(2, nonce)
    proposal = field(1, f"set key{n} value{n}")
    response = field(1, hashlib.sha256(header + signature_header + proposal).digest()) + field(2, f"result {n}")
    endorsements = b"".join(field(2, field(1, e.identity) + field(2, e.sign(response + e.identity))) for e in endorsers)
    action = field(1, field(1, signature_header) + field(2, field(1, proposal) + field(2, field(1, response) + endorsements)))
    return envelope(client, field(1, header) + field(2, signature_header), action)


def ledger(file, channel, crypto, family, bft):
    roots = {}
    for name in ["OrdererMSP", "Org1MSP"]:
        key = crypto.key()
        roots[name] = (f"{name} root", key, crypto.certificate(f"{name} root", key, f"{name} root", key, True))
    orderers = [Member(crypto, "OrdererMSP", f"orderer{n}", roots["OrdererMSP"][:2]) for n in range(4 if bft else 1)]
    peers = [Member(crypto, "Org1MSP", f"peer{n}", roots["Org1MSP"][:2]) for n in range(2)]
    client = Member(crypto, "Org1MSP", "client", roots["Org1MSP"][:2])
    consenters = b"".join(
        field(1, field(1, n + 1) + field(2, "127.0.0.1") + field(3, 7050 + n) + field(4, o.msp) + field(5, o.pem)) for n, o in enumerate(orderers)
    )
    organisation = lambda name: (name, group(values=[("MSP", msp(name, roots[name][2], family))]))
    values = [("ConsensusType", field(1, "BFT" if bft else "etcdraft"))] + ([("Orderers", consenters)] if bft else [])
    config = group(groups=[("Orderer", group([organisation("OrdererMSP")], values)), ("Application", group([organisation("Org1MSP")]))])
    genesis = envelope(None, field(1, channel_header(1, channel)) + field(2, field(2, b"nonce")), field(1, field(2, config)))
    blocks, previous = b"", b""
    for number in range(3):
        data = [genesis] if number == 0 else [transaction(crypto, channel, client, peers, number)]
        data_hash = crypto.hash(b"".join(data))
        header = asn1_header(number, previous, data_hash)
        value, signatures = field(1, field(1, 0)), b""
        for n, orderer in enumerate(orderers[:3] if number else []):
            nonce = bytes([number, n]) * 12
            signed = field(1, n + 1) + field(2, nonce) if bft else field(1, orderer.identity) + field(2, nonce)
            signature = field(2, orderer.sign(value + signed + header))
            signatures += field(2, signature + field(3, signed) if bft else field(1, signed) + signature)
        metadata = [field(1, value) + signatures, b"", bytes(len(data)), b"", b""]
        prefixed = lambda items: varint(len(items)) + b"".join(varint(len(item)) + item for item in items)
        block = varint(number) + varint(len(data_hash)) + data_hash + varint(len(previous)) + previous + prefixed(data) + prefixed(metadata)
        blocks += varint(len(block)) + block
        previous = crypto.hash(header)
    (HERE / file).write_bytes(blocks)


p256 = lambda: ec.generate_private_key(ec.SECP256R1())
ledger("smartbft.ledger", "bft", Classic(p256), "SHA2", True)
ledger("sha3.ledger", "sha3", Classic(p256, hashes.SHA3_256()), "SHA3", False)
ledger("ed25519.ledger", "ed25519", Classic(ed25519.Ed25519PrivateKey.generate), "SHA2", False)
for mode in ["e-digest", "za-empty-uid", "za-default-uid"]:
    ledger(f"guomi-{mode}.ledger", mode, Guomi(mode), "SM3", False)
