"""The handshake, the packet protection and the key update of docs/protocol.md a second time, in another language
and on other libraries: written from the specification, compared with docs/protocol_vectors.json byte for byte.

    python3 tests/wire/second_implementation.py docs/protocol_vectors.json

Needs the package `cryptography`. Prints one line, exits with 1 at the first difference.
"""

import hashlib
import hmac
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

INIT, RESPONSE, FINAL = 1, 2, 3
VERSION = 1
PARAMETER_IDS = {
    "maxDatagramBytes": 1,
    "initialMaxData": 2,
    "initialMaxStreamData": 3,
    "initialMaxStreams": 4,
    "idleTimeoutMs": 5,
    "maxAckDelayMs": 6,
    "index": 8,
    "agent": 7,
}


def blake2s(data):
    return hashlib.blake2s(data).digest()


def hkdf(chaining_key, material, count):
    """Noise section 4.3, with HMAC-BLAKE2s."""
    extracted = hmac.new(chaining_key, material, hashlib.blake2s).digest()
    outputs, last = [], b""
    for i in range(1, count + 1):
        last = hmac.new(extracted, last + bytes([i]), hashlib.blake2s).digest()
        outputs.append(last)
    return outputs


def nonce(number):
    return bytes(4) + number.to_bytes(8, "little")


def public_of(secret):
    key = X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def agree(secret, public):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


def varint(value):
    """RFC 9000 section 16, the shortest form."""
    if value < 1 << 6:
        return value.to_bytes(1, "big")
    if value < 1 << 14:
        return (value | 1 << 14).to_bytes(2, "big")
    if value < 1 << 30:
        return (value | 2 << 30).to_bytes(4, "big")
    return (value | 3 << 62).to_bytes(8, "big")


def header(kind, receiver, number):
    return bytes([kind, VERSION, 0, 0]) + receiver.to_bytes(4, "big") + number.to_bytes(8, "big")


class Symmetric:
    """Noise's SymmetricState, sending side."""

    def __init__(self):
        name = b"Noise_XX_25519_ChaChaPoly_BLAKE2s"
        self.hash = name.ljust(32, b"\0") if len(name) <= 32 else blake2s(name)
        self.chaining_key, self.key, self.sealed = self.hash, None, 0
        self.mix_hash(b"WRAITH/1")

    def mix_hash(self, data):
        self.hash = blake2s(self.hash + data)

    def mix_key(self, material):
        self.chaining_key, self.key = hkdf(self.chaining_key, material, 2)
        self.sealed = 0

    def encrypt(self, plaintext):
        text = plaintext
        if self.key is not None:
            text = ChaCha20Poly1305(self.key).encrypt(nonce(self.sealed), plaintext, self.hash)
            self.sealed += 1
        self.mix_hash(text)
        return text


class Node:
    def __init__(self, given):
        self.static = bytes.fromhex(given["static_secret"])
        self.ephemeral = bytes.fromhex(given["ephemeral_secret"])
        self.identity = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["identity_seed"]))
        self.parameters = given["transport_parameters"]

    def payload(self):
        """Identity key, signature of the static key, parameters in the order in which ours are sent."""
        out = self.identity.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        out += self.identity.sign(b"wraith static key v1" + public_of(self.static))
        for name, number in PARAMETER_IDS.items():
            value = self.parameters[name]
            value = value.encode() if name == "agent" else varint(value)
            out += varint(number) + varint(len(value)) + value
        return out


def check(what, ours, published):
    if ours.hex() != published:
        sys.exit(f"{what} differs: {ours.hex()} here, {published} published")


def main(path):
    with open(path, encoding="utf-8") as file:
        published = json.load(file)
    initiator, responder = Node(published["initiator"]), Node(published["responder"])
    noise = Symmetric()

    e = public_of(initiator.ephemeral)
    noise.mix_hash(e)
    noise.encrypt(b"")
    init = header(INIT, initiator.parameters["index"], 0) + e + bytes([0])
    check("Init", init.ljust(1200, b"\0"), published["handshake"]["init"])

    re = public_of(responder.ephemeral)
    noise.mix_hash(re)
    noise.mix_key(agree(responder.ephemeral, e))
    message = re + noise.encrypt(public_of(responder.static))
    noise.mix_key(agree(responder.static, e))
    message += noise.encrypt(responder.payload())
    response = header(RESPONSE, initiator.parameters["index"], responder.parameters["index"]) + message
    check("Response", response, published["handshake"]["response"])

    message = noise.encrypt(public_of(initiator.static))
    noise.mix_key(agree(initiator.static, re))
    message += noise.encrypt(initiator.payload())
    final = header(FINAL, responder.parameters["index"], 0) + message
    check("Final", final, published["handshake"]["final"])

    keys = dict(zip(("initiator", "responder"), hkdf(noise.chaining_key, b"", 2)))
    chain = hkdf(noise.chaining_key, b"wraith chain", 1)[0]
    for side, key in keys.items():
        check(f"the {side}'s key", key, published["epoch_0"][f"{side}_key"])
    check("the chain secret", chain, published["epoch_0"]["chain"])

    for packet in published["data_packets"]:
        datagram = bytes.fromhex(packet["datagram"])
        head, body = datagram[:16], datagram[16:]
        number = int.from_bytes(head[8:], "big")
        frames = ChaCha20Poly1305(keys[packet["from"]]).decrypt(nonce(number), body, head)
        check(f"Data {number} of the {packet['from']}", frames, packet["frames"])

    update = published["key_update"]
    shared = agree(bytes.fromhex(update["request_secret"]), bytes.fromhex(update["response_public"]))
    for name, value in zip(("chain", "initiator_key", "responder_key"), hkdf(chain, shared, 3)):
        check(f"epoch 1's {name}", value, update[name])
    print("a second implementation agrees on every published byte")


if __name__ == "__main__":
    main(sys.argv[1])
