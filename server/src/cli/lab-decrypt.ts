/** Decrypts ESP payloads of a lab, whose keys are fixed. */
import { createDecipheriv } from "node:crypto";
import type { EspCipher } from "../dataplane/model.ts";
import { algorithmOf, fixedKey } from "../lab/encryption.ts";

/**
 * The decrypted bytes of a payload (IV, ciphertext, maybe truncated). The integrity check value is not verified, because captures are
 * truncated. Undefined: the algorithm is not supported.
 */
export function decryptEsp(cipher: EspCipher, payload: Uint8Array): Uint8Array | undefined {
  const { kind, name, key, salt } = algorithmOf(cipher);
  const bytes = Buffer.from(fixedKey(key + salt), "hex");
  const iv = payload.subarray(0, cipher.iv);
  const sealed = payload.subarray(cipher.iv);
  if (kind === "cbc") {
    const whole = sealed.subarray(0, sealed.length - (sealed.length % cipher.block));
    return decrypted(`aes-${key * 8}-cbc`, bytes, iv, whole);
  }
  // GCM and CCM encrypt in counter mode: GCM counts from 2 (NIST SP 800-38D), CCM from 1 (RFC 4309).
  if (name.startsWith("rfc4106"))
    return decrypted(
      `aes-${key * 8}-ctr`,
      bytes.subarray(0, key),
      Buffer.concat([bytes.subarray(key), iv, COUNT_2]),
      sealed,
    );
  if (name.startsWith("rfc4309"))
    return decrypted(
      `aes-${key * 8}-ctr`,
      bytes.subarray(0, key),
      Buffer.concat([Buffer.from([3]), bytes.subarray(key), iv, COUNT_1]),
      sealed,
    );
  // RFC 7634: counter 1 (block 0 is the Poly1305 key), nonce of salt and IV; OpenSSL takes the counter in little-endian order.
  return decrypted("chacha20", bytes.subarray(0, key), Buffer.concat([CHACHA_1, bytes.subarray(key), iv]), sealed);
}

const COUNT_2 = Buffer.from([0, 0, 0, 2]);
const COUNT_1 = Buffer.from([0, 0, 0, 1]);
const CHACHA_1 = Buffer.from([1, 0, 0, 0]);

function decrypted(algorithm: string, key: Uint8Array, iv: Uint8Array, sealed: Uint8Array): Uint8Array {
  return new Uint8Array(createDecipheriv(algorithm, key, iv).setAutoPadding(false).update(sealed));
}
