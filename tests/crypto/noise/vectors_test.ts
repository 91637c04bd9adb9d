import { deepEqual, equal, ok } from "node:assert/strict";
import { fromHex, toHex } from "../../../src/bytes.ts";
import type { CipherSuite } from "../../../src/crypto/cipher_suite.ts";
import { keyPairOf } from "../../../src/crypto/key_pair.ts";
import { type FinishedHandshake, HandshakeState, patternNamed } from "../../../src/crypto/noise/mod.ts";
import { systemEntropy } from "../../../src/entropy.ts";
import { vectorTest } from "../../support/vectors.ts";
import { suites } from "../suites.ts";

interface Vector {
  readonly id: string;
  readonly protocol_name: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { from: "initiator" | "responder"; payload: string; ciphertext: string }[];
  readonly init_prologue?: string;
  readonly init_ephemeral: string;
  readonly init_static?: string;
  readonly init_psks?: readonly string[];
  readonly resp_prologue?: string;
  readonly resp_ephemeral: string;
  readonly resp_static?: string;
  readonly resp_psks?: readonly string[];
}

for (const suite of suites) {
  for (const source of ["cacophony", "snow", "noise-c", "flynn"]) {
    const name =
      `HandshakeState on ${suite.name} speaks every handshake of ${source} in its protocol, byte for byte`;
    vectorTest(name, `noise/${source}.json`, (document) => {
      const { vectors } = document as { vectors: Vector[] };
      const ours = vectors.filter((vector) => vector.protocol_name.endsWith("_25519_ChaChaPoly_BLAKE2s"));
      const foreign = vectors.filter((vector) =>
        /_(AESGCM|ChaChaPoly)_SHA256$|_AESGCM_/.test(vector.protocol_name)
      );
      ok(ours.length > 0);
      for (const vector of ours) speak(suite, vector);
      return ours.length + foreign.length;
    });
  }
}

function speak(suite: CipherSuite, vector: Vector): void {
  const initiator = start(suite, vector, true);
  const responder = start(suite, vector, false);
  const handshakeMessages = patternOf(vector).messages.length;
  for (const message of vector.messages.slice(0, handshakeMessages)) {
    const [writer, reader] = message.from === "initiator" ? [initiator, responder] : [responder, initiator];
    const payload = fromHex(message.payload);
    const expectedLength = writer.nextMessageLength(payload.length);
    equal(reader.nextMessageLength(payload.length), expectedLength, vector.id);
    const out = new Uint8Array(expectedLength);
    equal(writer.writeMessage(payload, out), expectedLength, vector.id);
    equal(toHex(out), message.ciphertext, vector.id);
    const result = reader.readMessage(out);
    deepEqual(result, { ok: true, payload }, vector.id);
  }
  const ends = { initiator: initiator.split(), responder: responder.split() };
  deepEqual(ends.initiator.handshakeHash, ends.responder.handshakeHash, vector.id);
  deepEqual(ends.initiator.chain, ends.responder.chain, vector.id);
  if (vector.handshake_hash !== undefined) {
    equal(toHex(ends.initiator.handshakeHash), vector.handshake_hash, vector.id);
  }
  transport(suite, ends, vector, handshakeMessages);
}

function transport(
  suite: CipherSuite,
  ends: { initiator: FinishedHandshake; responder: FinishedHandshake },
  vector: Vector,
  firstIndex: number,
): void {
  const sent = { initiator: 0, responder: 0 };
  for (const message of vector.messages.slice(firstIndex)) {
    const counter = sent[message.from]++;
    const payload = fromHex(message.payload);
    const slab = new Uint8Array(payload.length + 16);
    slab.set(payload);
    const [from, to] = message.from === "initiator"
      ? [ends.initiator, ends.responder]
      : [ends.responder, ends.initiator];
    suite.aead(from.sendKey).seal(counter, slab, 0, 0, payload.length);
    equal(toHex(slab), message.ciphertext, vector.id);
    equal(suite.aead(to.receiveKey).open(counter, slab, 0, 0, slab.length), payload.length, vector.id);
    deepEqual(slab.subarray(0, payload.length), payload, vector.id);
  }
}

function start(suite: CipherSuite, vector: Vector, initiator: boolean): HandshakeState {
  const side = initiator ? "init" : "resp";
  const staticSecret = vector[`${side}_static`];
  const pattern = patternOf(vector);
  const responderStatic = keyPairOf(suite, fromHex(vector.resp_static ?? "09".repeat(32))).publicKey;
  return HandshakeState.initialize({
    suite,
    entropy: systemEntropy,
    pattern,
    initiator,
    prologue: fromHex(vector[`${side}_prologue`] ?? ""),
    s: staticSecret === undefined ? undefined : keyPairOf(suite, fromHex(staticSecret)),
    e: fromHex(vector[`${side}_ephemeral`]),
    rs: initiator && pattern.responderStaticKnown ? responderStatic : undefined,
    psks: (vector[`${side}_psks`] ?? []).map(fromHex),
  });
}

function patternOf(vector: Vector) {
  return patternNamed(vector.protocol_name.split("_")[1]);
}
