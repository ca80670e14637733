#!/usr/bin/env python3
"""Makes this folder's certificates and messages, independently of Assay: OpenSSL's command line (Debian's openssl 3.0) makes
everything of SM2, pyca/cryptography (PyPI, 48.0) everything else. Keys are thrown away.

    python3 -m venv v && v/bin/pip install cryptography==48.0.0 && v/bin/python vectors/identity/make.py
"""

import datetime
import json
import pathlib
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).parent
START = datetime.datetime(2025, 1, 1)
END = datetime.datetime(2035, 1, 1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Assay"), x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, issuer_key, ca=None, length=None, usage=("digital_signature",), start=START, end=END, critical=None, ids=True):
    """`ca` None leaves the basic constraints out, `ids` False the key identifiers."""
    flags = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if ids:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
    if usage:
        builder = builder.add_extension(x509.KeyUsage(**{flag: flag in usage for flag in flags}), critical=True)
    if critical:
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00"), critical=True)
    algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(issuer_key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def sign(key, message):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


def p256():
    return ec.generate_private_key(ec.SECP256R1())


CA = {"ca": True, "usage": ("key_cert_sign", "crl_sign")}


def write(file, text):
    (HERE / file).write_text(text if isinstance(text, str) else json.dumps(text, indent=1) + "\n")


def item(label, key, message, **more):
    return {"certificate": label, "message": message.hex(), "signature": sign(key, message).hex(), **more}


def mixed():
    """Devices of three kinds of key under one root, over one and two intermediates."""
    root, one, two = p256(), p256(), ed25519.Ed25519PrivateKey.generate()
    root_pem = certificate("root", root, "root", root, **CA)
    one_pem = certificate("plant", one, "root", root, length=1, **CA)
    two_pem = certificate("line", two, "plant", one, length=0, **CA)
    keys = {
        "meter": (p256(), "plant", one, one_pem),
        "valve": (ed25519.Ed25519PrivateKey.generate(), "plant", one, one_pem),
        "camera": (rsa.generate_private_key(65537, 2048), "line", two, two_pem + one_pem),
        "tracker": (ec.generate_private_key(ec.SECP256K1()), "line", two, two_pem + one_pem),
    }
    pems = {label: certificate(label, key, issuer, issuer_key, ca=False) + rest for label, (key, issuer, issuer_key, rest) in keys.items()}
    messages = [item(label, key, f"{label} reading {n}: {n * 17}".encode()) for n in range(5) for label, (key, *_) in keys.items()]
    write("mixed-root.pem", root_pem)
    write("mixed.json", {"certificates": pems, "messages": messages})

    # A root before and after its renewal, which no identifier tells apart.
    before, after, device = p256(), p256(), p256()
    write("renewed-roots.pem", "".join(certificate("renewed", key, "renewed", key, ids=False, **CA) for key in (before, after)))
    chains = {label: certificate(label, device, "renewed", key, ca=False, ids=False) for label, key in (("old", before), ("new", after))}
    chains["forged"] = certificate("forged", device, "renewed", p256(), ca=False, ids=False)
    write("renewed.json", {"certificates": chains, "messages": [item(label, device, label.encode()) for label in chains]})

    # One wrong thing each.
    other = p256()
    key = p256()
    bad = p256()
    bare = {"usage": ("digital_signature",)}
    leaf = lambda issuer, issuer_key, **more: certificate("device", key, issuer, issuer_key, **{"ca": False, **more})
    chains = {
        "good": leaf("root", root),
        "expired": leaf("root", root, end=datetime.datetime(2026, 1, 1)),
        "not-yet": leaf("root", root, start=datetime.datetime(2030, 1, 1)),
        "no-authority": leaf("bad", bad) + certificate("bad", bad, "root", root, ca=False, usage=("digital_signature", "key_cert_sign")),
        "no-constraints": leaf("bad", bad) + certificate("bad", bad, "root", root, usage=("key_cert_sign",)),
        "no-cert-sign": leaf("bad", bad) + certificate("bad", bad, "root", root, ca=True, usage=("crl_sign",)),
        "too-long": leaf("bad", bad) + certificate("bad", bad, "line", two, **CA) + two_pem + one_pem,
        "no-signing": leaf("root", root, usage=("key_encipherment",)),
        "critical": leaf("root", root, critical="1.2.3.4"),
        "stranger": leaf("other", other) + certificate("other", other, "other", other, **CA),
        "same-name": leaf("root", other),
        "expired-above": leaf("bad", bad) + certificate("bad", bad, "root", root, ca=True, usage=("key_cert_sign",), end=datetime.datetime(2026, 1, 1)),
    }
    write("refused.json", {"certificates": chains, "messages": [item(label, key, label.encode()) for label in chains]})


def openssl(*words, data=None):
    return subprocess.run(["openssl", *map(str, words)], input=data, check=True, capture_output=True).stdout


def sm2(label, user_id):
    """A root, an intermediate and two devices, all SM2 with SM3, every signature over this user id."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        distid = f"distid:{user_id}"

        def key(who):
            openssl("genpkey", "-algorithm", "SM2", "-out", folder / f"{who}.key")
            return folder / f"{who}.key"

        def issued(who, issuer, extensions):
            request, file = folder / f"{who}.csr", folder / f"{who}.pem"
            (folder / "extensions").write_text(extensions)
            openssl("req", "-new", "-sm3", "-sigopt", distid, "-key", key(who), "-subj", f"/O=Assay/CN={label} {who}", "-out", request)
            by = ["-signkey", folder / f"{who}.key"] if issuer == who else ["-CA", folder / f"{issuer}.pem", "-CAkey", folder / f"{issuer}.key", "-CAcreateserial"]
            openssl("x509", "-req", "-sm3", "-in", request, *by, "-days", 3650, "-extfile", folder / "extensions",
                    "-sigopt", distid, "-vfyopt", distid, "-out", file)
            return file.read_text()

        authority = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
        root = issued("root", "root", authority)
        above = issued("plant", "root", authority + "authorityKeyIdentifier=keyid\n")
        pems, messages = {}, []
        for device in ["pump", "gate"]:
            pems[device] = issued(device, "plant", "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n") + above
            for n in range(3):
                message = f"{device} state {n}".encode()
                (folder / "message").write_bytes(message)
                signature = openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", folder / f"{device}.key",
                                    "-pkeyopt", distid, "-in", folder / "message")
                messages.append({"certificate": device, "message": message.hex(), "signature": signature.hex()})
        write(f"sm2-{label}-root.pem", root)
        write(f"sm2-{label}.json", {"certificates": pems, "messages": messages})
        write(f"sm2-{label}-chain.pem", pems["pump"])


mixed()
sm2("default", "1234567812345678")
sm2("empty", "")
sm2("custom", "plant-7@example.org")
