/** Kernel behavior found with random topologies, tested without a kernel: single packets of the kernel suite's fixtures. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Journey, Question } from "../../../server/src/dataplane/journey.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { ip } from "../cni/fixture.ts";
import { sampleOf } from "../cni/samples.ts";

function journey(fixture: string, from: string, to: string, more: Partial<Question>): Journey {
  const text = readFileSync(new URL(`../../kernel/fixtures/${fixture}.knet`, import.meta.url), "utf8");
  const question = { from, dst: ip(to), proto: "tcp", sport: 40000, dport: 80, df: false, ...more } as const;
  const [only] = simulate(sampleOf(text).network, question);
  if (!only) throw new Error("no journey");
  return only;
}

function said({ steps }: Journey, action: string): readonly string[] {
  return steps.filter((step) => step.action === action).map(({ netns, device }) => `${netns} ${device}`);
}

test("the node resolves a service endpoint across a blocked tunnel and reports the failure to the client", () => {
  const { reason, error, steps } = journey("service-across-dead-tunnel", "prod/shop/client", "10.96.0.21", {});
  expect(reason).toMatchObject({ code: "neighbour-failed", netns: "core", lostBy: "filtered", unlessAsked: true });
  expect(steps.at(-1)).toMatchObject({ netns: "prod/n1", device: "weave" });
  expect(error).toMatchObject({ kind: "icmp", error: "host-unreachable", errno: "EHOSTUNREACH" });
});

test("IPv6 fragments reassembled on a bridge are fragmented again by its node", () => {
  const ping = journey("fragments-through-bridge", "prod/default/a", "fd00:244:0:1::2", { proto: "icmp", size: 3000 });
  expect(ping.verdict).toBe("delivered");
  expect(said(ping, "fragment")).toEqual(["prod/default/a eth0", "prod/n1 eth0"]);
  expect(ping.reply?.verdict).toBe("delivered");
});

test("a neighbor advertisement does not pass the policy of the requesting pod", () => {
  const { reason, race } = journey("discovery-through-policy", "prod/shop/guarded", "fd00:244::3", {});
  expect(reason).toMatchObject({ code: "neighbour-failed", netns: "prod/n1", lostBy: "filtered" });
  expect(race).toBe("first-request");
});

test("the target of a neighbor request learns the requester and replies without a request", () => {
  const asked = journey("discovery-through-policy", "prod/shop/open", "fd00:244::2", { dport: 9090 });
  expect(asked.verdict).toBe("delivered");
  expect(asked.reply?.verdict).toBe("delivered");
  expect(asked.race).toBe("first-request");
});

test("a stateful firewall that sees only the reply drops it as INVALID", () => {
  const { verdict, reply } = journey("stateful-one-way", "client", "10.1.0.9", {});
  expect([verdict, reply?.verdict]).toEqual(["delivered", "dropped"]);
  expect(reply?.reason).toMatchObject({ code: "filtered", netns: "fw" });
  expect(reply?.steps.at(-1)?.rule?.text).toBe("-A FORWARD -m conntrack --ctstate INVALID -j DROP");
  // A datagram without a known connection is NEW.
  expect(journey("stateful-one-way", "client", "10.1.0.9", { proto: "udp", dport: 53 }).reply?.verdict).toBe(
    "delivered",
  );
});

test("a rule with tcp-reset answers with the destination's address", () => {
  const refused = journey("firewall", "client", "10.1.0.11", { dport: 25 });
  expect(refused.error).toEqual({ kind: "rst", errno: "ECONNREFUSED" });
  expect(refused.reply?.receiver?.src).toBe(ip("10.1.0.11"));
});

test("the reset of a rule in OUTPUT is RELATED, so a rule for ESTABLISHED does not accept it", () => {
  const lost = journey("firewall", "web", "203.0.113.9", { dport: 6667 });
  expect(lost.error).toBeUndefined();
  expect(lost.reply?.reason?.message).toContain("default policy DROP of filter/INPUT");
});

test("errors of REJECT by reply and family", () => {
  const errno = (to: string, proto: "tcp" | "udp", dport: number) => {
    const { error } = journey("firewall", "client", to, { proto, dport });
    return error && "errno" in error ? error.errno : undefined;
  };
  expect(errno("10.1.0.11", "tcp", 23)).toBe("EHOSTUNREACH");
  expect(errno("fd00:b::11", "tcp", 23)).toBe("EACCES");
  expect(errno("10.1.0.11", "tcp", 24)).toBe("ENETUNREACH");
  expect(errno("10.1.0.11", "udp", 161)).toBe("EHOSTUNREACH");
  expect(errno("10.1.0.11", "tcp", 26)).toBe("ECONNREFUSED");
});

test("the reverse path filter uses the rules with the reversed addresses", () => {
  expect(journey("policy-routing", "client", "10.30.0.11", { dport: 2049 }).reply?.verdict).toBe("delivered");
  expect(journey("policy-routing", "client", "10.30.0.12", { dport: 2049 }).reason?.code).toBe("reverse-path-filter");
});

test("connect() looks the route up again with the selected source address, so rules for it apply", () => {
  const path = ({ steps }: Journey) => [...new Set(steps.map(({ netns }) => netns))];
  expect(path(journey("policy-routing", "nas", "10.30.0.12", { dport: 2049 }))).toEqual(["nas", "core", "plain"]);
  expect(path(journey("policy-routing", "nas", "10.30.0.12", { proto: "icmp" }))).toEqual(["nas", "plain"]);
});

test("both directions of a connection have the lowered segment size", () => {
  const mss = (steps: Journey["steps"]) =>
    steps.map(({ packet: { body } }) => (body.kind === "tcp" ? body.mss : undefined));
  const { steps, reply } = journey("clamp-mss", "pc", "10.1.0.9", { dport: 5432 });
  expect([mss(steps)[0], mss(steps).at(-1)]).toEqual([{ value: 1460 }, { value: 1300, clamped: true }]);
  expect(mss(reply?.steps ?? []).at(-1)).toEqual({ value: 1300, clamped: true });
  // Never raised.
  const small = journey("clamp-mss", "pc", "10.1.0.10", {}).reply?.steps ?? [];
  expect(mss(small).at(-1)).toEqual({ value: 1160 });
  expect(mss(journey("clamp-mss", "pc", "fd00:b::9", { dport: 5432 }).steps).at(-1)?.value).toBe(1300);
});

test("a segment drops what its network does not carry", () => {
  const lost = journey("segment-filter", "a", "10.0.0.12", { dport: 25 });
  expect(lost.reason).toMatchObject({ code: "filtered", message: "segment rack drops the packet" });
  expect(lost.error).toBeUndefined();
  expect(journey("segment-filter", "b", "10.0.0.11", { dport: 25 }).verdict).toBe("delivered");
  const tunneled = journey("segment-filter", "c/default/p", "10.244.1.2", {});
  expect(tunneled.reason?.message).toBe("segment rack drops the packet");
});
