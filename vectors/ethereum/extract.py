#!/usr/bin/env python3
"""Makes blocks.json from ethereum/tests: `python3 vectors/ethereum/extract.py BlockchainTests_subset.tar.gz`.

One entry a block of each test: the RLP as it stands there, and what the test says of it: the hash and the senders of a
block that is valid, the exception of one that is not. Equal blocks are kept once.
"""
import json
import pathlib
import sys
import tarfile

rows, seen = [], set()
with tarfile.open(sys.argv[1]) as archive:
    for member in sorted(archive.getmembers(), key=lambda member: member.name):
        if not member.name.endswith(".json"):
            continue
        for name, test in json.load(archive.extractfile(member)).items():
            for at, block in enumerate(test["blocks"]):
                if block["rlp"] in seen:
                    continue
                seen.add(block["rlp"])
                row = {"test": f"{name}/{at}", "rlp": block["rlp"].removeprefix("0x")}
                if "expectException" in block:
                    row["exception"] = block["expectException"]
                else:
                    row["hash"] = block["blockHeader"]["hash"].removeprefix("0x")
                    row["senders"] = [tx["sender"].removeprefix("0x") if "sender" in tx else None for tx in block["transactions"]]
                rows.append(row)
out = pathlib.Path(__file__).resolve().parent / "blocks.json"
out.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n", encoding="ascii")
print(f"{out.name}: {len(rows)} blocks")
