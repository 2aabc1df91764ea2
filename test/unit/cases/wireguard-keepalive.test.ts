/**
 * Endpoints that WireGuard learns from keepalives (wg_socket_set_peer_endpoint_from_skb): a peer behind NAT. Compared on Linux
 * 6.1 (`knet lab --run --kernel qemu`).
 */
import { describe, expect, it } from "vitest";
import { ask } from "../../../server/src/trace/trace.ts";
import { check, serious, shown, world } from "../checks/harness.ts";

interface Parts {
  readonly keepalive?: string;
  readonly gateway?: string;
}

const site = ({ keepalive = "persistent-keepalive 25", gateway = "" }: Parts = {}): string => `
segment dc { cidr 203.0.113.0/24; gateway homegw }
segment home { cidr 192.168.139.0/24; gateway homegw }
router homegw {
  attach home 192.168.139.1
  attach dc 203.0.113.1
  masquerade from 192.168.139.0/24 out dc
  ${gateway}
  deny any forward from 203.0.113.0/24
}
cluster k {
  pods 10.42.0.0/16
  cni flannel { backend wireguard { ${keepalive} } }
  node server { attach dc 203.0.113.16 }
  node agent { attach home 192.168.139.105 }
  pod a on server
  pod b on agent
}
expect b -> a reachable
expect a -> b reachable
`;

const found = (text: string): readonly string[] =>
  serious(check(text))
    .map(shown)
    .map((one) => one.slice(0, 5));

describe("a WireGuard peer behind NAT", () => {
  it("is reachable if it sends keepalives", () => {
    expect(found(site())).toEqual([]);
  });

  it("is not reachable without keepalives, until it sends", () => {
    expect(found(site({ keepalive: "" }))).toEqual(["KN205", "KN701"]);
  });

  it("is not reachable if its keepalives are lost", () => {
    expect(found(site({ gateway: "deny udp port 51820 from 192.168.139.0/24" }))).toEqual(
      expect.arrayContaining(["KN701"]),
    );
  });

  it("is sent to at the address and port that the NAT gateway shows", () => {
    const { topology, network } = world(site());
    const answer = ask({ topology, network, locate: () => undefined }, { from: "a", to: "b", proto: "icmp" });
    if (!answer.ok) throw new Error(answer.error);
    const hop = answer.trace.paths[0]?.hops.find(({ action }) => action === "encapsulate");
    expect(hop?.rule?.text).toMatch(/endpoint 203\.0\.113\.1:51820 /);
    expect(answer.trace.answered).toBe(true);
  });
});
