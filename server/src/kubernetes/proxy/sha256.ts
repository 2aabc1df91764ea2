/**
 * SHA-256 (FIPS 180-4) of an ASCII text: kube-proxy derives chain names from it, and the core cannot import Node
 * modules.
 */

const K = constants(64, 1 / 3);
const INITIAL = constants(8, 1 / 2);

/** The first 32 bits of the fractional parts of the roots of the first primes (§4.2.2, §5.3.3). */
function constants(count: number, power: number): Uint32Array {
  const found = new Uint32Array(count);
  let length = 0;
  for (let candidate = 2; length < count; candidate++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) prime = false;
    if (!prime) continue;
    const root = candidate ** power;
    found[length++] = (root - Math.floor(root)) * 2 ** 32;
  }
  return found;
}

export function sha256(text: string): Uint8Array {
  const bits = text.length * 8;
  const padded = new Uint8Array(((text.length + 8) >> 6) * 64 + 64);
  for (let i = 0; i < text.length; i++) padded[i] = text.charCodeAt(i);
  padded[text.length] = 0x80;
  new DataView(padded.buffer).setUint32(padded.length - 4, bits);
  const hash = INITIAL.slice();
  const view = new DataView(padded.buffer);
  const words = new Uint32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getUint32(block + i * 4);
    for (let i = 16; i < 64; i++)
      words[i] = at(words, i - 16) + small0(at(words, i - 15)) + at(words, i - 7) + small1(at(words, i - 2));
    compress(hash, words);
  }
  const bytes = new Uint8Array(32);
  const out = new DataView(bytes.buffer);
  hash.forEach((word, i) => {
    out.setUint32(i * 4, word);
  });
  return bytes;
}

function compress(hash: Uint32Array, words: Uint32Array): void {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
  for (let i = 0; i < 64; i++) {
    const t1 = (h + big1(e) + ((e & f) ^ (~e & g)) + at(K, i) + at(words, i)) | 0;
    const t2 = (big0(a) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    hash[i] = at(hash, i) + word;
  });
}

function at(words: Uint32Array, index: number): number {
  return words[index] ?? 0;
}
function turn(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
function small0(x: number): number {
  return turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
}
function small1(x: number): number {
  return turn(x, 17) ^ turn(x, 19) ^ (x >>> 10);
}
function big0(x: number): number {
  return turn(x, 2) ^ turn(x, 13) ^ turn(x, 22);
}
function big1(x: number): number {
  return turn(x, 6) ^ turn(x, 11) ^ turn(x, 25);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 §6, without padding. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >>> bits) & 31] ?? "";
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + (ALPHABET[(value << (5 - bits)) & 31] ?? "") : text;
}
