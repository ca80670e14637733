#!/usr/bin/env python3
"""Makes the demo's JSON lines from the vectors beside this folder: `python3 vectors/demo/make.py`.

Each output is in the form that `assay verify` reads. Nothing is signed here: every signature is a real one.
"""
import base64
import csv
import gzip
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent


def write(name, rows):
    with open(HERE / name, "w", encoding="ascii", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(row, separators=(",", ":")) + "\n")
    print(f"{name}: {len(rows)}")


def bitcoin():
    with gzip.open(VECTORS / "bitcoin" / "277647_ecdsa_triples.csv.gz", "rt", encoding="ascii") as text:
        return [
            {"public_key": row["pubkey"], "signature": row["sig_der"], "digest": row["sighash"]}
            for row in csv.DictReader(text)
        ]


def bip340():
    with open(VECTORS / "bitcoin" / "bip340_test-vectors.csv", encoding="utf-8") as text:
        return [
            {
                "public_key": row["public key"].lower(),
                "signature": row["signature"].lower(),
                "message": row["message"].lower(),
                "expect": row["verification result"] == "TRUE",
            }
            for row in csv.DictReader(text)
        ]


def sm2():
    """gmsm's known answer (message hashed with Z_A) and its key off the curve, with the same signature."""
    known, off_curve = json.loads((VECTORS / "sm" / "gmsm_kat.json").read_text(encoding="utf-8"))
    item = {"signature": known["sig_der"], "message": known["message"]}
    return [
        {"public_key": known["pubkey"], **item, "expect": True},
        {"public_key": off_curve["pubkey_not_on_curve"], **item, "expect": False},
    ]


def fisco():
    """PBFT signatures of guomi chains: SM2 with Z_A over the 32-byte block hash (r, s, then the key, which is cut)."""
    rows = []
    for block in json.loads((VECTORS / "fisco" / "pbft_signature_lists.json").read_text(encoding="utf-8")):
        if "sm" not in block["suite"]:
            continue
        for entry, valid in zip(block["signatureList"], block["verified"]):
            # v2 says `index` in hex, v3 `sealerIndex` in decimal.
            sealer = int(entry["index"], 16) if "index" in entry else int(entry["sealerIndex"])
            rows.append(
                {
                    "public_key": "04" + block["sealerList"][sealer].removeprefix("0x"),
                    "signature": entry["signature"].removeprefix("0x")[:128],
                    "message": block["hash"].removeprefix("0x"),
                    "expect": valid,
                }
            )
    return rows


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, wire, payload):
    return varint(number << 3 | wire) + payload


def length(payload):
    return varint(len(payload)) + payload


def timestamp(text):
    """google.protobuf.Timestamp of an RFC 3339 time in UTC."""
    import calendar
    import time

    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    nanos = int(fraction.ljust(9, "0")) if fraction else 0
    out = field(1, 0, varint(seconds)) if seconds else b""
    return out + (field(2, 0, varint(nanos)) if nanos else b"")


def canonical_vote(chain_id, commit, signature):
    """CometBFT types/canonical.go: the varint-delimited protobuf CanonicalVote of a precommit."""
    out = field(1, 0, varint(2))  # SIGNED_MSG_TYPE_PRECOMMIT
    out += field(2, 1, int(commit["height"]).to_bytes(8, "little"))
    if int(commit["round"]):
        out += field(3, 1, int(commit["round"]).to_bytes(8, "little"))
    if signature["block_id_flag"] == 2:  # BLOCK_ID_FLAG_COMMIT; a nil vote signs no block id
        block = commit["block_id"]
        parts = field(1, 0, varint(block["parts"]["total"])) + field(2, 2, length(bytes.fromhex(block["parts"]["hash"])))
        out += field(4, 2, length(field(1, 2, length(bytes.fromhex(block["hash"]))) + field(2, 2, length(parts))))
    out += field(5, 2, length(timestamp(signature["timestamp"])))
    out += field(6, 2, length(chain_id.encode()))
    return length(out)


def cometbft():
    rows = []
    for path in sorted((VECTORS / "cometbft").glob("celestia_mocha4_*_signed_block.json"), key=lambda p: int(p.name.split("_")[2])):
        block = json.loads(path.read_text(encoding="utf-8"))["result"]
        for signature, validator in zip(block["commit"]["signatures"], block["validator_set"]["validators"], strict=True):
            if signature["block_id_flag"] == 1:  # BLOCK_ID_FLAG_ABSENT
                continue
            assert signature["validator_address"] == validator["address"]
            rows.append(
                {
                    "public_key": base64.b64decode(validator["pub_key"]["value"]).hex(),
                    "signature": base64.b64decode(signature["signature"]).hex(),
                    "message": canonical_vote(block["header"]["chain_id"], block["commit"], signature).hex(),
                }
            )
    return rows


if __name__ == "__main__":
    write("bitcoin-277647.jsonl", bitcoin())
    write("bip340.jsonl", bip340())
    write("sm2-gmsm.jsonl", sm2())
    write("sm2-fisco.jsonl", fisco())
    write("cometbft-commits.jsonl", cometbft())
