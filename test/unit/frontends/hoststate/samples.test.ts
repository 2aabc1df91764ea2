/** The state that a topology describes, written as real outputs and read again, has no differences, and packets take the same path. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Network } from "../../../../server/src/dataplane/model.ts";
import { readState } from "../../../../server/src/frontends/hoststate/index.ts";
import type { Trace } from "../../../../server/src/trace/schema.ts";
import { ask } from "../../../../server/src/trace/trace.ts";
import { type World, world } from "../../checks/harness.ts";
import { drift, filesOf, realOf } from "./support.ts";

const folder = new URL("../../../../samples/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".knet"));

/** The expectations of a file as questions. */
function questionsOf(text: string): readonly { readonly from: string; readonly to: string }[] {
  return [...text.matchAll(/^expect (\S+) -> (\S+)/gm)].map(([, from = "", to = ""]) => ({ from, to }));
}

type Hop = Trace["paths"][number]["hops"][number];

/** What kindnet accepts is derived as RETURN, which is not a step. */
function shown(hops: readonly Hop[]): readonly Hop[] {
  return hops.filter(({ action, rule }) => action !== "filter" || !rule?.text.endsWith(" accept"));
}

function crossings(trace: Trace): unknown {
  return trace.paths.map(({ verdict, probability, hops, error, reply }) => ({
    verdict,
    probability,
    error,
    hops: shown(hops).map(({ netns, device, direction, action, packet }) => ({
      netns,
      device,
      direction,
      action,
      packet,
    })),
    reply: reply && shown(reply.hops).map(({ netns, device, direction }) => ({ netns, device, direction })),
  }));
}

function traced(
  { topology }: World,
  network: Network,
  question: { readonly from: string; readonly to: string },
): unknown {
  const answer = ask({ topology, network, locate: () => undefined }, question);
  return answer.ok ? crossings(answer.trace) : answer.error;
}

describe("devices with other names", () => {
  it("are recognized by their routes", () => {
    const found = world(readFileSync(new URL("calico-ipip.knet", folder), "utf8"));
    const files = filesOf(found).map(({ file, text }) => ({
      file,
      // The names of rules for workloads contain the name of the device: iptables is left out.
      text: file.endsWith("iptables-save.txt")
        ? ""
        : text
            .replace(/cali([0-9a-f]{9})\w\w/g, "cali$1xx")
            .replaceAll('"eth0"', '"ens3"')
            .replaceAll(".eth0.", ".ens3."),
    }));
    expect(drift(found, readState(files))).toEqual([]);
    const answer = ask(
      { topology: found.topology, network: realOf(found, files), locate: () => undefined },
      { from: "web", to: "api" },
    );
    const devices = answer.ok ? answer.trace.paths.flatMap(({ hops }) => hops.map(({ device }) => device)) : [];
    expect(answer.ok && answer.trace.verdict).toBe("delivered");
    expect(devices.some((device) => /^cali\w+xx$/.test(device))).toBe(true);
    expect(devices).toContain("ens3");
  });
});

describe("the derived state, written and read", () => {
  it.each(names)("of %s has no differences", (name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const found = world(text);
    const files = filesOf(found);
    const state = readState(files);
    expect(state.problems.map(({ data }) => JSON.stringify(data))).toEqual([]);
    expect(drift(found, state)).toEqual([]);
    const real = realOf(found, files);
    for (const question of questionsOf(text))
      expect(traced(found, real, question), `${question.from} -> ${question.to}`).toEqual(
        traced(found, found.network, question),
      );
  });
});
