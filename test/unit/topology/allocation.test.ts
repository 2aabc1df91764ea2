/** Allocation of interface addresses and node ranges compared with a naive search for free ones. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIp, formatPrefix, nthSubnet, prefixRange, rangesOverlap } from "../../../server/src/addressing/ip.ts";
import { topologyOf } from "./print.ts";

describe("interface addresses", () => {
  const stations = fc.array(
    fc.record({
      kind: fc.constantFrom("router", "host", "node", "pool"),
      // 10.0.0.0/27, so that configured and allocated addresses are close.
      given: fc.option(fc.integer({ min: 0, max: 31 }), { nil: undefined }),
      size: fc.integer({ min: 1, max: 6 }),
    }),
    { maxLength: 20 },
  );

  it("are the next free ones, in order of declaration", () => {
    fc.assert(
      fc.property(stations, fc.boolean(), (list, withGateway) => {
        // More than one router: no default gateway, so only the order of declaration matters.
        const gateway = withGateway ? "; gateway 10.0.0.7" : "";
        const lines = [
          `segment lan { cidr 10.0.0.0/27${gateway} }`,
          "router x { attach lan 10.0.0.30 }",
          "router y { attach lan 10.0.0.29 }",
        ];
        const taken = new Set([29, 30, ...(withGateway ? [7] : [])]);
        list.forEach(({ kind, given, size }, index) => {
          const attach = `attach lan${given === undefined ? "" : ` 10.0.0.${given}`}`;
          if (kind === "router" || kind === "host") lines.push(`${kind} s${index} { ${attach} }`);
          else {
            const nodes = kind === "node" ? `node s${index}` : `nodes s${index}- 1..${size}`;
            lines.push(`cluster c${index} { ${nodes} { ${attach} } }`);
          }
          for (let n = 0; given !== undefined && n < (kind === "pool" ? size : 1); n++) taken.add(given + n);
        });
        let next = 1;
        const expected = ["10.0.0.30", "10.0.0.29"];
        for (const { kind, given, size } of list) {
          for (let n = 0; n < (kind === "pool" ? size : 1); n++) {
            if (given !== undefined) expected.push(formatIp(0x0a000000 + given + n));
            else {
              while (taken.has(next)) next++;
              expected.push(next <= 30 ? formatIp(0x0a000000 + next) : "none");
              next++;
            }
          }
        }
        const topology = topologyOf(`${lines.join("\n")}\n`);
        const found = topology.attachedTo("lan").map(({ addresses }) => formatIp(addresses[0]?.ip ?? -1));
        expect(found).toEqual(expected.map((ip) => (ip === "none" ? formatIp(-1) : ip)));
        const missing = expected.filter((ip) => ip === "none").length;
        const problem = topology.problems.find((one) => one.code === "KN121");
        expect(problem?.data.count ?? 0).toBe(missing);
      }),
      { numRuns: 300 },
    );
  });
});

describe("node ranges", () => {
  const nodes = fc.array(fc.option(fc.nat(20), { nil: undefined, freq: 3 }), { maxLength: 24 });

  it("are the next blocks that overlap neither the service CIDR nor a configured range", () => {
    fc.assert(
      fc.property(nodes, fc.option(fc.nat(15), { nil: undefined }), fc.boolean(), (stated, services, wide) => {
        const within = { ip: 0x0af40000, len: 20 };
        const service = services === undefined ? undefined : { ip: 0x0af40000 + services * 256, len: wide ? 22 : 24 };
        if (service !== undefined) service.ip -= service.ip % 2 ** (32 - service.len);
        const statedAt = (n: number) => ({ ip: 0x0af40000 + n * 256, len: 24 });
        const lines = stated.map((n, index) =>
          n === undefined ? `  node n${index}` : `  node n${index} { pod-cidr ${formatPrefix(statedAt(n))} }`,
        );
        const text = `cluster c {\n  pods 10.244.0.0/20\n${service ? `  services ${formatPrefix(service)}\n` : ""}${lines.join("\n")}\n}\n`;
        const used = [...stated.flatMap((n) => (n === undefined ? [] : [statedAt(n)])), ...(service ? [service] : [])];
        let next = 0;
        const expected = stated.map((n) => {
          if (n !== undefined) return formatPrefix(statedAt(n));
          for (; next < 16; next++) {
            const block = nthSubnet(within, 24, next);
            if (block && !used.some((other) => rangesOverlap(prefixRange(block), prefixRange(other)))) {
              next++;
              return formatPrefix(block);
            }
          }
          return "none";
        });
        const [cluster] = topologyOf(text).clusters;
        const found = cluster?.nodes.map(({ podCidrs: [first] }) => (first ? formatPrefix(first.prefix) : "none"));
        expect(found).toEqual(expected);
        const problem = topologyOf(text).problems.find((one) => one.code === "KN401");
        expect(problem?.data.count ?? 0).toBe(expected.filter((range) => range === "none").length);
      }),
      { numRuns: 300 },
    );
  });
});
