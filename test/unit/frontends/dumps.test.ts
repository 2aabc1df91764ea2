/** Layouts of dumps, and traps of YAML and JSON, as text in and findings out. */
import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { kubernetesFrontEnd, manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";
import { analyse } from "../../../server/src/service/analysis.ts";
import { lineIndex } from "../../../server/src/text/line-index.ts";

type Files = Readonly<Record<string, string>>;

function read(files: Files) {
  return manifestDocuments(
    "dump",
    Object.entries(files).map(([file, text]) => ({ file, text })),
    "c",
  );
}

/** "FILE:LINE:COLUMN CODE message", without values that are assumed. */
function problems(files: Files): readonly string[] {
  return read(files).problems.flatMap((problem) => {
    if (problem.code === "KN803") return [];
    const { file } = problem.source;
    const { line, character } = lineIndex(files[file] ?? "").positionAt(problem.span?.start ?? 0);
    return `${file}:${line + 1}:${character + 1} ${problem.code} ${messageOf(problem)}`;
  });
}

/** The declarations of workloads, services, and nodes: "node n1", "pod shop/web". */
function names(files: Files): readonly string[] {
  const [cluster] = read(files).documents[0].decls.filter(({ spec }) => spec?.keyword === "cluster");
  return (cluster?.children ?? []).flatMap((one) => {
    const name = one.values[0]?.text ?? "";
    if (one.spec?.keyword === "node") return [`node ${name}`];
    if (one.spec?.keyword !== "namespace") return [];
    return one.children.flatMap((inner) =>
      inner.spec?.keyword === "labels" ? [] : [`${inner.spec?.keyword} ${name}/${inner.values[0]?.text}`],
    );
  });
}

const pod = (name: string, more = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop", ...more },
  spec: { containers: [{ name: "c", ports: [{ containerPort: 80 }] }] },
});
const bare = (name: string) => ({ metadata: { name, namespace: "shop" }, spec: { containers: [{ name: "c" }] } });
const node = (name: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] },
});
const json = (value: unknown): string => JSON.stringify(value, null, 4);

const LIST = `apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: a
    namespace: shop
- apiVersion: v1
  kind: Pod
  metadata:
    name: b
    namespace: shop
kind: List
metadata:
  resourceVersion: ""
`;

describe("a dump", () => {
  it("on standard output of cluster-info has logs between its lists", () => {
    const log =
      "==== START logs for container c of pod shop/a ====\n{not: [yaml\n==== START logs for x ====\nkind: x==== END logs for container c of pod shop/a ====\n";
    const lists = [
      {
        kind: "NodeList",
        apiVersion: "v1",
        metadata: {},
        items: [{ metadata: { name: "n1" }, status: node("").status }],
      },
      { kind: "PodList", apiVersion: "v1", metadata: {}, items: [bare("a"), bare("b")] },
      { kind: "EventList", apiVersion: "v1", items: [{ metadata: { name: "e", namespace: "shop" } }] },
    ];
    const text = `${json(lists[0])}\n${json(lists[2])}\n${json(lists[1])}\n${log}${log}`;
    expect([names({ "dump.txt": text }), problems({ "dump.txt": text })]).toEqual([
      ["node n1", "pod shop/a", "pod shop/b"],
      [],
    ]);
    const yaml = `${LIST}${log}---\n${LIST.replaceAll("name: a", "name: z")}`;
    expect(names({ "dump.txt": yaml })).toEqual(["pod shop/a", "pod shop/b", "pod shop/z"]);
  });

  it("can have kinds only in the names of its files", () => {
    const deployment = { metadata: { name: "d", namespace: "shop" }, spec: {}, status: { observedGeneration: 1 } };
    const files = {
      "x/config/node/n1.json": json({ ...node("n1"), kind: undefined, apiVersion: undefined }),
      "x/config/pod/shop/a.json": json(bare("a")),
      "x/cluster-resources/pods/shop.json": json([bare("b")]),
      "x/resources/ns/shop/apps_v1_deployments.json": json([deployment]),
      "x/hosts/n1/configz.json": json({ kubeletconfig: {} }),
      "x/events.json": json({ some: "thing" }),
    };
    expect(names(files)).toEqual(["node n1", "pod shop/a", "pod shop/b"]);
    expect(problems(files)).toEqual([]);
  });

  it("of must-gather has lists by group, and a file per pod", () => {
    const list = `---\n${LIST.replace("name: a\n", "name: a\n    uid: u1\n")}`;
    const one = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, uid: u1}\n";
    const node1 =
      "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n";
    const files = {
      "mg/namespaces/shop/core/pods.yaml": list,
      "mg/namespaces/shop/pods/a/a.yaml": one,
      "mg/cluster-scoped-resources/core/nodes/n1.yaml": node1,
    };
    expect([names(files), problems(files)]).toEqual([["node n1", "pod shop/a", "pod shop/b"], []]);
  });

  it("has each object once: by its uid, and in its newest version", () => {
    const at = (version: string, address: string) => ({
      ...pod("a", { uid: "1", resourceVersion: version }),
      status: { podIP: address },
    });
    const files = {
      "a.json": json([{ ...at("7", "10.244.0.7"), apiVersion: "v1" }]),
      "b.json": json({ kind: "List", items: [at("12", "10.244.0.12"), at("7", "10.244.0.7")] }),
    };
    const result = read(files);
    expect(result.objects).toBe(1);
    expect(printDecls(result.documents[0].decls)).toContain("address 10.244.0.12");
    const set = {
      metadata: { name: "d", namespace: "shop", uid: "2", resourceVersion: "3" },
      spec: {},
      kind: "DaemonSet",
    };
    const twice = {
      "a.json": json([{ ...set, apiVersion: "apps/v1" }]),
      "b.json": json([{ ...set, apiVersion: "extensions/v1beta1" }]),
    };
    expect([read(twice).objects, names(twice)]).toEqual([1, ["daemonset shop/d"]]);
  });

  it("with internal Go types, of crictl, or of kustomize is recognized", () => {
    expect(problems({ "d.json": json({ Items: [{ Name: "x", Spec: {} }] }) })).toEqual([
      "d.json:2:14 KN802 invalid source: lists with `Items` are Go types, which `kubectl cluster-info dump` of version 1.13 writes; use a newer kubectl",
    ]);
    expect(
      problems({ "p.json": json({ items: [{ id: "1", metadata: { name: "a", uid: "u" }, state: "SANDBOX_READY" }] }) }),
    ).toEqual(["p.json:2:14 KN801 1 object of kind PodSandbox not read"]);
    expect(problems({ "kustomization.yaml": "resources: [a.yaml]\n" })).toEqual([
      "kustomization.yaml:1:1 KN801 1 object of kind Kustomization not read",
    ]);
  });

  it("with hidden values has no addresses there", () => {
    const hidden = {
      ...node("n1"),
      spec: { podCIDR: "***HIDDEN***/25", podCIDRs: ["***HIDDEN***/25"] },
      metadata: { name: "n1", annotations: { token: "***HIDDEN***" } },
    };
    const files = { "nodes.json": json([hidden, { ...hidden, metadata: { name: "n2" } }]) };
    expect(problems(files)).toEqual([
      "nodes.json:20:24 KN806 spec.podCIDR is redacted (`***HIDDEN***/25`) and treated as unknown",
      "nodes.json:22:17 KN806 spec.podCIDRs[0] is redacted (`***HIDDEN***/25`) and treated as unknown",
    ]);
    expect(names(files)).toEqual(["node n1", "node n2"]);
  });
});

describe("a text that ends too early", () => {
  it.each([
    ["JSON", "d.json", json({ apiVersion: "v1", items: [pod("a"), pod("b"), pod("c")], kind: "List" })],
    ["a bare array", "d.json", json([pod("a"), pod("b"), pod("c")])],
    [
      "YAML",
      "d.yaml",
      LIST.replace("- api", "- apiVersion: v1\n  kind: Pod\n  metadata: {name: z, namespace: shop}\n- api"),
    ],
  ])("%s has the objects before its end", (_, file, text) => {
    const last = text.lastIndexOf(file === "d.json" ? '"containers"' : "namespace");
    const cut = { [file]: text.slice(0, last) };
    expect(problems(cut).map((one) => one.replace(/^\S+ /, ""))).toEqual([
      "KN806 the source ends within an object; the rest is missing",
    ]);
    expect(names(cut)).toEqual(file === "d.json" ? ["pod shop/a", "pod shop/b"] : ["pod shop/z", "pod shop/a"]);
  });

  it("in the last object, which is alone, has none", () => {
    const text = json(pod("a"));
    expect(problems({ "d.json": text.slice(0, -20) })).toEqual([
      "d.json:17:11 KN806 the source ends within an object; the rest is missing",
    ]);
  });

  it("JSON with an error in one item has the others", () => {
    const text = json({ items: [pod("a"), pod("b"), pod("c")], kind: "List" }).replace(
      '"name": "b",',
      '"name": "b" "c",',
    );
    expect(problems({ "d.json": text })).toEqual(["d.json:27:29 KN802 invalid source: expected a comma or `}`"]);
    expect(names({ "d.json": text })).toEqual(["pod shop/a", "pod shop/c"]);
  });

  it("YAML with an error in one item has the others", () => {
    const text = LIST.replace("name: b", "name: [b");
    expect(problems({ "d.yaml": text }).map((one) => one.slice(0, 20))).toEqual(["d.yaml:12:5 KN802 in"]);
    expect(names({ "d.yaml": text })).toContain("pod shop/a");
  });

  it("several values in one file are all read", () => {
    expect(names({ "d.json": `${JSON.stringify(pod("a"))}\n${JSON.stringify(pod("b"))}\n` })).toEqual([
      "pod shop/a",
      "pod shop/b",
    ]);
  });
});

const labeled = (text: string): string => `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {x: ${text}}}
spec: {selector: {app: web}, ports: [{port: 80}]}
`;

describe("a scalar", () => {
  it.each([
    ["on", "true"],
    ["n", "false"],
    ["010", "8"],
    ["1_000", "1000"],
    ["0b11", "3"],
    ["1.20", "1.2"],
    ["1e3", "1000"],
    ["2001-01-01", "2001-01-01T00:00:00Z"],
  ])("%s of a label is %s for Kubernetes", (text, value) => {
    expect(problems({ "a.yaml": labeled(text) })).toEqual([
      `a.yaml:3:52 KN805 Kubernetes reads unquoted \`${text}\` as ${value}; put it in quotes`,
    ]);
  });
  it.each(['"on"', "'010'", "!!str on", "web", "true", "12", "10.0.0.1", "08:00", "1.2.3", "::1", "0x", "ON1"])(
    "%s of a label is the same for both",
    (text) => {
      expect(problems({ "a.yaml": labeled(text) })).toEqual([]);
    },
  );
  it("is a number or a boolean as Kubernetes reads it", () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {hostNetwork: yes, containers: [{name: c, ports: [{containerPort: 0x50}, {containerPort: 0120}]}], volumes: [{secret: {defaultMode: 0400}}]}
`;
    expect(problems({ "a.yaml": text })).toEqual([]);
    const printed = printDecls(read({ "a.yaml": text }).documents[0].decls);
    expect(printed).toContain("host-network");
    expect(printed.match(/listen 80\/tcp/g)).toHaveLength(2);
  });
});

describe("a mapping", () => {
  it("with a key twice has both positions", () => {
    const text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {x: a, y: b, x: c}}\n";
    const { documents, problems: found } = read({ "a.yaml": text });
    const [twice] = found.filter(({ code }) => code === "KN806");
    const related = twice?.related[0]?.source;
    const file = documents.find((one) => one.file === "a.yaml");
    expect(twice?.span).toEqual({ start: text.lastIndexOf("x"), end: text.lastIndexOf("x") + 1 });
    expect(related && file?.spanOf(related)).toEqual({ start: text.indexOf("x: a"), end: text.indexOf("x: a") + 1 });
    expect(problems({ "a.json": '{"kind": "Pod", "metadata": {"name": "a", "name": "b"}}' })).toEqual([
      "a.json:1:43 KN806 `name` is stated twice; the last value applies",
    ]);
  });

  it("can be merged", () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: a, labels: &l {app: web, tier: x}}
spec: {nodeName: n1, containers: []}
---
apiVersion: v1
kind: Pod
metadata:
  name: b
  labels: {<<: {app: web, tier: x}, tier: z}
`;
    expect(printDecls(read({ "a.yaml": text }).documents[0].decls)).toContain("labels app=web tier=z");
    expect(problems({ "a.yaml": text })).toEqual([]);
  });

  it("expands a bounded number of aliases", () => {
    const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 12; level += 1) bomb.push(`a${level}: &a${level} [${`*a${level - 1}, `.repeat(10)}]`);
    const text = `kind: Pod\nmetadata: {name: a}\n${bomb.join("\n")}\n`;
    expect(problems({ "a.yaml": text })).toEqual([
      "a.yaml:7:45 KN806 not read: aliases expand to more than 100,000 values",
    ]);
    expect(problems({ "a.yaml": "kind: Pod\nmetadata: {name: *b}\n" })).toEqual([
      "a.yaml:2:18 KN802 invalid source: alias `b` has no earlier anchor",
    ]);
  });
});

describe("a field", () => {
  it("of a wrong type is reported", () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: a, labels: [x]}
spec:
  hostNetwork: "true"
  containers:
  - name: c
    ports: [{containerPort: "80"}, {containerPort: 81, protocol: {}}]
`;
    expect(problems({ "a.yaml": text })).toEqual([
      "a.yaml:3:29 KN806 metadata.labels is ignored: expected an object, found `[…]`",
      "a.yaml:5:16 KN806 spec.hostNetwork is ignored: expected true or false, found `true`",
      "a.yaml:8:29 KN806 spec.containers[0].ports[0].containerPort is ignored: expected a number, found `80`",
      "a.yaml:8:66 KN806 spec.containers[0].ports[1].protocol is ignored: expected a string, found `{…}`",
    ]);
  });
});

describe("an admin policy that kube-apiserver rejects", () => {
  const admin = (kind: string, version: string, spec: string): readonly string[] =>
    problems({
      "a.yaml": `apiVersion: policy.networking.k8s.io/${version}\nkind: ${kind}\nmetadata: {name: default}\nspec: ${spec}\n`,
    }).filter((one) => one.includes("KN806"));

  it.each([
    [
      "AdminNetworkPolicy",
      "v1alpha1",
      "{priority: 1, subject: {namespaces: {}}, ingress: [{name: a, action: Allow, from: [{pods: {namespaceSelector: {}, podSelector: {}}}], ports: [{portNumber: {protocol: TCP, port: 80}}, {portRange: {start: 1, end: 2}}, {namedPort: http}]}], egress: [{action: Pass, to: [{networks: [10.0.0.0/8]}, {nodes: {}}, {domainNames: [a.b]}]}]}",
    ],
    [
      "BaselineAdminNetworkPolicy",
      "v1alpha1",
      "{subject: {pods: {namespaceSelector: {}, podSelector: {}}}, egress: [{action: Deny, to: [{namespaces: {}}]}]}",
    ],
    [
      "ClusterNetworkPolicy",
      "v1alpha2",
      "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 80}}}, {udp: {destinationPort: {range: {start: 1, end: 2}}}}, {destinationNamedPort: http}]}]}",
    ],
  ])("is not %s %s with all its fields", (kind, version, spec) => {
    expect(admin(kind, version, spec)).toEqual([]);
  });

  it.each([
    [
      "ClusterNetworkPolicy",
      "v1alpha2",
      "{tier: Admin, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {}}], ports: []}]}",
      [
        "spec.ingress[0].action: kube-apiserver rejects `Allow`; expected `Accept`, `Deny`, or `Pass`",
        "unknown field `ports` in spec.ingress[0]: ignored",
      ],
    ],
    [
      "AdminNetworkPolicy",
      "v1alpha1",
      "{priority: 1, subject: {namespace: {}}, ingress: [{action: Deny, from: [], port: []}]}",
      [
        "unknown field `namespace` in spec.subject: ignored; did you mean `namespaces`?",
        "unknown field `port` in spec.ingress[0]: ignored; did you mean `ports`?",
      ],
    ],
    [
      "BaselineAdminNetworkPolicy",
      "v1alpha1",
      "{priority: 1, subject: {namespaces: {}}, egress: [{action: Pass, to: []}]}",
      [
        "spec.egress[0].action: kube-apiserver rejects `Pass`; expected `Allow` or `Deny`",
        "unknown field `priority` in spec: ignored",
      ],
    ],
  ])("is %s %s with other fields", (kind, version, spec, expected) => {
    expect(
      admin(kind, version, spec).map((one) => one.replace(/^\S+ KN806 |^KN806 |^\S+ /, "").replace(/^KN806 /, "")),
    ).toEqual(expected);
  });
});

describe("a NetworkPolicy that kube-apiserver rejects", () => {
  const policy = (spec: string): string =>
    `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: x}\nspec: ${spec}\n`;
  const messages = (text: string): readonly string[] =>
    problems({ "a.yaml": text }).map((one) => one.replace(/^\S+ /, ""));
  const printed = (text: string): string => printDecls(read({ "a.yaml": text }).documents[0].decls);

  it.each([
    ["{podSelector: , matchLabels: {app: web}}", ["unknown field `matchLabels` in spec: ignored"]],
    ["{podSelector: {}, ingres: [{}]}", ["unknown field `ingres` in spec: ignored; did you mean `ingress`?"]],
    [
      "{podSelector: {}, ingress: [{form: [], from: [{podSelector: {app: x}}]}]}",
      [
        "unknown field `app` in spec.ingress[0].from[0].podSelector: ignored",
        "unknown field `form` in spec.ingress[0]: ignored; did you mean `from`?",
      ],
    ],
    [
      "{podSelector: {}, policyTypes: [ingress], ingress: [{ports: [{protocol: tcp, prot: 1}]}]}",
      [
        "spec.policyTypes[0]: kube-apiserver rejects `ingress`; expected `Ingress` or `Egress`",
        "spec.ingress[0].ports[0].protocol: kube-apiserver rejects `tcp`; expected `TCP`, `UDP`, or `SCTP`",
        "unknown field `prot` in spec.ingress[0].ports[0]: ignored; did you mean `port`?",
      ],
    ],
  ])("%s", (spec, expected) => {
    expect(messages(policy(spec))).toEqual(expected.map((one) => `KN806 ${one}`));
  });

  it.each([
    [
      "{key: app, operator: in, values: [a]}",
      "operator: kube-apiserver rejects `in`; expected `In`, `NotIn`, `Exists`, or `DoesNotExist`",
    ],
    ["{key: app, operator: In}", "values: kube-apiserver rejects `[]`; expected at least one value"],
    ["{key: app, operator: NotIn, values: []}", "values: kube-apiserver rejects `[]`; expected at least one value"],
  ])("the requirement %s matches nothing", (requirement, expected) => {
    const text = policy(`{podSelector: {matchLabels: {tier: a}, matchExpressions: [${requirement}]}}`);
    expect(messages(text)).toEqual([`KN806 spec.podSelector.matchExpressions[0].${expected}`]);
    expect(printed(text)).toContain("select tier=a app !app");
  });

  it("reads a requirement with several values", () => {
    const text = policy(
      "{podSelector: {matchExpressions: [{key: app, operator: In, values: [a, b]}, {key: t, operator: NotIn, values: [c, d]}]}}",
    );
    expect(messages(text)).toEqual([]);
    expect(printed(text)).toContain("select app in [a b] t notin [c d]");
  });

  it("keeps the ports of a rule with a wrong endPort", () => {
    const text = policy(
      "{podSelector: {}, ingress: [{ports: [{port: http, endPort: 9000}, {port: 90, endPort: 80}, {port: 443, endPort: 444}]}]}",
    );
    expect(messages(text)).toEqual([
      "KN806 spec.ingress[0].ports[0].endPort is ignored: expected a `port` that is a number, found `9000`",
      "KN806 spec.ingress[0].ports[1].endPort is ignored: expected at least 90, found `80`",
    ]);
    expect(printed(text)).toContain("ingress { to http/tcp 90/tcp 443-444/tcp }");
  });
});

describe("a field that the API does not have", () => {
  it("is reported in services and controllers, not in other groups", () => {
    const service = (group: string): string =>
      `apiVersion: ${group}v1\nkind: Service\nmetadata: {name: a}\nspec: {selecter: {app: x}, ports: [{port: 80, targetport: 1}]}\n`;
    expect(problems({ "a.yaml": service("") })).toEqual([
      "a.yaml:4:59 KN806 unknown field `targetport` in spec.ports[0]: ignored; did you mean `targetPort`?",
      "a.yaml:4:18 KN806 unknown field `selecter` in spec: ignored; did you mean `selector`?",
    ]);
    expect(problems({ "a.yaml": service("serving.knative.dev/") }).filter((one) => one.includes("KN806"))).toEqual([]);
    const controller = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}
spec: {selector: {app: x}, template: {labels: {app: x}, metadata: {annotations: {a: b}}, spec: {containers: []}}}\n`;
    expect(problems({ "a.yaml": controller })).toEqual([
      "a.yaml:4:24 KN806 unknown field `app` in spec.selector: ignored",
      "a.yaml:4:47 KN806 unknown field `labels` in spec.template: ignored",
    ]);
  });
});

describe("a name of JavaScript", () => {
  it.each(["__proto__", "constructor", "toString"])("%s is a kind and a key like any other", (name) => {
    const text = `kind: ${name}\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: b, labels: {${name}: x}}\n`;
    expect(problems({ "a.yaml": text })).toEqual([`a.yaml:1:7 KN801 1 object of kind ${name} not read`]);
    expect(printDecls(read({ "a.yaml": text }).documents[0].decls)).toContain(`labels ${name}=x`);
  });
});

describe("several files", () => {
  it("have the problems of their own objects", () => {
    const files = [
      { file: "a.yaml", text: "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n" },
      {
        file: "b.yaml",
        text: LIST.replace("    namespace: shop\n", "    namespace: shop\n  status: {podIP: 10.9.0.x}\n"),
      },
    ];
    const { documents } = manifestDocuments("a.yaml", files);
    const analysis = analyse("a.yaml", documents);
    const found = (analysis.findings(() => false) ?? []).filter(({ code }) => code === "KN006");
    expect(found.map((one) => [one.source.file, analysis.placeOf(one)?.start])).toEqual([
      ["b.yaml", files[1]?.text.indexOf("10.9.0.x")],
    ]);
  });
});

describe("a template", () => {
  it.each(["{{ if .x }}\nkind: Pod\n{{ end }}\n", "kind: Pod\nmetadata:\n  name: {{ .Values.name }}\n"])(
    "%j is refused",
    (text) => {
      expect(problems({ "a.yaml": text }).map((one) => one.replace(/^\S+ /, ""))).toEqual([
        "KN802 invalid source: Helm template; use the output of `helm template`",
      ]);
    },
  );
  it("in a ConfigMap is data", () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {alert: "{{ .x }}"}\n';
    expect(problems({ "a.yaml": text })).toEqual([]);
  });
});

describe("a file without objects", () => {
  it.each(["", "# only a comment\n", "---\n---\n...\n", "a: [1", '{"compilerOptions": {,', "%YAML 1.1\n---\n", "\t\n"])(
    "%j has no problems",
    (text) => {
      expect(problems({ "a.yaml": text })).toEqual([]);
    },
  );
});

describe("a large list", () => {
  const items = Array.from(
    { length: 400 },
    (_, index) => `- apiVersion: v1
  kind: Pod
  metadata:
    name: p${index}
    namespace: shop
    annotations:
      note: |
        ${"text ".repeat(600)}
        - not an item
  spec:
    nodeName: n${index}
`,
  );
  const text = `apiVersion: v1\nitems:\n${items.join("")}kind: List\n`;

  it("is read in parts, with positions", () => {
    expect(text.length).toBeGreaterThan(1 << 20);
    const { objects, documents } = read({ "a.yaml": text });
    expect(objects).toBe(400);
    const [main] = documents;
    const cluster = main.decls.find(({ spec }) => spec?.keyword === "cluster");
    const space = cluster?.children.find(({ spec }) => spec?.keyword === "namespace");
    const last = space?.children.find(({ values }) => values[0]?.text === "p399");
    const span = last && main.spanOf({ file: "a.yaml", decl: last, part: 0 });
    expect(span && text.slice(span.start, span.end)).toBe("p399");
  });

  it("with an error in one item has the others", () => {
    const wrong = text.replace("nodeName: n200", "nodeName: [n200");
    const { objects, problems: found } = read({ "a.yaml": wrong });
    expect(objects).toBeGreaterThanOrEqual(399);
    const [first] = found.filter(({ code }) => code === "KN802");
    expect(Math.abs((first?.span?.start ?? 0) - wrong.indexOf("[n200"))).toBeLessThan(200);
  });

  it("that ends too early has the items before the last one", () => {
    const cut = text.slice(0, text.indexOf("name: p301"));
    expect(read({ "a.yaml": cut }).objects).toBe(301);
    expect(problems({ "a.yaml": cut }).map((one) => one.replace(/^\S+ /, ""))).toEqual([
      "KN806 the source ends within an object; the rest is missing",
    ]);
  });
});

describe("a Secret", () => {
  const text = `apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"hunter2"}}'
stringData:
  password: hunter2
  password: hunter2
  mode: off
data:
  cert: |
    aHVudGVyMg==
    hunter2
`;
  it("never shows its values", () => {
    for (const one of [text, text.replace("mode: off", "mode: [off")]) {
      const { documents, problems: found } = read({ "a.yaml": one });
      const shown = [...documents.map((document) => document.text), ...found.map(messageOf)].join("\n");
      expect(shown).not.toMatch(/hunter2|aHVudGVyMg/);
      expect(documents.find(({ file }) => file === "a.yaml")?.text.length).toBe(one.length);
    }
    expect(kubernetesFrontEnd.read("a.yaml", text).text).toContain("  name: s\n");
    expect(problems({ "a.yaml": text })).toEqual([]);
  });
});
