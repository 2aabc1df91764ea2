import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { schema } from "../../../server/src/declared/schema/index.ts";
import { decode, decodeCache, decodeFile } from "../../../server/src/frontends/knet/decode.ts";
import { reparse } from "../../../server/src/frontends/knet/incremental.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { annotated, printDecls, problemsIn } from "./support.ts";

describe("arguments", () => {
  it("are read by position, after a literal, and as flags", () => {
    const text = `
host h {
  attach lan 10.0.0.1/24 fd00::1
  attach lan [10.0.0.2, fd00::2]
  route default metric 5 via 10.0.0.1 10.0.0.2 dev eth0
  route 10.0.0.0/8 blackhole
  route 10.0.0.7 dev eth1
  allow
  allow tcp
  allow in
  deny udp out port 53 [8472 4789] from 10.0.0.0/8 10.1.1.1 to fd00::/64
  sysctl net.ipv4.ip_forward 1
  listen 80 443/tcp 1000-2000/udp
}
cluster c {
  pods 10.244.0.0/16 per-node /26
  nodes w- 01..20
  deployment api replicas 3 on w-01
  pod "via" on c/w-02
}
expect a -> shop/b:80 via r
expect a -> 10.0.0.1:53/udp mtu >= 1400
expect a -> "[fd00::1]:80" reachable
expect fd00::1 -> fd00::2 preserves-source
`;
    expect(`\n${printDecls(decodeFile(parse(text)))}\n`).toMatchInlineSnapshot(`
      "
      host name=h
        attach segment=lan addresses=10.0.0.1/24,fd00::1
        attach segment=lan addresses=10.0.0.2,fd00::2
        route destination=default metric=5 via=10.0.0.1,10.0.0.2 dev=eth0
        route destination=10.0.0.0/8 blackhole
        route destination=10.0.0.7/32 dev=eth1
        allow
        allow protocol=tcp
        allow direction=in
        deny protocol=udp direction=out ports=53-53/any,8472-8472/any,4789-4789/any from=10.0.0.0/8,10.1.1.1/32 to=fd00::/64
        sysctl name=net.ipv4.ip_forward value=1
        listen ports=80-80/any,443-443/tcp,1000-2000/udp
      cluster name=c
        pods prefix=10.244.0.0/16 per-node=/26
        nodes name=w- range=1..20 width 2
        deployment name=api replicas=3 on=w-01
        pod name=via on=c/w-02
      expect from=a to=shop/b port 80/tcp via=r
      expect from=a to=address 10.0.0.1 port 53/udp mtu=1400
      expect from=a to=address fd00::1 port 80/tcp reachable
      expect from=address fd00::1 to=address fd00::2 preserves-source
      "
    `);
  });
});

describe("problems", () => {
  it("with keywords", () => {
    expect(
      annotated(`
segmnet lan { cidr 10.0.0.0/24 }
vni 7
cluster c {
  cni flannel { vni 1; backend vxlan { vlan 3 } }
  nodez n 1..3
  node n { pod-cdr 10.0.0.0/24; public-ip 10.0.0.1 }
}
"segment" x
[a b]
frobnicate
`),
    ).toMatchInlineSnapshot(`
      "

      segmnet lan { cidr 10.0.0.0/24 }
      ^^^^^^^ KN002 keyword: segmnet; context: at the top level of a file; suggestion: segment
      vni 7
      ^^^ KN003 keyword: vni; context: at the top level of a file; contexts: in a \`backend vxlan\` block
      cluster c {
        cni flannel { vni 1; backend vxlan { vlan 3 } }
                      ^^^ KN003 keyword: vni; context: in a \`cni flannel\` block; contexts: in a \`backend vxlan\` block
                                             ^^^^ KN003 keyword: vlan; context: in a \`backend vxlan\` block; contexts: in a \`segment\` block
        nodez n 1..3
        ^^^^^ KN002 keyword: nodez; context: in a \`cluster\` block; suggestion: node
        node n { pod-cdr 10.0.0.0/24; public-ip 10.0.0.1 }
                 ^^^^^^^ KN002 keyword: pod-cdr; context: in a \`node\` block; suggestion: pod-cidr
                                      ^^^^^^^^^ KN003 keyword: public-ip; context: in a \`node\` block; contexts: in the \`cni flannel\` block of a node
      }
      "segment" x
      ^^^^^^^^^ KN002 keyword: segment; context: at the top level of a file; suggestion: segment
      [a b]
      ^^^^^ KN002 keyword: [a b]; context: at the top level of a file
      frobnicate
      ^^^^^^^^^^ KN002 keyword: frobnicate; context: at the top level of a file
      "
    `);
  });

  it("with missing and unexpected arguments", () => {
    expect(
      annotated(`
segment
router r s
host h {
  attach
  route 10.0.0.0/8
  route 10.0.0.0/8 via
  route 10.0.0.0/8 via 10.0.0.1 blackhole
  route 10.0.0.0/8 via 10.0.0.1 metric 1 metric 2
  route via 10.0.0.1
  route 10.0.0.0/8 via 10.0.0.1 metrik 5
  attach lan [ ]
  allow tcp in udp
}
cluster c {
  deployment d
  deployment e replicas
  pod p on n1 n2
  pod -> n1
  max-pods [1 2]
}
expect a
expect a -> b
expect a -> b reachabel
expect a -> b reachable blocked
expect a -> b mtu 1400
expect a b reachable
`),
    ).toMatchInlineSnapshot(`
      "

      segment
      ^^^^^^^ KN004 keyword: segment; argument: name; expected: a name
      ^^^^^^^ KN009 keyword: segment
      router r s
               ^ KN005 keyword: router; text: s
      host h {
        attach
        ^^^^^^ KN004 keyword: attach; argument: segment; expected: the name of a segment
        route 10.0.0.0/8
        ^^^^^ KN004 keyword: route; argument: via, dev, blackhole, unreachable, prohibit; expected: \`via\`, \`dev\`, \`blackhole\`, \`unreachable\`, or \`prohibit\`
        route 10.0.0.0/8 via
                         ^^^ KN004 keyword: route; argument: via; expected: an address (\`10.0.0.1\`); after: via
        route 10.0.0.0/8 via 10.0.0.1 blackhole
                                      ^^^^^^^^^ KN005 keyword: route; text: blackhole
        route 10.0.0.0/8 via 10.0.0.1 metric 1 metric 2
                                               ^^^^^^ KN005 keyword: route; text: metric
        route via 10.0.0.1
        ^^^^^ KN004 keyword: route; argument: destination; expected: a prefix (\`10.0.0.0/16\`), an address, or \`default\`
        route 10.0.0.0/8 via 10.0.0.1 metrik 5
                                      ^^^^^^ KN005 keyword: route; text: metrik; suggestion: metric
        attach lan [ ]
                   ^^^ KN004 keyword: attach; argument: addresses; expected: an address (\`10.0.0.1\` or \`10.0.0.1/24\`)
        allow tcp in udp
                     ^^^ KN005 keyword: allow; text: udp
      }
      cluster c {
        deployment d
        ^^^^^^^^^^ KN004 keyword: deployment; argument: replicas; expected: a number from 0 to 2147483647; after: replicas
        deployment e replicas
                     ^^^^^^^^ KN004 keyword: deployment; argument: replicas; expected: a number from 0 to 2147483647; after: replicas
        pod p on n1 n2
                    ^^ KN005 keyword: pod; text: n2
        pod -> n1
            ^^ KN005 keyword: pod; text: ->
        max-pods [1 2]
                 ^^^^^ KN006 keyword: max-pods; argument: value; text: [1 2]; expected: a number from 1 to 100000; reason: a list is not allowed here
      }
      expect a
      ^^^^^^ KN004 keyword: expect; argument: to; expected: a path or an address, optionally with a port (\`shop/api:80\`); after: ->
      ^^^^^^ KN004 keyword: expect; argument: reachable, blocked, via, preserves-source, mtu, survives; expected: \`reachable\`, \`blocked\`, \`via\`, \`preserves-source\`, \`mtu\`, or \`survives\`
      expect a -> b
      ^^^^^^ KN004 keyword: expect; argument: reachable, blocked, via, preserves-source, mtu, survives; expected: \`reachable\`, \`blocked\`, \`via\`, \`preserves-source\`, \`mtu\`, or \`survives\`
      expect a -> b reachabel
                    ^^^^^^^^^ KN005 keyword: expect; text: reachabel; suggestion: reachable
      expect a -> b reachable blocked
                              ^^^^^^^ KN005 keyword: expect; text: blocked
      expect a -> b mtu 1400
                    ^^^ KN004 keyword: expect; argument: mtu; expected: a number from 68 to 65535; after: mtu >=
      expect a b reachable
               ^ KN005 keyword: expect; text: b
      ^^^^^^ KN004 keyword: expect; argument: to; expected: a path or an address, optionally with a port (\`shop/api:80\`); after: ->
      "
    `);
  });

  it("with types and ranges", () => {
    expect(
      annotated(`
segment lan {
  cidr 10.0.0.1/24 10.0.0.0/33 [fd00::/64 x]
  mtu 20
  vlan big
  gateway a/b!
}
router 10.0.0.1
router -r
host h {
  attach lan 10.0.0.300 10.0.0.1/40
  route 10.0.0.0/8 via host dev a-very-long-device-name
  allow tpc
  deny port 0
  deny port 9-1
  deny port 80/tcp
  sysctl net.ipv4.ip_forwrd 1
  sysctl net.ipv4.ip_forward 3
  listen 80/icmp
}
cluster c {
  pods 10.0.0.0/8 per-node 24
  docker-bridge 172.17.0.1
  max-pods -1
  cni flanel
  nodes a 5..1
  nodes b 1..200000
  nodes c 1-5
  node n { labels a b=c/d =x; cni flannel { backend vxlan { learning maybe } } }
}
expect a:80 -> b:0 reachable
expect a -> b:80/icmp reachable
expect a -> b//c reachable
`),
    ).toMatchInlineSnapshot(`
      "

      segment lan {
        cidr 10.0.0.1/24 10.0.0.0/33 [fd00::/64 x]
             ^^^^^^^^^^^ KN014 keyword: cidr; argument: prefixes; text: 10.0.0.1/24; prefix: 10.0.0.0/24
                         ^^^^^^^^^^^ KN006 keyword: cidr; argument: prefixes; text: 10.0.0.0/33; expected: a prefix (\`10.0.0.0/16\`); reason: an IPv4 prefix length must be 0 to 32, not 33
                                                ^ KN006 keyword: cidr; argument: prefixes; text: x; expected: a prefix (\`10.0.0.0/16\`); reason: x is a name, not an address
        mtu 20
            ^^ KN007 keyword: mtu; argument: value; text: 20; min: 68; max: 65535; unit: bytes
        vlan big
             ^^^ KN006 keyword: vlan; argument: id; text: big; expected: a number from 1 to 4094; reason: \`big\` is not a whole number
        gateway a/b!
                ^^^^ KN006 keyword: gateway; argument: routers; text: a/b!; expected: the name of a router, or an address; reason: a name can contain only letters, digits, \`-\`, \`_\`, and \`.\` (in \`b!\`)
      }
      router 10.0.0.1
             ^^^^^^^^ KN006 keyword: router; argument: name; text: 10.0.0.1; expected: a name; reason: a name cannot be an address
      router -r
             ^^ KN006 keyword: router; argument: name; text: -r; expected: a name; reason: a name must start with a letter or a digit
      host h {
        attach lan 10.0.0.300 10.0.0.1/40
                   ^^^^^^^^^^ KN006 keyword: attach; argument: addresses; text: 10.0.0.300; expected: an address (\`10.0.0.1\` or \`10.0.0.1/24\`); reason: octet 300 is greater than 255
                              ^^^^^^^^^^^ KN006 keyword: attach; argument: addresses; text: 10.0.0.1/40; expected: an address (\`10.0.0.1\` or \`10.0.0.1/24\`); reason: an IPv4 prefix length must be 0 to 32, not 40
        route 10.0.0.0/8 via host dev a-very-long-device-name
                             ^^^^ KN006 keyword: route; argument: via; text: host; expected: an address (\`10.0.0.1\`); reason: host is a name, not an address
                                      ^^^^^^^^^^^^^^^^^^^^^^^ KN006 keyword: route; argument: dev; text: a-very-long-device-name; expected: a device (\`eth0\`); reason: a device name can have at most 15 bytes in UTF-8, not 23
        allow tpc
              ^^^ KN006 keyword: allow; argument: protocol; text: tpc; expected: \`any\`, \`tcp\`, \`udp\`, \`sctp\`, \`icmp\`, \`icmpv6\`, \`ipip\`, or \`esp\`; suggestion: tcp
        deny port 0
                  ^ KN007 keyword: deny; argument: ports; text: 0; min: 1; max: 65535
        deny port 9-1
                  ^^^ KN006 keyword: deny; argument: ports; text: 9-1; expected: a port (\`8080\`); reason: the end of the range is less than its start
        deny port 80/tcp
                  ^^^^^^ KN006 keyword: deny; argument: ports; text: 80/tcp; expected: a port (\`8080\`); reason: a protocol is not allowed here
        sysctl net.ipv4.ip_forwrd 1
               ^^^^^^^^^^^^^^^^^^ KN006 keyword: sysctl; argument: name; text: net.ipv4.ip_forwrd; expected: a kernel parameter (\`net.ipv4.ip_forward\`); reason: \`net.ipv4.ip_forwrd\` is not supported; suggestion: net.ipv4.ip_forward
        sysctl net.ipv4.ip_forward 3
                                   ^ KN007 keyword: sysctl; argument: value; text: 3; min: 0; max: 2
        listen 80/icmp
               ^^^^^^^ KN006 keyword: listen; argument: ports; text: 80/icmp; expected: a port (\`8080/tcp\`); reason: the protocol must be tcp, udp, or sctp
      }
      cluster c {
        pods 10.0.0.0/8 per-node 24
                                 ^^ KN006 keyword: pods; argument: per-node; text: 24; expected: a prefix length (\`/24\`); reason: write the prefix length with a leading slash
        docker-bridge 172.17.0.1
                      ^^^^^^^^^^ KN006 keyword: docker-bridge; argument: address; text: 172.17.0.1; expected: an address with a prefix length (\`10.0.0.1/24\`); reason: the prefix length is missing
        max-pods -1
                 ^^ KN007 keyword: max-pods; argument: value; text: -1; min: 1; max: 100000; unit: pods
        cni flanel
            ^^^^^^ KN006 keyword: cni; argument: plugin; text: flanel; expected: \`none\`, \`docker\`, \`bridge\`, \`flannel\`, \`calico\`, \`kubenet\`, \`kindnet\`, \`aws-vpc\`, \`azure\`, \`gke\`, \`macvlan\`, \`ipvlan\`, or \`weave\`; suggestion: flannel
        nodes a 5..1
                ^^^^ KN006 keyword: nodes; argument: range; text: 5..1; expected: a number range (\`1..50\`); reason: the end of the range is less than its start
        nodes b 1..200000
                ^^^^^^^^^ KN007 keyword: nodes; argument: range; text: 1..200000; min: 1; max: 100000
        nodes c 1-5
                ^^^ KN006 keyword: nodes; argument: range; text: 1-5; expected: a number range (\`1..50\`); reason: separate the two numbers with \`..\`
        node n { labels a b=c/d =x; cni flannel { backend vxlan { learning maybe } } }
                        ^ KN006 keyword: labels; argument: labels; text: a; expected: a label (\`app=web\`); reason: separate key and value with \`=\`
                          ^^^^^ KN006 keyword: labels; argument: labels; text: b=c/d; expected: a label (\`app=web\`); reason: \`c/d\` is not a valid label value
                                ^^ KN006 keyword: labels; argument: labels; text: =x; expected: a label (\`app=web\`); reason: the key is missing
                                                                           ^^^^^ KN006 keyword: learning; argument: value; text: maybe; expected: \`true\` or \`false\`
      }
      expect a:80 -> b:0 reachable
             ^^^^ KN006 keyword: expect; argument: from; text: a:80; expected: a path or an address (\`shop/web\`); reason: a source cannot have a port
                     ^^^ KN007 keyword: expect; argument: to; text: 0; min: 1; max: 65535
      expect a -> b:80/icmp reachable
                  ^^^^^^^^^ KN006 keyword: expect; argument: to; text: b:80/icmp; expected: a path or an address, optionally with a port (\`shop/api:80\`); reason: the protocol must be tcp, udp, or sctp
      expect a -> b//c reachable
                  ^^^^ KN006 keyword: expect; argument: to; text: b//c; expected: a path or an address, optionally with a port (\`shop/api:80\`); reason: the path has an empty component
      "
    `);
  });

  it("with blocks", () => {
    expect(
      annotated(`
segment lan
segment x { mtu 1500; mtu 1400 }
segment y {}
cluster c
cluster d {
  services 10.0.0.0/8 { x }
  cni none { bridge cni0 }
  cni { bridge cni0 }
  max-pods 1
  max-pods 2
  node n { pod-cidr 10.0.0.0/24; pod-cidr 10.0.1.0/24 }
}
`),
    ).toMatchInlineSnapshot(`
      "

      segment lan
      ^^^^^^^ KN009 keyword: segment
      segment x { mtu 1500; mtu 1400 }
                            ^^^ KN008 keyword: mtu; context: in a \`segment\` block
      ^^^^^^^ KN011 keyword: cidr; context: a \`segment\` block
      segment y {}
      ^^^^^^^ KN011 keyword: cidr; context: a \`segment\` block
      cluster c
      ^^^^^^^ KN009 keyword: cluster
      cluster d {
        services 10.0.0.0/8 { x }
        ^^^^^^^^ KN010 keyword: services
        cni none { bridge cni0 }
        ^^^ KN010 keyword: cni; choice: none
        cni { bridge cni0 }
        ^^^ KN008 keyword: cni; context: in a \`cluster\` block
        ^^^ KN004 keyword: cni; argument: plugin; expected: \`none\`, \`docker\`, \`bridge\`, \`flannel\`, \`calico\`, \`kubenet\`, \`kindnet\`, \`aws-vpc\`, \`azure\`, \`gke\`, \`macvlan\`, \`ipvlan\`, or \`weave\`
        max-pods 1
        max-pods 2
        ^^^^^^^^ KN008 keyword: max-pods; context: in a \`cluster\` block
        node n { pod-cidr 10.0.0.0/24; pod-cidr 10.0.1.0/24 }
                                       ^^^^^^^^ KN008 keyword: pod-cidr; context: in a \`node\` block
      }
      "
    `);
  });
});

describe("any text", () => {
  const words = fc.constantFrom(
    ...new Set(schema.flatMap(({ keyword, example }) => [keyword, ...example.split(/\s+/)])),
    "{",
    "}",
    "[",
    "]",
    ";",
    "\n",
    '"',
    "->",
    "10.0.0.0/33",
    "1..",
    "/",
    "a/b",
    ":",
    ">=",
    "0",
    "-1",
    "é",
  );
  const texts = fc.oneof(
    fc.array(words, { maxLength: 60 }).map((list) => list.join(" ")),
    fc.string({ maxLength: 80 }),
  );

  it("is decoded without exceptions; problem counts agree; spans exist", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const decls = decodeFile(parse(text));
        const total = decls.reduce((sum, decl) => sum + decl.problemCount, 0);
        expect(problemsIn(decls).length).toBe(total);
        annotated(text);
      }),
      { numRuns: 1500 },
    );
  });
});

describe("the cache", () => {
  const text = `segment lan { cidr 10.0.0.0/24; mtu 9000 }
cluster c {
  pods 10.244.0.0/16
  node n1 { attach lan; labels a=z }
  node n2 { attach lan; labels a=b }
}
`;

  it("keeps the declaration of an unchanged statement, except for short statements in short lists", () => {
    const cache = decodeCache();
    const tree = parse(text);
    const before = decodeFile(tree, cache);
    expect(decodeFile(tree, cache)).toBe(before);
    const at = text.indexOf("a=b");
    const after = decodeFile(reparse(tree, { start: at, end: at + 3, text: "a=c" }), cache);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(after[1]?.children[1]).toBe(before[1]?.children[1]);
    expect(printDecls(after)).toBe(printDecls(decodeFile(parse(text.replace("a=b", "a=c")))));
  });

  it("keeps every statement of a long list", () => {
    const cache = decodeCache();
    const rules = Array.from({ length: 30 }, (_, index) => `expect a -> b:${index + 1} reachable\n`).join("");
    const tree = parse(rules);
    const before = decodeFile(tree, cache);
    const after = decodeFile(reparse(tree, { start: 0, end: 0, text: "segment lan { cidr 10.0.0.0/24 }\n" }), cache);
    // The statement next to the edit is decoded again.
    expect(after.slice(2).every((decl, index) => decl === before[index + 1])).toBe(true);
  });

  it("depends on the context", () => {
    const cache = decodeCache();
    const [statement] = parse("mtu 9000").root.statements;
    if (statement === undefined) throw new Error("no statement");
    expect(decode(statement, "segment", cache).spec?.in).toEqual(["segment"]);
    expect(decode(statement, "attach", cache).spec?.in).toEqual(["attach"]);
    expect(decode(statement, "file", cache).problems[0]?.code).toBe("KN003");
    const [node] = parse("node n { attach lan; labels a=b }").root.statements;
    if (node === undefined) throw new Error("no statement");
    expect(decode(node, "cluster", cache)).toBe(decode(node, "cluster", cache));
    expect(decode(node, "file", cache).problems[0]?.code).toBe("KN003");
  });
});
