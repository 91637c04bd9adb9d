import { deepEqual, doesNotMatch, equal, notDeepEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex } from "../../../src/bytes.ts";
import type { CipherSuite } from "../../../src/crypto/cipher_suite.ts";
import { generateKeyPair, type KeyPair } from "../../../src/crypto/key_pair.ts";
import {
  type FinishedHandshake,
  type HandshakeOptions,
  HandshakeState,
  patternNamed,
  XX,
} from "../../../src/crypto/noise/mod.ts";
import { seededEntropy } from "../../../src/entropy.ts";
import { suites } from "../suites.ts";

const PAYLOAD = new TextEncoder().encode("transport parameters");

for (const suite of suites) {
  Deno.test(`${suite.name}: XX shows each side the other's static key and gives both the same session`, () => {
    const { initiator, responder, initiatorStatic, responderStatic } = pair(suite);
    equal(initiator.remoteStatic, null);
    const [init, response, final] = [
      pass(initiator, responder),
      pass(responder, initiator),
      pass(initiator, responder),
    ];
    deepEqual([init.length, response.length, final.length], [
      32 + PAYLOAD.length,
      32 + 48 + PAYLOAD.length + 16,
      48 + PAYLOAD.length + 16,
    ]);
    deepEqual(initiator.remoteStatic, responderStatic.publicKey);
    deepEqual(responder.remoteStatic, initiatorStatic.publicKey);
    const [ours, theirs] = [initiator.split(), responder.split()];
    deepEqual(ours.sendKey, theirs.receiveKey);
    deepEqual(ours.receiveKey, theirs.sendKey);
    deepEqual(ours.chain, theirs.chain);
    deepEqual(ours.handshakeHash, theirs.handshakeHash);
    equal(new Set([ours.sendKey, ours.receiveKey, ours.chain, ours.handshakeHash].map(toHex)).size, 4);
  });

  Deno.test(`${suite.name}: XX survives a forged message and takes the genuine one after it`, () => {
    const { initiator, responder } = pair(suite);
    // The first message carries nothing secret: whatever has its form is taken, and fails later.
    pass(initiator, responder);
    for (const [from, to] of [[responder, initiator], [initiator, responder]]) {
      const message = written(from);
      const hashBefore = to.handshakeHash;
      for (const forged of forgeries(message)) {
        equal(to.readMessage(forged).ok, false);
        deepEqual(to.handshakeHash, hashBefore);
      }
      equal(to.readMessage(message).ok, true);
    }
    deepEqual(initiator.split().sendKey, responder.split().receiveKey);
  });

  Deno.test(`${suite.name}: XX refuses every single flipped bit of Response and Final`, () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (inResponse, inFinal) => {
        const { initiator, responder } = pair(suite);
        pass(initiator, responder);
        for (
          const [from, to, bit] of [[responder, initiator, inResponse], [
            initiator,
            responder,
            inFinal,
          ]] as const
        ) {
          const message = written(from);
          const forged = message.slice();
          forged[(bit >> 3) % forged.length] ^= 1 << (bit & 7);
          // X25519 ignores the top bit of a key, the transcript hash does not.
          equal(to.readMessage(forged).ok, false);
          equal(to.readMessage(message).ok, true);
        }
      }),
      { numRuns: 20 },
    );
  });

  Deno.test(`${suite.name}: XX fails when the prologues differ`, () => {
    const { initiator } = pair(suite);
    const { responder } = pair(suite, { prologue: new TextEncoder().encode("WRAITH/2") });
    pass(initiator, responder);
    deepEqual(initiator.readMessage(written(responder)), { ok: false, failure: "decrypt" });
  });

  Deno.test(`${suite.name}: a low-order ephemeral key is malformed, before anything is computed from it`, () => {
    const { responder } = pair(suite);
    for (const u of ["00".repeat(32), "01" + "00".repeat(31), "ec" + "ff".repeat(30) + "7f"]) {
      const message = new Uint8Array([...fromHex(u), ...PAYLOAD]);
      deepEqual(responder.readMessage(message), { ok: false, failure: "malformed" });
    }
  });

  Deno.test(`${suite.name}: a low-order static key is malformed even when it authenticates`, () => {
    const lowOrder: KeyPair = { secretKey: new Uint8Array(32).fill(1), publicKey: new Uint8Array(32) };
    const { initiator, responder } = pair(suite, { initiator: { s: lowOrder } });
    pass(initiator, responder);
    pass(responder, initiator);
    deepEqual(responder.readMessage(written(initiator)), { ok: false, failure: "malformed" });
  });

  Deno.test(`${suite.name}: IKpsk2 with another pre-shared key does not authenticate`, () => {
    const pattern = patternNamed("IKpsk2");
    const entropy = seededEntropy(11);
    const [s, remote] = [generateKeyPair(suite, entropy), generateKeyPair(suite, entropy)];
    const common = { suite, entropy, pattern, prologue: new Uint8Array(0) };
    const initiator = HandshakeState.initialize({
      ...common,
      initiator: true,
      s,
      rs: remote.publicKey,
      psks: [new Uint8Array(32).fill(1)],
    });
    const responder = HandshakeState.initialize({
      ...common,
      initiator: false,
      s: remote,
      psks: [new Uint8Array(32).fill(2)],
    });
    pass(initiator, responder);
    deepEqual(initiator.readMessage(written(responder)), { ok: false, failure: "decrypt" });
  });
}

const [suite] = suites;

Deno.test("Every suite writes the same handshake, and any two of them understand each other", () => {
  const transcripts = suites.flatMap((ours) =>
    suites.map((theirs) => {
      const entropies = [seededEntropy(1), seededEntropy(2)];
      const statics = [generateKeyPair(ours, entropies[0]), generateKeyPair(theirs, entropies[1])];
      const [initiator, responder] = [ours, theirs].map((suite, side) =>
        HandshakeState.initialize({
          suite,
          entropy: entropies[side],
          pattern: XX,
          prologue: new Uint8Array(0),
          initiator: side === 0,
          s: statics[side],
        })
      );
      const messages = [pass(initiator, responder), pass(responder, initiator), pass(initiator, responder)];
      const { sendKey, receiveKey, chain } = initiator.split();
      deepEqual(responder.split().sendKey, receiveKey);
      return [...messages, sendKey, receiveKey, chain].map(toHex).join("\n");
    })
  );
  equal(new Set(transcripts).size, 1);
});

Deno.test("HandshakeState answers any bytes with a result, never an exception", () => {
  const after = (messages: number) => {
    const { initiator, responder } = pair(suite);
    const turns = [[initiator, responder], [responder, initiator], [initiator, responder]];
    for (const [from, to] of turns.slice(0, messages)) pass(from, to);
    return turns[messages][1];
  };
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 300 }), (messages, bytes) => {
      const result = after(messages).readMessage(bytes);
      if (messages > 0 || bytes.length < 32) equal(result.ok, false);
    }),
    { numRuns: 60 },
  );
});

Deno.test("HandshakeState calls every truncation of a message malformed or unauthentic", () => {
  const { initiator, responder } = pair(suite);
  pass(initiator, responder);
  const response = written(responder);
  const smallest = 32 + 48 + 16;
  for (let length = 0; length < response.length; length++) {
    const failure = length < smallest ? "malformed" : "decrypt";
    deepEqual(initiator.readMessage(response.subarray(0, length)), { ok: false, failure }, `${length} bytes`);
  }
  equal(initiator.readMessage(response).ok, true);
});

Deno.test("HandshakeState refuses a message longer than Noise allows, in both directions", () => {
  const { initiator, responder } = pair(suite);
  throws(() => initiator.writeMessage(new Uint8Array(65_504), new Uint8Array(70_000)), RangeError);
  deepEqual(responder.readMessage(new Uint8Array(65_536).fill(9)), { ok: false, failure: "malformed" });
  equal(initiator.writeMessage(new Uint8Array(65_503), new Uint8Array(70_000)), 65_535);
});

Deno.test("HandshakeState writes at the offset, only there, and nothing when there is no room", () => {
  const { initiator } = pair(suite);
  const out = new Uint8Array(100).fill(0xa5);
  throws(() => initiator.writeMessage(PAYLOAD, out, 100 - 32), RangeError);
  deepEqual(out, new Uint8Array(100).fill(0xa5));
  const length = initiator.writeMessage(PAYLOAD, out, 16);
  equal(length, 32 + PAYLOAD.length);
  deepEqual(out.subarray(0, 16), new Uint8Array(16).fill(0xa5));
  deepEqual(out.subarray(16 + length), new Uint8Array(100 - 16 - length).fill(0xa5));
});

Deno.test("HandshakeState refuses calls out of turn, before the end, and after it", () => {
  const { initiator, responder } = pair(suite);
  equal(initiator.isMyTurn, true);
  equal(responder.isMyTurn, false);
  throws(() => responder.writeMessage(PAYLOAD, new Uint8Array(200)), /turn/);
  throws(() => initiator.readMessage(new Uint8Array(100)), /turn/);
  throws(() => initiator.split(), /running/);
  for (const [from, to] of [[initiator, responder], [responder, initiator], [initiator, responder]]) {
    pass(from, to);
  }
  equal(initiator.isComplete, true);
  equal(initiator.isMyTurn, false);
  throws(() => initiator.writeMessage(PAYLOAD, new Uint8Array(200)), /complete/);
  initiator.split();
  throws(() => initiator.split(), /spent/);
  throws(() => initiator.readMessage(new Uint8Array(100)), /spent/);
});

Deno.test("HandshakeState draws a fresh ephemeral key for every handshake", () => {
  const entropy = seededEntropy(5);
  const inits = [1, 2].map(() => written(pair(suite, { entropy }).initiator));
  notDeepEqual(inits[0].subarray(0, 32), inits[1].subarray(0, 32));
});

Deno.test("HandshakeState names the key it misses and the length it wants, and no key's bytes", () => {
  const s = { secretKey: new Uint8Array(32).fill(0xa5), publicKey: new Uint8Array(31).fill(0xa5) };
  const options = { suite, entropy: seededEntropy(1), initiator: true, prologue: new Uint8Array(0) };
  const attempts: [RegExp, () => unknown][] = [
    [/the key s$/, () => HandshakeState.initialize({ ...options, pattern: XX })],
    [/the key rs$/, () => HandshakeState.initialize({ ...options, pattern: patternNamed("NK") })],
    [/s\.publicKey must have 32 bytes/, () => HandshakeState.initialize({ ...options, pattern: XX, s })],
    [/takes 1 psks/, () => HandshakeState.initialize({ ...options, pattern: patternNamed("NNpsk0") })],
    [
      /rs is a point of low order/,
      () => HandshakeState.initialize({ ...options, pattern: patternNamed("NK"), rs: new Uint8Array(32) }),
    ],
  ];
  for (const [expected, attempt] of attempts) {
    throws(attempt, (error: Error) => {
      ok(expected.test(error.message), error.message);
      doesNotMatch(error.message, /a5|165/);
      return error instanceof TypeError;
    });
  }
});

Deno.test("FinishedHandshake wipes its secrets", () => {
  const { initiator, responder } = pair(suite);
  for (const [from, to] of [[initiator, responder], [responder, initiator], [initiator, responder]]) {
    pass(from, to);
  }
  const finished: FinishedHandshake = initiator.split();
  finished.wipe();
  for (const secret of [finished.sendKey, finished.receiveKey, finished.chain]) {
    deepEqual(secret, new Uint8Array(32));
  }
});

Deno.test("patternNamed places psk modifiers and refuses what it does not know", () => {
  deepEqual(patternNamed("XXpsk3").messages.at(-1), ["s", "se", "psk"]);
  deepEqual(patternNamed("NNpsk0+psk2").messages, [["psk", "e"], ["e", "ee", "psk"]]);
  deepEqual(patternNamed("XX").messages, XX.messages);
  for (const name of ["", "XY", "xx", "XXpsk4", "XXpsk", "XXpsk0psk1", "XXfallback"]) {
    throws(() => patternNamed(name), RangeError, name);
  }
});

function pair(
  suite: CipherSuite,
  changes: {
    prologue?: Uint8Array;
    entropy?: HandshakeOptions["entropy"];
    initiator?: Partial<HandshakeOptions>;
  } = {},
) {
  const entropy = changes.entropy ?? seededEntropy(42);
  const [initiatorStatic, responderStatic] = [
    generateKeyPair(suite, entropy),
    generateKeyPair(suite, entropy),
  ];
  const prologue = changes.prologue ?? new TextEncoder().encode("WRAITH/1");
  const common = { suite, entropy, pattern: XX, prologue };
  return {
    initiatorStatic,
    responderStatic,
    initiator: HandshakeState.initialize({
      ...common,
      initiator: true,
      s: initiatorStatic,
      ...changes.initiator,
    }),
    responder: HandshakeState.initialize({ ...common, initiator: false, s: responderStatic }),
  };
}

function written(from: HandshakeState): Uint8Array {
  const out = new Uint8Array(from.nextMessageLength(PAYLOAD.length));
  equal(from.writeMessage(PAYLOAD, out), out.length);
  return out;
}

function pass(from: HandshakeState, to: HandshakeState): Uint8Array {
  const message = written(from);
  deepEqual(to.readMessage(message), { ok: true, payload: PAYLOAD });
  return message;
}

/** The message cut, extended, and with its first, middle and last byte changed. */
function forgeries(message: Uint8Array): Uint8Array[] {
  const changed = [0, message.length >> 1, message.length - 1].map((at) => {
    const copy = message.slice();
    copy[at] ^= 1;
    return copy;
  });
  return [
    message.subarray(0, 31),
    message.subarray(0, message.length - 1),
    new Uint8Array([...message, 0]),
    ...changed,
  ];
}
