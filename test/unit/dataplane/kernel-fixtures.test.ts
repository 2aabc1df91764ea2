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
