/**
 * Plain YAML scalars as Kubernetes reads them. kubectl and kube-apiserver use sigs.k8s.io/yaml, which contains go.yaml.in/yaml/v2: its
 * `resolve.go` reads the boolean words of YAML 1.1, and integers with the prefixes of Go's strconv.ParseInt after removing `_`.
 */
import type { Json } from "../../text/json.ts";

export interface Scalar {
  readonly value: Json;
  /** Whether YAML 1.2, and a person, read something else: `on` is true, 010 is 8. */
  readonly differs: boolean;
}

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);
const TRUE: ReadonlySet<string> = new Set(["true", "True", "TRUE"]);
const FALSE: ReadonlySet<string> = new Set(["false", "False", "FALSE"]);
const ALSO_TRUE: ReadonlySet<string> = new Set(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"]);
const ALSO_FALSE: ReadonlySet<string> = new Set(["n", "N", "no", "No", "NO", "off", "Off", "OFF"]);

const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
/** The longest text that can be a number or a date. */
const LONGEST = 400;

export function plainScalar(text: string): Scalar {
  const first = text.charCodeAt(0);
  if (text.length <= 5) {
    if (NULLS.has(text)) return same(null);
    if (TRUE.has(text)) return same(true);
    if (FALSE.has(text)) return same(false);
    if (ALSO_TRUE.has(text)) return { value: true, differs: true };
    if (ALSO_FALSE.has(text)) return { value: false, differs: true };
  }
  // A digit, a sign, or a dot.
  const isNumber = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d || first === 0x2e;
  return isNumber && text.length <= LONGEST ? numberScalar(text) : same(text);
}

function same(value: Json): Scalar {
  return { value, differs: false };
}

function numberScalar(text: string): Scalar {
  const digits = text.includes("_") ? text.replaceAll("_", "") : text;
  const integer = INTEGER.exec(digits);
  if (integer) {
    const [, sign = "", hex, octal, binary, decimal = ""] = integer;
    const value =
      hex !== undefined
        ? Number.parseInt(hex, 16)
        : octal !== undefined
          ? Number.parseInt(octal, 8)
          : binary !== undefined
            ? Number.parseInt(binary, 2)
            : Number(decimal);
    const isPlain = decimal !== "" || hex !== undefined || /^[-+]?0o/.test(digits);
    return { value: sign === "-" ? -value : value, differs: digits !== text || !isPlain };
  }
  return FLOAT.test(digits) ? { value: Number(digits), differs: digits !== text } : same(text);
}

/** Kubernetes reads a date as a time, also where it requires a string: "2001-01-01T00:00:00Z". */
export function isDate(text: string): boolean {
  return /^\d{4}-\d\d?-\d\d?$/.test(text);
}
