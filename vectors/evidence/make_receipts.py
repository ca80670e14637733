#!/usr/bin/env python3
"""Makes made.json: receipts and proofs of notarised documents, signed by the openssl command (3.0 or later), hashed by hashlib
and openssl, the tree written out after RFC 6962. Keys and nonces are random, so a new run gives another file.
"""
import hashlib
import json
import os
import subprocess
import tempfile

DOCUMENTS = {f"2024/contract-{n}.txt": f"Contract {n}: the tenant pays {100 * n} on the first of the month.\n" for n in range(1, 8)}
folder = tempfile.mkdtemp()


def openssl(*args, stdin=None):
    return subprocess.run(["openssl", *args], input=stdin, capture_output=True, check=True, cwd=folder).stdout


def digest(name, data):
    if name == "sha256":
        return hashlib.sha256(data).digest()
    return openssl("dgst", "-sm3", "-binary", stdin=data)


def tree(name, leaves):
    """RFC 6962 section 2.1, from its recursive definition."""
    if len(leaves) == 1:
        return digest(name, b"\0" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return digest(name, b"\1" + tree(name, leaves[:split]) + tree(name, leaves[split:]))


def path(name, index, leaves):
    """Section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return path(name, index, leaves[:split]) + [tree(name, leaves[split:])]
    return path(name, index - split, leaves[split:]) + [tree(name, leaves[:split])]


def key(scheme):
    file = os.path.join(folder, scheme + ".pem")
    if scheme == "rsa2048-pkcs1-sha256":
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", file)
    else:
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", file)
    public = openssl("pkey", "-in", file, "-pubout")
    return file, public.decode(), openssl("pkey", "-in", file, "-pubout", "-outform", "DER").hex()


def sign(scheme, file, message, user_id):
    with open(os.path.join(folder, "message"), "wb") as out:
        out.write(message)
    if scheme == "rsa2048-pkcs1-sha256":
        return openssl("dgst", "-sha256", "-sign", file, "message")
    return openssl("pkeyutl", "-sign", "-inkey", file, "-rawin", "-digest", "sm3", "-in", "message", "-pkeyopt", "distid:" + user_id)


def receipt(scheme, name, user_id=None):
    file, pem, der = key(scheme)
    names = sorted(DOCUMENTS)
    leaves = [digest(name, DOCUMENTS[document].encode()) for document in names]
    root = tree(name, leaves).hex()
    account, business, time = "court-7", "case-2041 & more", 1_700_000_000_123
    statement = (
        f"assay-evidence/1\nhash {name}\ntree rfc6962\ncount {len(names)}\nroot {root}\n"
        f"account {account}\nbusiness-id {business}\ntime-ms {time}\n"
    )
    authorisation = f"{account}{business}{time}"
    uid = user_id or "1234567812345678"
    notary = {
        "scheme": scheme, "public_key": der, "account": account, "business_id": business, "time_ms": time,
        "signature": sign(scheme, file, statement.encode(), uid).hex(),
        "authorisation": sign(scheme, file, authorisation.encode(), uid).hex(),
    }
    if user_id:
        notary["user_id"] = user_id.encode().hex()
    listed = [
        {"name": document, "bytes": len(DOCUMENTS[document].encode()), "digest": leaf.hex()}
        for document, leaf in zip(names, leaves)
    ]
    head = {"format": "assay-evidence/1", "hash": name, "tree": "rfc6962", "count": len(names), "root": root, "notary": notary}
    proofs = [
        dict(head, inclusion={"document": document, "index": index, "path": [node.hex() for node in path(name, index, leaves)]})
        for index, document in enumerate(listed)
    ]
    certificate = None
    if scheme.startswith("rsa"):
        certificate = openssl("req", "-x509", "-key", file, "-subj", "/CN=notary", "-days", "3650").decode()
    return {"notary": pem, "certificate": certificate, "receipt": dict(head, documents=listed), "proofs": proofs}


made = {
    "documents": DOCUMENTS,
    "receipts": [
        receipt("rsa2048-pkcs1-sha256", "sha256"),
        receipt("sm2-za", "sm3"),
        receipt("sm2-za", "sha256", user_id="notary@example.org"),
    ],
}
with open("made.json", "w") as file:
    json.dump(made, file, indent=1)
    file.write("\n")
