/** The nodes that an installer's file lists, on their networks. */
import { formatPrefix, parseIp, prefixOf } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { Path } from "../../text/json.ts";
import { drafted, type KubeObject } from "../kubernetes/object.ts";
import type { Machines } from "./installer.ts";

export interface Machine {
  readonly name: string;
  readonly address: string | undefined;
  readonly path: Path;
}

/** `network`: prefixes for nodes without an address, separated by blanks. The prefix length of an address is not known: /24 and /64 are assumed. */
export function machinesOf(object: KubeObject, machines: readonly Machine[], network: string): Machines {
  const networkOf = ({ address }: Machine): string => {
    const ip = parseIp(address ?? "");
    return ip === undefined ? network : formatPrefix(prefixOf(ip, typeof ip === "number" ? 24 : 64));
  };
  const networks = [...new Set(machines.map(networkOf))];
  const nameOf = (prefix: string): string =>
    networks.length === 1 ? "nodes" : `nodes-${networks.indexOf(prefix) + 1}`;
  const own = (draft: Omit<Draft, "handle" | "file">, path: Path = []): Draft => drafted(object, path, draft);
  const attach = (segment: string, address: string | undefined, path: Path): Draft =>
    own({ keyword: "attach", args: { segment, ...(address === undefined ? {} : { addresses: [address] }) } }, path);
  return {
    network: [
      ...networks.map((prefix) =>
        own({
          keyword: "segment",
          args: { name: nameOf(prefix) },
          children: [own({ keyword: "cidr", args: { prefixes: prefix.split(" ") } })],
        }),
      ),
      own({
        keyword: "router",
        args: { name: "gateway" },
        children: networks.map((prefix) => attach(nameOf(prefix), undefined, [])),
      }),
    ],
    nodes: machines.map((machine) => {
      const { name, address, path } = machine;
      return own(
        { keyword: "node", args: { name }, children: [attach(nameOf(networkOf(machine)), address, path)] },
        path,
      );
    }),
  };
}
