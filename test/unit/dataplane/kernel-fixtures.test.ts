/** What random topologies have shown of the kernel, without a kernel: the fixtures of the kernel suite, packet by packet. */
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

test("a service's pod behind a dead tunnel is asked for by the host, which tells the client", () => {
  const { reason, error, steps } = journey("service-across-dead-tunnel", "prod/shop/client", "10.96.0.21", {});
  expect(reason).toMatchObject({ code: "neighbour-failed", netns: "core", lostBy: "filtered", unlessAsked: true });
  expect(steps.at(-1)).toMatchObject({ netns: "prod/n1", device: "weave" });
  expect(error).toMatchObject({ kind: "icmp", error: "host-unreachable", errno: "EHOSTUNREACH" });
});

test("IPv6 fragments that a bridge has put together are cut again by its host", () => {
  const ping = journey("fragments-through-bridge", "prod/default/a", "fd00:244:0:1::2", { proto: "icmp", size: 3000 });
  expect(ping.verdict).toBe("delivered");
  expect(said(ping, "fragment")).toEqual(["prod/default/a eth0", "prod/n1 eth0"]);
  expect(ping.reply?.verdict).toBe("delivered");
});

test("an answer of neighbour discovery does not pass the policy of the pod that asked", () => {
  const { reason, askedFirst } = journey("discovery-through-policy", "prod/shop/guarded", "fd00:244::3", {});
  expect(reason).toMatchObject({ code: "neighbour-failed", netns: "prod/n1", lostBy: "filtered" });
  expect(askedFirst).toBe(true);
});

test("who was asked knows who asked, and answers without asking back", () => {
  const asked = journey("discovery-through-policy", "prod/shop/open", "fd00:244::2", { dport: 9090 });
  expect(asked.verdict).toBe("delivered");
  expect(asked.reply?.verdict).toBe("delivered");
  expect(asked.askedFirst).toBe(true);
});
