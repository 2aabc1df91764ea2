/** The destination of a trace: `PATH:PORT/PROTOCOL`, as in `expect`, together with a requested port and protocol. */
import { expect, it } from "vitest";
import { type Ask, ask } from "../../../server/src/trace/trace.ts";
import { world } from "../checks/harness.ts";
import { sampleText } from "../cni/samples.ts";

const lan = world(`segment lan { cidr 10.0.0.0/24; cidr fd00::/64 }
host a { attach lan { address 10.0.0.1; address fd00::1 } }
host b { attach lan { address 10.0.0.2; address fd00::2 }; listen 53/udp 53/tcp 80 }
`);
const ingress = world(sampleText("ingress"));

function traced(to: string, more: Partial<Ask> = {}, from = "a", { topology, network } = lan): string {
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...more });
  if (!answer.ok) return answer.error;
  const { proto, port } = answer.trace.query;
  return `${answer.trace.verdict} ${proto}${port === undefined ? "" : ` ${port}`}`;
}

it.each([
  ["b", "delivered udp 53"],
  ["b:53", "delivered udp 53"],
  ["b:53/udp", "delivered udp 53"],
  ["b:53/tcp", "delivered tcp 53"],
  ["b:80", "delivered tcp 80"],
  ["b:80/sctp", "rejected sctp 80"],
  ["10.0.0.2:53/udp", "delivered udp 53"],
  ["[fd00::2]:53/udp", "delivered udp 53"],
  ["b:0", "`b:0`: expected a port from 1 to 65535"],
  ["b:80/icmp", "`b:80/icmp`: expected tcp, udp, or sctp after the port"],
  ["b:80/", "`b:80/`: expected tcp, udp, or sctp after the port"],
  ["b:80/udp/tcp", "`b:80/udp/tcp`: expected tcp, udp, or sctp after the port"],
  ["b:http", "`b:http` does not exist"],
])("the destination %s: %s", (to, outcome) => expect(traced(to)).toBe(outcome));

it("a requested port or protocol can repeat that of the destination, and cannot contradict it", () => {
  expect(traced("b:53", { port: 53, proto: "udp" })).toBe("delivered udp 53");
  expect(traced("b:53/udp", { port: 53, proto: "udp" })).toBe("delivered udp 53");
  expect(traced("b:53", { proto: "tcp" })).toBe("delivered tcp 53");
  expect(traced("b:53", { port: 80 })).toBe("`b:53` has port 53, not the requested port 80");
  expect(traced("b:53/udp", { proto: "tcp" })).toBe("`b:53/udp` has protocol udp, not the requested protocol tcp");
});

it("ICMP has no ports", () => {
  expect(traced("b", { proto: "icmp" })).toBe("delivered icmp");
  expect(traced("b", { proto: "icmp", port: 80 })).toBe("port 80 requires tcp, udp, or sctp: ICMP has no ports");
  expect(traced("b:80", { proto: "icmp" })).toBe("port 80 requires tcp, udp, or sctp: ICMP has no ports");
});

it("a URL has a port and the protocol tcp", () => {
  const url = (to: string, more: Partial<Ask> = {}) => traced(to, more, "laptop", ingress);
  expect(url("http://shop.example.com/api", { port: 80, proto: "tcp" })).toBe("delivered tcp 80");
  expect(url("http://shop.example.com/api", { port: 81 })).toBe(
    "`http://shop.example.com/api` has port 80, not the requested port 81",
  );
  expect(url("http://shop.example.com/api", { proto: "udp" })).toBe(
    "`http://shop.example.com/api` has protocol tcp, not the requested protocol udp",
  );
});
