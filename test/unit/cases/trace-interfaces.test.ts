/** The name of a machine with several interfaces: the address on the sender's segment, otherwise the first, as stated in a note. */
import { describe, expect, test } from "vitest";
import { check } from "../checks/harness.ts";
import { traceOf } from "./kernel-trace.ts";

const TWO = `segment front { cidr 10.0.1.0/24; gateway r }
segment back { cidr 10.0.2.0/24; gateway r }
segment far { cidr 10.0.3.0/24; gateway r }
router r { attach front 10.0.1.1; attach back 10.0.2.1; attach far 10.0.3.1 }
host db { attach front 10.0.1.9; attach back 10.0.2.9; listen 80 }
host near { attach back 10.0.2.5 }
host away { attach far 10.0.3.5 }
cluster k {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend host-gw }
  node n1 { attach front 10.0.1.21; attach back 10.0.2.21 }
  pod web on n1 { labels app=web; listen 80 }
  service web { type node-port; select app=web; port 80 node-port 30080 }
}
expect near -> db:80 via r
`;

function sentTo(from: string, to: string, port = 80): { readonly dst: string; readonly notes: string } {
  const { paths, notes } = traceOf(TWO, from, to, { port });
  const [header] = paths[0]?.hops[0]?.packet.headers ?? [];
  return { dst: header?.kind === "ip" ? header.dst : "", notes: (notes ?? []).join("\n") };
}

describe("a host with two interfaces", () => {
  test("the address on the sender's segment", () => {
    expect(sentTo("near", "db")).toEqual({
      dst: "10.0.2.9",
      notes: "db has 2 IPv4 addresses; packets are sent to 10.0.2.9, on the sender's segment back",
    });
  });
  test("otherwise the first", () => {
    expect(sentTo("away", "db")).toEqual({
      dst: "10.0.1.9",
      notes: "db has 2 IPv4 addresses; packets are sent to the first, 10.0.1.9",
    });
  });
  test("one address, or an address as target: no note", () => {
    expect(sentTo("near", "away").notes).toBe("");
    expect(sentTo("near", "10.0.1.9")).toEqual({ dst: "10.0.1.9", notes: "" });
  });
  test("a pod is on the segments of its node", () => {
    expect(sentTo("k/default/web", "near")).toEqual({ dst: "10.0.2.5", notes: "" });
    expect(sentTo("k/default/web", "db").dst).toBe("10.0.1.9");
  });
  test("a node, also for its node ports", () => {
    expect(sentTo("near", "n1").dst).toBe("10.0.2.21");
    expect(sentTo("near", "web").dst).toBe("10.0.2.21");
    expect(sentTo("away", "web").dst).toBe("10.0.1.21");
  });
  test("expectations use the same address", () => {
    expect(check(TWO).find(({ code }) => code === "KN701")?.finding.message).toContain("does not pass through r");
  });
});
