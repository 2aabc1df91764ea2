/** Fixes of findings in manifests: the smallest edit, which keeps comments, order, and quotes. */
import { describe, expect, it } from "vitest";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { createService } from "../../../server/src/service/service.ts";
import { backwards, editedText } from "../../../server/src/text/edit.ts";

const HEAD = `apiVersion: v1
kind: Node
metadata: {name: n1, annotations: {flannel.alpha.coreos.com/backend-type: vxlan}}
spec: {podCIDR: 10.244.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: canal, namespace: kube-system}
spec: {template: {metadata: {labels: {app: canal}}, spec: {hostNetwork: true, containers: [{name: c}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec: {template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: [{name: c, ports: [{containerPort: 53, protocol: UDP}]}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, ports: [{containerPort: 5432}]}]}
---
`;

/** The edited part of the manifest after each fix of the finding, by title. */
function fixes(text: string, code: string, file = "a.yaml", head = HEAD): Record<string, string> {
  const service = createService({ resolveImport: () => undefined });
  service.setText(file, head + text);
  const analysis = service.analysisOf(file)!;
  const found = (analysis.findings(() => false) ?? []).filter((one) => one.code === code);
  return Object.fromEntries(
    found.flatMap((finding) =>
      (provenFixes(analysis, finding, () => false) ?? []).map(({ title, edits }) => {
        const edited = backwards(edits.get(file) ?? []).reduce(editedText, head + text);
        expect(edited.startsWith(head.slice(0, head.length - 2))).toBe(true);
        return [title, edited.slice(head.length)];
      }),
    ),
  );
}

const service = (selector: string): string => `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector:   # of the pods
    tier: front   # none has it
    ${selector}
  ports: [{port: 80}]
`;

describe("labels", () => {
  it("keep their quotes and the comments around them", () => {
    const web = (text: string): string => service(text).replace("    tier: front   # none has it\n", "");
    for (const [before, after] of [
      ["app: wep  # typo", "app: web  # typo"],
      ['app: "wep"', 'app: "web"'],
      ["app: 'wep'", "app: 'web'"],
    ] as const)
      expect(fixes(web(before), "KN501")).toMatchObject({ "Change to `app=web`": web(after) });
  });
});

const policy = (spec: string): string => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
${spec}`;
const DNS = "Allow DNS in namespace `kube-system`";

describe("rules", () => {
  it("are added to a block list, before the comment of the next field", () => {
    const text = policy(`  policyTypes: [Egress]
  egress:
  # to the database
  - to:
    - podSelector: {matchLabels: {app: db}}
    ports: [{port: 5432}]   # postgres
  # the end
`);
    expect(fixes(text, "KN602")[DNS]).toBe(
      text.replace(
        "# postgres\n",
        `# postgres
  - to:
      - namespaceSelector:
          matchLabels:
            kubernetes.io/metadata.name: kube-system
    ports:
      - protocol: UDP
        port: 53
      - port: 53
`,
      ),
    );
  });

  it("are added to a flow list", () => {
    const text = policy("  egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}] # all\n");
    expect(fixes(text, "KN602")[DNS]).toBe(
      policy(
        "  egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}, {to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{protocol: UDP, port: 53}, {port: 53}]}] # all\n",
      ),
    );
  });

  it("are added to JSON", () => {
    const item = (egress: string): string =>
      `{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"podSelector": {}, "egress": [${egress}]}}\n]}\n`;
    const head = `{"kind": "List", "apiVersion": "v1", "items": [
{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "annotations": {"flannel.alpha.coreos.com/backend-type": "vxlan"}}, "spec": {"podCIDR": "10.244.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "192.168.10.11"}]}},
{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "canal", "namespace": "kube-system"}, "spec": {"template": {"spec": {"hostNetwork": true}}}},
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", "namespace": "kube-system"}, "spec": {"template": {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": 53, "protocol": "UDP"}]}]}}}},
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}},
`;
    const own = '{"to": [{"podSelector": {}}], "ports": [{"port": 80}]}';
    expect(fixes(item(own), "KN602", "a.json", head)[DNS]).toBe(
      item(
        `${own}, {"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"kube-system"}}}],"ports":[{"protocol":"UDP","port":53},{"port":53}]}`,
      ),
    );
  });
});

describe("values", () => {
  it("are replaced if the manifest has them as they are written in `.knet`", () => {
    const text = policy(`  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 192.168.0.0/16]}}]
`);
    const edited = fixes(text, "KN611");
    expect(Object.values(edited)).toEqual([text.replace(", 192.168.0.0/16", "")]);
  });
});
