#!/usr/bin/env python3
"""Makes neo2_spends.hex: two Neo 2 blocks whose second spends the first one's outputs.

Signed with OpenSSL through PyPI's `cryptography`, hashed with Python's hashlib; the bytes are written out after
neo v2.9.4 Network/P2P/Payloads. Needs: pip install cryptography. Keys come from fixed numbers; nonces are random, so a
new run gives another file.
"""
import hashlib
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

GAS = bytes.fromhex("602c79718b16e442de58778e148d0b1084e3b2dffd5de6b7b16cee7969282de7")[::-1]


def sha(data):
    return hashlib.sha256(data).digest()


def hash160(data):
    return hashlib.new("ripemd160", sha(data)).digest()


class Key:
    def __init__(self, number):
        self.secret = ec.derive_private_key(number, ec.SECP256R1())
        public = self.secret.public_key()
        self.point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, message):
        r, s = decode_dss_signature(self.secret.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def var(data):
    assert len(data) < 0xfd + 0xffff
    return (bytes([len(data)]) if len(data) < 0xfd else b"\xfd" + len(data).to_bytes(2, "little")) + data


def single(key):
    return b"\x21" + key.point + b"\xac"


def multi(m, keys):
    return bytes([0x50 + m]) + b"".join(b"\x21" + key.point for key in keys) + bytes([0x50 + len(keys)]) + b"\xae"


def witness(message, script, signers):
    return var(b"".join(b"\x40" + key.sign(message) for key in signers)) + var(script)


validators = sorted((Key(n) for n in (11, 12, 13, 14)), key=lambda key: key.point[1:])
alice, shared, auditor = Key(21), [Key(31), Key(32), Key(33)], Key(41)
committee = multi(3, validators)
accounts = [single(alice), multi(2, shared), single(auditor)]


def output(value, script):
    return GAS + value.to_bytes(8, "little") + hash160(script)


def transaction(kind, attributes, inputs, outputs, scripts, exclusive=b""):
    body = bytes([kind, 0]) + exclusive
    body += bytes([len(attributes)]) + b"".join(attributes)
    body += bytes([len(inputs)]) + b"".join(inputs)
    body += bytes([len(outputs)]) + b"".join(outputs)
    # Witnesses stand in the order of their accounts as numbers whose last byte is the highest.
    scripts = sorted(scripts, key=lambda pair: hash160(pair[0])[::-1])
    witnesses = b"".join(witness(body, script, signers) for script, signers in scripts)
    return sha(sha(body)), body + bytes([len(scripts)]) + witnesses


def block(previous, index, transactions):
    level = [digest for digest, _ in transactions]
    while len(level) > 1:
        level += level[-1:] * (len(level) % 2)
        level = [sha(sha(level[i] + level[i + 1])) for i in range(0, len(level), 2)]
    header = bytes(4) + previous + level[0] + (1_500_000_000 + index).to_bytes(4, "little")
    header += index.to_bytes(4, "little") + bytes(8) + hash160(committee)
    raw = header + b"\x01" + witness(header, committee, [validators[0], validators[1], validators[3]])
    return sha(sha(header)), raw + bytes([len(transactions)]) + b"".join(raw for _, raw in transactions)


fees = transaction(0x00, [], [], [output(7, accounts[0]), output(9, accounts[1])], [], bytes(4))
first_hash, first = block(bytes([1] * 32), 1, [fees])
reward = transaction(0x00, [], [], [], [], b"\x01\0\0\0")
spend = transaction(
    0x80,
    [b"\x20" + hash160(accounts[2]), b"\xf0" + var(b"rent")],
    [fees[0] + b"\0\0", fees[0] + b"\x01\0"],
    [output(16, accounts[0])],
    [(accounts[0], [alice]), (accounts[1], [shared[0], shared[2]]), (accounts[2], [auditor])],
)
_, second = block(first_hash, 2, [reward, spend])
with open("neo2_spends.hex", "w") as file:
    file.write((first + second).hex() + "\n")
print("committee", hash160(committee)[::-1].hex(), "spend", spend[0][::-1].hex())
