/** The text of a file's bytes. */
import { t } from "../../text/l10n.ts";

/** `error`: a clause without the file's name. */
export type Decoded = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string };

/**
 * UTF-8, or UTF-16 with a byte order mark, which `>` of Windows PowerShell writes. The mark itself is not part of the text: JSON.parse
 * rejects it.
 */
export function decodedText(bytes: Uint8Array): Decoded {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : isUtf16Be(bytes) ? "utf-16be" : "utf-8";
  let text: string;
  try {
    text = new TextDecoder(encoding === "utf-16be" ? "utf-16le" : encoding, { fatal: true }).decode(
      encoding === "utf-16be" ? swapped(bytes) : bytes,
    );
  } catch {
    return { ok: false, error: encoding === "utf-8" ? t`not valid UTF-8` : t`not valid UTF-16` };
  }
  const nul = text.indexOf("\0");
  return nul < 0 ? { ok: true, text } : { ok: false, error: t`not a text file (NUL byte at offset ${nul})` };
}

function isUtf16Be(bytes: Uint8Array): boolean {
  return bytes[0] === 0xfe && bytes[1] === 0xff;
}

/** Not every TextDecoder reads UTF-16BE: Node without full ICU does not. */
function swapped(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    result[at] = bytes[at + 1] ?? 0;
    result[at + 1] = bytes[at] ?? 0;
  }
  return bytes.length % 2 === 0 ? result : result.subarray(0, bytes.length - 1);
}
