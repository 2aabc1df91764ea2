/** Values of arguments after reading them by type. Plain data. */
import type { InterfaceAddress, Ip, Prefix } from "../addressing/ip.ts";

/** A LabelSelectorRequirement (k8s.io/apimachinery meta/v1); `app=web` is `In` with one value. */
export interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

export type Value =
  | { readonly kind: "name"; readonly text: string }
  /** "shop/web" → ["shop", "web"]; `address` if the type allows one and the text is one. */
  | { readonly kind: "ref"; readonly text: string; readonly path: readonly string[]; readonly address?: Ip }
  | { readonly kind: "address"; readonly ip: Ip }
  | { readonly kind: "prefix"; readonly prefix: Prefix }
  /** The keyword `default` in place of a prefix. */
  | { readonly kind: "default-route" }
  | { readonly kind: "interface-address"; readonly ip: Ip; readonly len: number | undefined }
  | { readonly kind: "length"; readonly len: number }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "word"; readonly text: string }
  | {
      readonly kind: "ports";
      readonly first: number;
      readonly last: number;
      readonly proto: "tcp" | "udp" | "sctp" | undefined;
    }
  /** Refers to a container port by name. */
  | { readonly kind: "port-name"; readonly name: string; readonly proto: "tcp" | "udp" | "sctp" | undefined }
  /** A term of a label selector; undefined for `*`, which matches all labels. */
  | { readonly kind: "requirement"; readonly requirement: Requirement | undefined }
  | { readonly kind: "index-range"; readonly first: number; readonly last: number; readonly width: number }
  | { readonly kind: "label"; readonly key: string; readonly value: string }
  | {
      readonly kind: "endpoint";
      readonly text: string;
      readonly path: string;
      readonly address?: InterfaceAddress["ip"];
      readonly port?: number;
      readonly proto?: "tcp" | "udp" | "sctp" | "icmp";
    }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "icmp-type"; readonly type: number; readonly code: number | undefined }
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  /** The flag is present. */
  | { readonly kind: "flag" };

export type ValueKind = Value["kind"];

/** A value with its location: `index` identifies it in its declaration, `item` within a list. */
export interface Read {
  /** `ArgSpec.name` or `FlagSpec.name`. */
  readonly name: string;
  readonly value: Value;
  /** As written. */
  readonly text: string;
  readonly index: number;
  readonly item: number | undefined;
}
