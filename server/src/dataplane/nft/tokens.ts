/** Tokens of `nft list ruleset`. Addresses and names of chains contain colons, slashes, and dots: whitespace separates tokens. */

export interface NftToken {
  readonly text: string;
  readonly quoted: boolean;
  readonly line: number;
}

/** A position in a list of tokens. `failed`: a part is not modeled, so the result is not used. */
export interface NftReader {
  readonly tokens: readonly NftToken[];
  at: number;
  failed: boolean;
}

const TOKEN = /"((?:[^"\\]|\\.)*)"|[{}(),;]|[^\s{}(),;"]+/g;

export function tokensOf(text: string, line: number): readonly NftToken[] {
  return [...text.matchAll(TOKEN)].map(([whole, quoted]) => ({
    text: quoted ?? whole,
    quoted: quoted !== undefined,
    line,
  }));
}

export function readerOf(tokens: readonly NftToken[]): NftReader {
  return { tokens, at: 0, failed: false };
}

export function peek({ tokens, at }: NftReader, ahead = 0): string | undefined {
  return tokens[at + ahead]?.text;
}

export function next(reader: NftReader): string | undefined {
  const token = reader.tokens[reader.at];
  if (token) reader.at += 1;
  return token?.text;
}

/** Whether the token follows; it is then read. */
export function take(reader: NftReader, ...texts: readonly string[]): boolean {
  const token = reader.tokens[reader.at];
  if (!token || token.quoted || !texts.includes(token.text)) return false;
  reader.at += 1;
  return true;
}

export function expect(reader: NftReader, text: string): void {
  if (!take(reader, text)) reader.failed = true;
}

/** Reads a number; without one, the reader fails. */
export function numberNext(reader: NftReader): number {
  const text = next(reader) ?? "";
  if (/^(?:\d+|0x[0-9a-f]+)$/i.test(text)) return Number(text);
  reader.failed = true;
  return 0;
}
