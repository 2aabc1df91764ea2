/** What an argument means, once read by its type. Plain data. */
import type { InterfaceAddress, Ip, Prefix } from "../addressing/ip.ts";
import type { Arg } from "./tree.ts";

/** A LabelSelectorRequirement (k8s.io/apimachinery meta/v1); `app=web` is In with one value. */
export interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

export type Value =
  | { readonly kind: "name"; readonly text: string }
  /** "shop/web" → ["shop", "web"]; an address where the type allows one. */
  | { readonly kind: "ref"; readonly text: string; readonly path: readonly string[]; readonly address?: Ip }
  | { readonly kind: "address"; readonly ip: Ip }
  | { readonly kind: "prefix"; readonly prefix: Prefix }
  /** The word `default` where a prefix may be given. */
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
  /** Refers to a container's port by its name. */
  | { readonly kind: "port-name"; readonly name: string; readonly proto: "tcp" | "udp" | "sctp" | undefined }
  /** A condition of a label selector; that of `*` always holds. */
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
  /** A flag is there. */
  | { readonly kind: "flag" };

export type ValueKind = Value["kind"];

/** A value with the argument that it was read from. `index` counts in `statement.args`; `item` in a list. */
export interface Read {
  /** ArgSpec.name, FlagSpec.name */
  readonly name: string;
  readonly value: Value;
  readonly arg: Arg;
  readonly index: number;
  readonly item: number | undefined;
}
