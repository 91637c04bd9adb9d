/**
 * Where the keys of packets may be told, so that who runs a node can decrypt its own traffic. Nobody listens
 * unless someone asked for it, and then only newer keys are told: never the secret that later ones come from.
 *
 * @module
 */

/**
 * Hears of the key that opens the Data packets whose header carries `receiverIndex` and `epoch` mod 4.
 *
 * @param key 32 bytes, borrowed until the call returns: they are wiped then.
 */
export type KeySink = (receiverIndex: number, epoch: number, key: Uint8Array) => void;

/** One endpoint's sessions tell their keys to what is set here. */
export class KeyLog {
  /** Null, which is the rule, costs nothing. */
  sink: KeySink | null = null;
}
