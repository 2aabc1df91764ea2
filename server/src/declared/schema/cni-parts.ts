/** Building blocks shared by the settings of several plugins. */
import type { ArgSpec, ArgType } from "./types.ts";

/** The single argument that most settings have: a prefix, a port, a number. */
export function value(type: ArgType, summary: string, otherwise?: string): readonly ArgSpec[] {
  return [{ name: "value", type, summary, ...(otherwise === undefined ? {} : { default: otherwise }) }];
}
export const yesNo: ArgType = { kind: "boolean" };
export const mtu: ArgType = { kind: "number", min: 68, max: 65535, unit: "bytes" };
export const port: ArgType = { kind: "number", min: 1, max: 65535 };

export const withSettings = (settings: string): string => `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  ${settings}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1
  pod b on n2
}
expect a -> b reachable
`;
