/**
 * Writes docs/protocol_vectors.json: a whole handshake, the first data packets and a key update under fixed keys,
 * for whoever writes a second implementation. A test checks that the file is what this code produces.
 *
 *   deno run --allow-read --allow-write=docs scripts/protocol_vectors.ts
 */

import { writeFileSync } from "node:fs";
import { toHex } from "../src/bytes.ts";
import type { Instant } from "../src/clock.ts";
import { signStaticKey } from "../src/crypto/identity_binding.ts";
import { keyPairOf } from "../src/crypto/key_pair.ts";
import { nextEpoch } from "../src/crypto/key_schedule.ts";
import { nobleSuite as suite } from "../src/crypto/noble_suite.ts";
import { peerIdOf } from "../src/crypto/peer_id.ts";
import { seededEntropy, seededPrng } from "../src/entropy.ts";
import { makeAddress } from "../src/net/address.ts";
import type { HandshakeResult } from "../src/session/handshake_result.ts";
import { InitiatorHandshake } from "../src/session/initiator_handshake.ts";
import { ResponderHandshake } from "../src/session/responder_handshake.ts";
import type { SessionIdentity } from "../src/session/session_identity.ts";
import {
  encodeAck,
  encodeClose,
  encodeDatagram,
  encodeIntegers,
  encodeRekey,
  encodeStreamHeader,
} from "../src/wire/frame_encoding.ts";
import { FrameType } from "../src/wire/frames.ts";
import { HEADER_LENGTH, PacketType, writeHeader } from "../src/wire/packet.ts";
import type { TransportParameters } from "../src/wire/transport_parameters.ts";

type Established = HandshakeResult & { kind: "established" };

const NOW = 0 as Instant;

/** The vectors as plain values: all bytes in hexadecimal. */
export function makeVectors(): Record<string, unknown> {
  const initiator = makeNode(1, 0x0a0b0c0d, "vector/initiator");
  const responder = makeNode(4, 0x01020304, "vector/responder");
  const { init, response, final, initiatorKeys, responderKeys } = shakeHands(initiator, responder);
  const first = initiatorKeys.keys;
  const keys = {
    initiator_key: toHex(first.sendKey),
    responder_key: toHex(first.receiveKey),
    chain: toHex(first.chain),
    handshake_hash: toHex(first.handshakeHash),
  };
  if (toHex(responderKeys.keys.receiveKey) !== keys.initiator_key) throw new Error("The two ends disagree");
  return {
    protocol: "Noise_XX_25519_ChaChaPoly_BLAKE2s",
    prologue: toHex(new TextEncoder().encode("WRAITH/1")),
    initiator: describe(initiator),
    responder: describe(responder),
    handshake: { init: toHex(init), response: toHex(response), final: toHex(final) },
    epoch_0: keys,
    data_packets: dataPackets(first.sendKey, first.receiveKey),
    key_update: keyUpdate(first.chain),
  };
}

interface VectorNode {
  readonly identitySeed: Uint8Array;
  readonly identity: SessionIdentity;
  readonly ephemeral: Uint8Array;
  readonly parameters: TransportParameters;
}

/** A node whose identity seed, static and ephemeral secrets are 32 times `fill`, `fill` + 1 and `fill` + 2. */
function makeNode(fill: number, index: number, agent: string): VectorNode {
  const secret = (add: number) => new Uint8Array(32).fill(fill + add);
  const identitySeed = secret(0);
  const staticKeys = keyPairOf(suite, secret(1));
  return {
    identitySeed,
    identity: {
      identityKey: suite.ed25519PublicKey(identitySeed),
      staticKeys,
      staticKeySignature: signStaticKey(suite, identitySeed, staticKeys.publicKey),
    },
    ephemeral: secret(2),
    parameters: {
      index,
      maxDatagramBytes: 65_507,
      initialMaxData: 1_572_864,
      initialMaxStreamData: 1_048_576,
      initialMaxStreams: 128,
      idleTimeoutMs: 60_000,
      maxAckDelayMs: 25,
      agent,
    },
  };
}

function describe({ identitySeed, identity, ephemeral, parameters }: VectorNode): Record<string, unknown> {
  return {
    identity_seed: toHex(identitySeed),
    identity_key: toHex(identity.identityKey),
    peer_id: peerIdOf(identity.identityKey),
    static_secret: toHex(identity.staticKeys.secretKey),
    static_public: toHex(identity.staticKeys.publicKey),
    static_key_signature: toHex(identity.staticKeySignature),
    ephemeral_secret: toHex(ephemeral),
    transport_parameters: parameters,
  };
}

function shakeHands(initiator: VectorNode, responder: VectorNode) {
  const common = (node: VectorNode) => ({
    now: NOW,
    handshakeId: 1,
    index: node.parameters.index,
    suite,
    entropy: seededEntropy(1),
    prng: seededPrng(1),
    identity: node.identity,
    parameters: node.parameters,
    timeoutMs: 10_000,
    ephemeral: node.ephemeral,
  });
  const asking = new InitiatorHandshake({
    ...common(initiator),
    to: makeAddress("192.0.2.2", 41_641),
    expectedPeer: peerIdOf(responder.identity.identityKey),
  });
  const answering = new ResponderHandshake({
    ...common(responder),
    from: makeAddress("192.0.2.1", 41_641),
    addressValidated: true,
  });
  const init = asking.pollMessage(NOW)!.slice();
  const e = init.subarray(HEADER_LENGTH, HEADER_LENGTH + 32);
  if (!answering.start(e, initiator.parameters.index, init.length)) throw new Error("The Init was refused");
  const response = answering.pollMessage(NOW)!.slice();
  const initiatorKeys = established(
    asking.handleResponse(NOW, response.subarray(HEADER_LENGTH)),
  );
  const final = asking.pollMessage(NOW)!.slice();
  const responderKeys = established(answering.handleFinal(final.subarray(HEADER_LENGTH)));
  return { init, response, final, initiatorKeys, responderKeys };
}

function established(result: HandshakeResult): Established {
  if (result.kind !== "established") throw new Error(`The handshake ended as ${result.kind}`);
  return result;
}

/** The first packets each way: what a session says when the initiator sends "hello" and is told goodbye. */
function dataPackets(initiatorKey: Uint8Array, responderKey: Uint8Array): Record<string, unknown>[] {
  const hello = new TextEncoder().encode("\x01hello");
  const one = { count: 1, highAt: () => 0, lowAt: () => 0 };
  const toInitiator = { key: responderKey, receiver: 0x0a0b0c0d };
  const toResponder = { key: initiatorKey, receiver: 0x01020304 };
  return [
    sealed("responder", toInitiator, 0, "PING", (out) => encodeIntegers(out, 0, FrameType.Ping)),
    sealed("initiator", toResponder, 0, "ACK of 0 after 0 us; STREAM 0, offset 0, 6 bytes, end", (out) => {
      const at = encodeAck(out, 0, out.length, one, 0);
      const body = encodeStreamHeader(out, at, 0, 0, hello.length, true);
      out.set(hello, body);
      return body + hello.length;
    }),
    sealed("responder", toInitiator, 1, "MAX_DATA 2097152; DATAGRAM of 3 bytes", (out) => {
      const at = encodeIntegers(out, 0, FrameType.MaxData, 2_097_152);
      return encodeDatagram(out, at, Uint8Array.of(1, 2, 3));
    }),
    sealed(
      "initiator",
      toResponder,
      1,
      "REKEY request to epoch 1 with 32 times 0x09",
      (out) => encodeRekey(out, 0, 1, new Uint8Array(32).fill(9), false),
    ),
    sealed(
      "responder",
      toInitiator,
      2,
      'CLOSE 0 "bye"',
      (out) => encodeClose(out, 0, out.length, 0, new TextEncoder().encode("bye")),
    ),
  ];
}

function sealed(
  from: string,
  to: { readonly key: Uint8Array; readonly receiver: number },
  number: number,
  says: string,
  write: (out: Uint8Array) => number,
): Record<string, unknown> {
  const frames = new Uint8Array(256);
  const length = write(frames);
  const packet = new Uint8Array(HEADER_LENGTH + length + 16);
  const body = writeHeader(packet, 0, PacketType.Data, 0, to.receiver, number);
  packet.set(frames.subarray(0, length), body);
  const aead = suite.aead(to.key);
  aead.seal(number, packet, 0, HEADER_LENGTH, length);
  aead.wipe();
  return { from, number, says, frames: toHex(frames.subarray(0, length)), datagram: toHex(packet) };
}

/** Epoch 1 from fixed REKEY secrets: 32 times 0x0a asks, 32 times 0x0b answers. */
function keyUpdate(chain: Uint8Array): Record<string, unknown> {
  const asking = keyPairOf(suite, new Uint8Array(32).fill(10));
  const answering = keyPairOf(suite, new Uint8Array(32).fill(11));
  const shared = suite.x25519(asking.secretKey, answering.publicKey)!;
  const next = nextEpoch(suite, chain, shared);
  return {
    request_secret: toHex(asking.secretKey),
    request_public: toHex(asking.publicKey),
    response_secret: toHex(answering.secretKey),
    response_public: toHex(answering.publicKey),
    shared_secret: toHex(shared),
    chain: toHex(next.chain),
    initiator_key: toHex(next.initiatorKey),
    responder_key: toHex(next.responderKey),
  };
}

if (import.meta.main) {
  const path = new URL("../docs/protocol_vectors.json", import.meta.url);
  writeFileSync(path, `${JSON.stringify(makeVectors(), null, 2)}\n`);
}
