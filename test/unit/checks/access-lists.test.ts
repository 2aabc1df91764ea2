/** Rules of access lists that no packet can match. */
import { expect, it } from "vitest";
import { check, shown } from "./harness.ts";

const problems = (rule: string): readonly string[] =>
  check(`segment lan { cidr 10.0.0.0/24 }\nrouter r { attach lan; ${rule} }\n`).map(shown);

const error = (text: string): readonly string[] => [`KN006 error line 2: ${text}`];

it.each(["icmp", "ipip", "esp"])("%s packets have no ports", (proto) => {
  for (const keyword of ["allow", "deny"])
    expect(problems(`${keyword} ${proto} in port 80 443 from 10.0.0.0/8`)).toEqual(
      error(
        `invalid argument \`${proto}\` for \`${keyword}\`: expected \`tcp\`, \`udp\`, or \`sctp\`; \`${proto}\` packets have no ports`,
      ),
    );
  expect(problems(`deny ${proto}`)).toEqual([]);
});

it.each(["deny port 80", "deny any port 80", "deny sctp port 80-90"])("%s matches packets", (rule) =>
  expect(problems(rule)).toEqual([]),
);

it("source and destination have one address family", () => {
  const wrong = (text: string, version: number) =>
    error(
      `invalid argument \`${text}\` for \`allow\`: expected an IPv${version} prefix; source and destination have one address family`,
    );
  expect(problems("allow any from 10.0.0.0/8 to fd00::/8")).toEqual(wrong("fd00::/8", 4));
  expect(problems("allow any from fd00::/8 to 10.0.0.0/8")).toEqual(wrong("10.0.0.0/8", 6));
  expect(problems("allow any from 10.0.0.0/8 fd00::/8 to fd00::/8")).toEqual([]);
  expect(problems("allow any from 10.0.0.0/8 to 10.0.0.0/8 fd00::/8")).toEqual([]);
});
