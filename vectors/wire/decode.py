#!/usr/bin/env python3
"""Decodes every golden frame here and compares it with index.json.

Written from docs/protocol.md alone, and reads its tables there: what this program cannot decode, the document does not
say. Python 3.8, standard library only. Exit 0 when every frame is as the index says.
"""

import json
import pathlib
import re
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROTOCOL = HERE.parents[1] / "docs" / "protocol.md"


class Refused(Exception):
    """A frame's defect, by its status's name."""


def need(holds, status):
    if not holds:
        raise Refused(status)


def table(text, name):
    """The rows of the generated table NAME, by heading, code marks taken off."""
    body = re.search(f"<!-- {name}:begin -->(.*?)<!-- {name}:end -->", text, re.S)
    if not body:
        sys.exit(f"{PROTOCOL} has no table {name}")
    lines = [line for line in body.group(1).splitlines() if line.startswith("|")]
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]
    return [dict(zip(cells[0], row)) for row in cells[2:]]


class Protocol:
    """The document's tables, as numbers."""

    def __init__(self, text):
        self.kinds = {int(row["kind"]): row["name"] for row in table(text, "kinds")}
        self.hashes = {int(row["hash"]): row["name"] for row in table(text, "hashes")}
        self.outputs = {int(row["output"]): row["name"] for row in table(text, "outputs")}
        self.priorities = {int(row["priority"]): row["name"] for row in table(text, "priorities")}
        self.tags = {int(row["tag"]): row["name"] for row in table(text, "request-tags")}
        self.reply_tags = {int(row["tag"]): row["name"] for row in table(text, "reply-tags")}
        self.statuses = {int(row["code"]): row["status"] for row in table(text, "statuses")}
        self.verdicts = {int(row["byte"]): row for row in table(text, "verdicts")}
        self.outcomes = {int(row["outcome"]): row["name"] for row in table(text, "outcomes")}
        self.limits = {row["limit"].replace("`", ""): int(row["at most"]) for row in table(text, "limits")}
        self.rows = {int(row["row"], 16): self.row(row) for row in table(text, "rows")}

    def row(self, cells):
        length = lambda cell: 0 if cell == "–" else int(cell)
        when, _, which = cells["hash"].partition(": ")
        return {
            "name": cells["operation"],
            "kind": cells["kind"],
            "key": length(cells["key"]),
            "signature": length(cells["signature"]),
            "forms": {int(form, 16) for form in cells["forms"].split()},
            "groups": cells["groups"],
            "hash": when,
            "hashes": set(self.hashes.values()) if which == "any" else set(which.split()),
            "takes": set(cells["parameters"].split(", ")),
        }


def padded(length):
    return -(-length // 8) * 8


def tagged(region):
    """The values of a region one after the other, (tag, value) each."""
    last = 0
    while region:
        tag = int.from_bytes(region[:2], "little")
        if tag == 0:
            need(len(region) < 8, "bad-parameter")
            need(not any(region), "not-zero")
            return
        need(tag > last and len(region) >= 4, "bad-parameter")
        end = 4 + int.from_bytes(region[2:4], "little")
        need(len(region) >= end, "bad-parameter")
        yield tag, region[4:end]
        region, last = region[end:], tag


def parameters(protocol, kind, row, region):
    said = {}
    for tag, value in tagged(region):
        name = protocol.tags.get(tag)
        if name == "user-id":
            said[name] = value.hex()
        elif name == "context":
            need(value, "bad-parameter")
            said[name] = value.hex()
        elif name == "output":
            need(len(value) == 1 and value[0] != 0, "bad-parameter")
            need(value[0] in protocol.outputs, "unknown-parameter")
            said[name] = protocol.outputs[value[0]]
        elif name == "terms":
            need(len(value) == 26 and value[24] <= 1 and value[25] <= 1, "bad-parameter")
            total, numerator, denominator = struct.unpack("<QQQ", value[:24])
            said[name] = {"total": total, "numerator": numerator, "denominator": denominator,
                          "at_least": value[24] == 1, "stop_early": value[25] == 1}
        else:
            raise Refused("unknown-parameter")
    for name, most in (("user-id", "user id"), ("context", "context"), ("output", None)):
        if name in said:
            need(name in row["takes"] and kind != "preload", "unknown-parameter")
            need(most is None or len(said[name]) // 2 <= protocol.limits[most], "bad-parameter")
    need(kind != "quorum" or "terms" in said, "bad-parameter")
    need(kind == "quorum" or "terms" not in said, "unknown-parameter")
    return said


def request(protocol, frame):
    need(len(frame) >= 64, "truncated")
    (magic, header_len, kind, row_id, hash_byte, priority, flags, items, params_len, deadline_us, stride, body_len,
     nonce, reserved) = struct.unpack("<4sHHHBBIIIIIQ16s8s", frame[:64])
    need(magic == b"ASAY", "bad-magic")
    need(header_len == 64, "header-length")
    need(kind in protocol.kinds, "unknown-kind")
    need(flags == 0, "unknown-flag")
    need(not any(reserved), "not-zero")
    need(priority in protocol.priorities, "bad-priority")
    found = {"kind": protocol.kinds[kind], "priority": protocol.priorities[priority], "nonce": nonce.hex()}
    if found["kind"] == "status":
        need(not any((row_id, hash_byte, items, params_len, deadline_us, stride, body_len)), "not-zero")
        need(len(frame) == 64, "trailing-bytes")
        return found
    row = protocol.rows.get(row_id)
    kind = found["kind"]
    need(row is not None, "unknown-row")
    need(row["kind"] == ("verify" if kind in ("quorum", "preload") else kind), "unknown-row")
    need(kind != "quorum" or row["groups"] == "none", "unknown-row")
    found.update(operation=row["name"], hash=None, deadline_us=deadline_us, message_stride=stride)
    need(not hash_byte or kind != "preload", "unknown-hash")
    if hash_byte:
        found["hash"] = protocol.hashes.get(hash_byte)
        need(found["hash"] in row["hashes"], "unknown-hash")
    need(hash_byte or row["hash"] != "required", "unknown-hash")
    need(stride == 0 or kind != "preload", "not-zero")
    need(items >= 1 or kind == "preload", "no-items")
    need(items <= protocol.limits["items of a request"], "too-many-items")
    need(params_len % 8 == 0 and body_len % 8 == 0, "misaligned")
    need(params_len <= protocol.limits["params_len"], "too-large")
    need(body_len <= protocol.limits["body_len of a request"], "too-large")
    need(len(frame) >= 64 + params_len + body_len, "truncated")
    need(len(frame) == 64 + params_len + body_len, "trailing-bytes")
    said = parameters(protocol, kind, row, frame[64:64 + params_len])
    body = frame[64 + params_len:]
    if kind == "preload":
        del found["hash"], found["message_stride"]
        found["keys"] = keys_alone(row, items, body)
        return found
    found["parameters"] = said
    if kind == "quorum":
        need(len(body) >= 8 * items, "truncated")
        found["powers"] = list(struct.unpack(f"<{items}Q", body[:8 * items]))
        body = body[8 * items:]
    found["items"] = columns(row, items, stride, body)
    if kind == "quorum":
        terms = said["terms"]
        need(0 < terms["denominator"] >= terms["numerator"], "bad-parameter")
        need(sum(found["powers"]) <= terms["total"], "bad-parameter")
    return found


REASONS = {0x83: "key", 0x84: "signature", 0x85: "message"}


def keys_alone(row, items, body):
    body = Body(body)
    forms = body.column(items)
    keys = body.entries(items, row["key"])
    need(body.at == len(body.body), "trailing-bytes")
    need(all(form in row["forms"] or form in REASONS for form in forms), "bad-form")
    if any(form in REASONS and any(key) for form, key in zip(forms, keys)):
        sys.exit("a key was refused in encoding and its bytes are not zero")
    return [{"refused": REASONS[form]} if form in REASONS else {"form": form, "key": key.hex()}
            for form, key in zip(forms, keys)]


class Body:
    """Takes column after column."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def column(self, length):
        end = self.at + length
        need(self.at + padded(length) <= len(self.body), "truncated")
        need(not any(self.body[end:self.at + padded(length)]), "not-zero")
        column = self.body[self.at:end]
        self.at += padded(length)
        return column

    def entries(self, count, width):
        column = self.column(count * width)
        return [column[i * width:(i + 1) * width] for i in range(count)] if width else []

    def offsets(self, count):
        column = self.column(4 * (count + 1))
        offsets = struct.unpack(f"<{count + 1}I", column)
        need(offsets[0] == 0 and list(offsets) == sorted(offsets), "bad-offsets")
        return offsets


def columns(row, items, stride, body):
    body = Body(body)
    forms = body.column(items)
    groups = range(items + 1) if row["groups"] == "none" else body.offsets(items)
    entries = groups[items]
    keys = body.entries({"none": items, "messages": items}.get(row["groups"], entries), row["key"])
    signatures = body.entries(items, row["signature"]) or [b""] * items
    count = items if row["groups"] in ("none", "keys") else entries
    if stride:
        messages = body.entries(count, stride)
    else:
        offsets = body.offsets(count)
        arena = body.column(offsets[count])
        messages = [arena[offsets[i]:offsets[i + 1]] for i in range(count)]
    need(body.at == len(body.body), "trailing-bytes")
    need(all(form in row["forms"] or form in REASONS for form in forms), "bad-form")
    found = []
    for i, form in enumerate(forms):
        own = slice(groups[i], groups[i + 1])
        own_keys = keys[i:i + 1] if row["groups"] == "messages" else keys[own]
        own_messages = messages[own] if count == entries and row["groups"] != "keys" else messages[i:i + 1]
        if form in REASONS:
            if any(map(any, own_keys + own_messages + [signatures[i]])):
                sys.exit(f"item {i} was refused in encoding and its bytes are not zero")
            found.append({"refused": REASONS[form]})
        else:
            found.append({
                "form": form,
                "keys": [key.hex() for key in own_keys],
                "signature": signatures[i].hex(),
                "messages": [message.hex() for message in own_messages],
            })
    return found


def reply(protocol, frame):
    need(len(frame) >= 64, "truncated")
    (magic, header_len, status, kind, row, width, items, retry_after_us, queue_us, compute_us, body_len, nonce,
     trailer_len, reserved) = struct.unpack("<4sHHHHIIIIIQ16sI4s", frame[:64])
    need(magic == b"ASAR", "bad-magic")
    need(header_len == 64, "header-length")
    need(not any(reserved), "not-zero")
    need(status == 0 or (items == 0 and width == 0), "not-zero")
    need(items <= protocol.limits["items of a request"], "too-many-items")
    need(width <= protocol.limits["value_width"] and trailer_len <= protocol.limits["trailer_len"], "too-large")
    need(trailer_len % 8 == 0, "misaligned")
    need(body_len >= padded(items) + padded(items * width), "truncated")
    need(body_len == padded(items) + padded(items * width), "trailing-bytes")
    need(len(frame) >= 64 + body_len + trailer_len, "truncated")
    need(len(frame) == 64 + body_len + trailer_len, "trailing-bytes")
    body = Body(frame[64:64 + body_len])
    verdicts = body.column(items)
    values = body.entries(items, width) if width else []
    found = {
        "status": protocol.statuses.get(status, f"unknown ({status})"),
        "kind": kind,
        "row": row,
        "nonce": nonce.hex(),
        "retry_after_us": retry_after_us,
        "queue_us": queue_us,
        "compute_us": compute_us,
        "value_width": width,
        "verdicts": [verdict(protocol, byte) for byte in verdicts],
        "values": [value.hex() for value in values],
        "message": "",
        "backends": [],
        "node": None,
        "tally": None,
        "tables": None,
    }
    for tag, value in tagged(frame[64 + body_len:]):
        name = protocol.reply_tags.get(tag)
        if name == "message":
            need(len(value) <= protocol.limits["message of a reply"], "bad-parameter")
            try:
                found["message"] = value.decode("utf-8")
            except UnicodeDecodeError:
                raise Refused("bad-parameter") from None
        elif name == "backends":
            need(len(value) % 4 == 0, "bad-parameter")
            need(len(value) // 4 <= protocol.limits["backends counted in a reply"], "bad-parameter")
            found["backends"] = list(struct.unpack(f"<{len(value) // 4}I", value))
        elif name == "node":
            found["node"] = json.loads(value)
        elif name == "tally":
            need(len(value) == 13, "bad-parameter")
            power, outcome, place = struct.unpack("<QBI", value)
            outcome = protocol.outcomes.get(outcome)
            need(outcome is not None, "bad-parameter")
            need(place == 0 or outcome not in ("reached", "not-enough"), "bad-parameter")
            found["tally"] = {"power": power, "outcome": outcome,
                              "place": None if outcome in ("reached", "not-enough") else place}
        elif name == "tables":
            need(len(value) == 8, "bad-parameter")
            found["tables"] = int.from_bytes(value, "little")
    return found


def verdict(protocol, byte):
    row = protocol.verdicts.get(byte)
    if row is None:
        return f"unknown ({byte})"
    return row["verdict"] if row["detail"] == "–" else f"{row['verdict']} ({row['detail']})"


def main():
    protocol = Protocol(PROTOCOL.read_text(encoding="utf-8"))
    index = json.loads((HERE / "index.json").read_text(encoding="utf-8"))
    wrong = 0
    for entry in index:
        frame = (HERE / entry["file"]).read_bytes()
        decode = reply if entry["frame"] == "reply" else request
        try:
            found = {"ok": decode(protocol, frame)}
        except Refused as refused:
            found = {"error": str(refused)}
        said = {word: entry[word] for word in ("ok", "error") if word in entry}
        if found != said:
            wrong += 1
            print(f"{entry['file']}: the index says\n  {json.dumps(said)}\nand the frame says\n  {json.dumps(found)}")
    print(f"{len(index)} frames, {wrong} not as the index says")
    return 1 if wrong or not index else 0


if __name__ == "__main__":
    sys.exit(main())
