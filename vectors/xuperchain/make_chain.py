#!/usr/bin/env python3
"""Makes made.json: XuperChain transactions of versions 1 to 3 and blocks with certificates, under P-256 and under the gm plugin.

P-256 is OpenSSL through PyPI's cryptography, SM2 and SM3 are PyPI's gmssl (pure Python); the encodings are written out
after xupercore's txhash.go, encode.go and ledger_hash.go, the lines of JSON with Python's own json.
Needs: pip install cryptography gmssl. Nonces are random, so a new run gives another file.
"""
import base64
import copy
import hashlib
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from gmssl import func, sm2, sm3

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def sm3_of(data):
    return bytes.fromhex(sm3.sm3_hash(func.bytes_to_list(data)))


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


class P256:
    def __init__(self, number):
        self.secret = ec.derive_private_key(number, ec.SECP256R1())
        numbers = self.secret.public_key().public_numbers()
        self.x, self.y, self.curve = numbers.x, numbers.y, "P-256"

    def sign(self, digest):
        return self.secret.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))

    def address(self):
        point = b"\4" + self.x.to_bytes(32, "big") + self.y.to_bytes(32, "big")
        body = b"\1" + hashlib.new("ripemd160", hashlib.sha256(point).digest()).digest()
        return base58(body + sha256d(body)[:4])

    def text(self):
        return '{"Curvname":"%s","X":%d,"Y":%d}' % (self.curve, self.x, self.y)


class Gm(P256):
    def __init__(self, number):
        self.number, self.curve = number, "SM2-P-256"
        crypt = sm2.CryptSM2(private_key="%064x" % number, public_key="")
        self.public = crypt._kg(number, sm2.default_ecc_table["g"])
        self.x, self.y = int(self.public[:64], 16), int(self.public[64:], 16)

    def sign(self, digest):
        crypt = sm2.CryptSM2(private_key="%064x" % self.number, public_key=self.public)
        while True:
            signature = crypt.sign(digest, func.random_hex(64))
            if signature and crypt.verify(signature, digest):
                return encode_dss_signature(int(signature[:64], 16), int(signature[64:], 16))

    def address(self):
        point = b"\4" + self.x.to_bytes(32, "big") + self.y.to_bytes(32, "big")
        body = b"\2" + hashlib.new("ripemd160", sm3_of(point)).digest()
        return base58(body + sm3_of(body)[:4])


def amount(text):
    number = int(text)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def go(value):
    """One line of Go's json.Encoder."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, "\\u%04x" % ord(character))
    return text + "\n"


def b64(data):
    return base64.b64encode(data).decode()


def some(fields):
    return {name: value for name, value in fields if value}


RESOURCES = ["CPU", "MEMORY", "DISK", "XFEE"]


def lines(tx, signatures):
    out = ""
    for i in tx["txInputs"]:
        for value in (bytes.fromhex(i["refTxid"]), i["refOffset"], i["fromAddr"].encode(), amount(i["amount"]), 0):
            out += go(b64(value)) if isinstance(value, bytes) and value else "" if value == b"" else go(value)
    out += go([some([("amount", b64(amount(o["amount"]))), ("to_addr", b64(o["toAddr"].encode()))]) for o in tx["txOutputs"]])
    out += go(b64(tx["desc"].encode())) if tx["desc"] else ""
    out += go(tx["nonce"]) + go(tx["timestamp"]) + go(tx["version"])
    for i in tx["txInputsExt"]:
        out += go(i["bucket"]) + go(b64(i["key"].encode()))
        out += (go(b64(bytes.fromhex(i["refTxid"]))) if i["refTxid"] else "") + go(i["refOffset"])
    for o in tx["txOutputsExt"]:
        out += go(o["bucket"]) + go(b64(o["key"].encode())) + go(b64(o["value"].encode()))
    requests = [
        some([
            ("module_name", r["moduleName"]),
            ("contract_name", r["contractName"]),
            ("method_name", r["methodName"]),
            ("args", {name: b64(r["args"][name].encode()) for name in sorted(r["args"])}),
            ("resource_limits", [some([("type", RESOURCES.index(l["type"])), ("limit", l["limit"])]) for l in r["resource_limits"]]),
        ])
        for r in tx["contractRequests"]
    ]
    out += go(requests or None) + go(tx["initiator"]) + go(tx["authRequire"] or None)
    if signatures:
        for name in ("initiatorSigns", "authRequireSigns"):
            listed = [some([("PublicKey", s["publickey"]), ("Sign", b64(bytes.fromhex(s["sign"])))]) for s in tx[name]]
            out += go(listed or None)
    out += go(tx["coinbase"]) + go(tx["autogen"])
    return (out + (go(None) if tx["version"] >= 2 else "")).encode()


def binary(tx, signatures):
    out = bytearray()

    def put(*values):
        for value in values:
            if isinstance(value, (bool, int)):
                out.extend(int(value).to_bytes(8, "big", signed=True))
            else:
                value = value.encode() if isinstance(value, str) else value
                out.extend(len(value).to_bytes(8, "big") + value)

    put(len(tx["txInputs"]))
    for i in tx["txInputs"]:
        put(bytes.fromhex(i["refTxid"]), i["refOffset"], i["fromAddr"], amount(i["amount"]), 0)
    put(len(tx["txOutputs"]))
    for o in tx["txOutputs"]:
        put(amount(o["amount"]), o["toAddr"], 0)
    put(tx["desc"], tx["coinbase"], tx["nonce"], tx["timestamp"], tx["version"], tx["autogen"], len(tx["txInputsExt"]))
    for i in tx["txInputsExt"]:
        put(i["bucket"], i["key"], bytes.fromhex(i["refTxid"]), i["refOffset"])
    put(len(tx["txOutputsExt"]))
    for o in tx["txOutputsExt"]:
        put(o["bucket"], o["key"], o["value"])
    put(len(tx["contractRequests"]))
    for r in tx["contractRequests"]:
        put(r["moduleName"], r["contractName"], r["methodName"], len(r["args"]))
        for name in sorted(r["args"]):
            put(name, r["args"][name])
        put(len(r["resource_limits"]))
        for l in r["resource_limits"]:
            put(RESOURCES.index(l["type"]), l["limit"])
        put("")
    put(tx["initiator"], len(tx["authRequire"]), *tx["authRequire"])
    if signatures:
        for name in ("initiatorSigns", "authRequireSigns"):
            put(len(tx[name]))
            for s in tx[name]:
                put(s["publickey"], bytes.fromhex(s["sign"]))
        put(0, b"")
    put(b"", b"")
    return bytes(out)


def encoded(tx, signatures):
    return sha256d((binary if tx["version"] >= 3 else lines)(tx, signatures))


def transaction(version, keys, nonce, initiator=None, **fields):
    """The first key is the initiator's; every key is required to sign."""
    tx = {
        "txInputs": [{"refTxid": "ab" * 32, "refOffset": 1, "fromAddr": keys[0].address(), "amount": "100000"}],
        "txOutputs": [{"amount": "99999", "toAddr": keys[-1].address()}, {"amount": "1", "toAddr": "$"}],
        "desc": "rent & <deposit>",
        "nonce": nonce,
        "timestamp": 1663223954004887000,
        "version": version,
        "autogen": False,
        "coinbase": False,
        "txInputsExt": [{"bucket": "b", "key": "k1", "refTxid": "cd" * 32, "refOffset": 2},
                        {"bucket": "b", "key": "k2", "refTxid": "", "refOffset": 0}],
        "txOutputsExt": [{"bucket": "b", "key": "k1", "value": "{\"a\":1}"}],
        "contractRequests": [{
            "moduleName": "wasm", "contractName": "rent", "methodName": "pay",
            "args": {"z": "last", "a": "first & <foremost>"},
            "resource_limits": [{"type": "CPU", "limit": 7}, {"type": "DISK", "limit": 9}],
        }],
        "initiator": initiator or keys[0].address(),
        "authRequire": [key.address() for key in keys],
        "initiatorSigns": [],
        "authRequireSigns": [],
    }
    tx.update(fields)
    digest = encoded(tx, False)
    if not tx["coinbase"]:
        tx["initiatorSigns"] = [{"publickey": keys[0].text(), "sign": keys[0].sign(digest).hex()}]
        tx["authRequireSigns"] = [{"publickey": key.text(), "sign": key.sign(digest).hex()} for key in keys]
    else:
        tx["authRequire"] = []
    return dict(tx, txid=encoded(tx, True).hex())


def tree(txids):
    size = 1
    while size < len(txids):
        size *= 2
    nodes, level = list(txids) + [b""] * (size - len(txids)), list(txids) + [b""] * (size - len(txids))
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2])
        level = [sha256d(left + (right or left)) if left else b"" for left, right in pairs]
        nodes += level
    return nodes


def block(miner, validators, count, previous):
    reward = transaction(3, [miner], "0", coinbase=True, txInputs=[], txInputsExt=[], txOutputsExt=[], contractRequests=[], initiator="")
    txs = [reward] + [transaction(3, [miner], str(place)) for place in range(1, count)]
    nodes = tree([bytes.fromhex(tx["txid"]) for tx in txs])
    votes = [{"address": v.address(), "publickey": v.text(), "sign": v.sign(previous).hex()} for v in validators[:-1]]
    justify = {"proposalId": previous.hex(), "type": "PREPARE", "viewNumber": 41, "signInfos": {"QCSignInfos": votes}}
    out = (1).to_bytes(4, "little") + bytes(4) + count.to_bytes(4, "little") + miner.address().encode()
    out += (1663236434507981000).to_bytes(8, "little") + miner.text().encode() + previous + nodes[-1] + b"failed"
    out += (3).to_bytes(8, "little") + (5).to_bytes(8, "little")
    out += previous + (1).to_bytes(4, "little") + (41).to_bytes(8, "little")
    out += b"".join(v["address"].encode() + v["publickey"].encode() + bytes.fromhex(v["sign"]) for v in votes)
    blockid = sha256d(out)
    return {
        "version": 1, "nonce": 0, "blockid": blockid.hex(), "preHash": previous.hex(), "proposer": miner.address(),
        "sign": miner.sign(blockid).hex(), "pubkey": miner.text(), "merkleRoot": nodes[-1].hex(), "height": 42,
        "timestamp": 1663236434507981000, "transactions": txs, "txCount": count, "merkleTree": [node.hex() for node in nodes],
        "curTerm": 3, "curBlockNum": 5, "failedTxs": {"ee" * 32: "failed"}, "targetBits": 0, "justify": justify,
    }


p256, gm = [P256(n) for n in range(51, 56)], [Gm(n) for n in range(61, 66)]
previous = hashlib.sha256(b"the block before").digest()
account = "XC1111111111111111@xuper"
made = {
    "transactions": [
        transaction(1, p256[:2], "1"),
        transaction(2, p256[:1], "2", desc="", txOutputsExt=[], contractRequests=[]),
        transaction(3, p256[:3], "3"),
        transaction(3, gm[:2], "4"),
        transaction(1, gm[:1], "5"),
    ],
    "by_account": transaction(3, p256[:1], "6", initiator=account),
    "blocks": [block(p256[0], p256[:4], 5, previous), block(gm[0], gm[:4], 3, previous)],
    "validators": [[key.address() for key in keys[:4]] for keys in (p256, gm)],
}
with open("made.json", "w") as file:
    json.dump(made, file, indent=1, ensure_ascii=False)
    file.write("\n")
