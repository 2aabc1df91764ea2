/** Statements that read other files than `.knet` files. */
import type { KeywordSpec } from "./types.ts";

const around = `segment racks { cidr 192.168.10.0/24 }
segment office { cidr 10.8.0.0/24 }
router fw { attach racks 192.168.10.1; attach office 10.8.0.1 }
host laptop { attach office 10.8.0.10 }
cluster prod {
  manifests "prod-dump"
}
expect laptop -> 192.168.10.11:30080 reachable
`;

export const sources: readonly KeywordSpec[] = [
  {
    keyword: "manifests",
    in: ["cluster"],
    args: [
      {
        name: "path",
        type: { kind: "string" },
        summary: "A YAML or JSON file, a folder, or an archive, relative to this file",
      },
    ],
    repeat: "many",
    summary: "Reads the cluster from Kubernetes manifests or a dump",
    documentation: `Adds the nodes, namespaces, workloads, services, and policies of Kubernetes objects to this cluster, and what the objects
show about its CNI plugin, kube-proxy, and address ranges: \`kubectl get … -A -o json\`, \`kubectl cluster-info dump\`, a folder of
manifests, or an archive of these.

Statements of this block take precedence: \`cni\`, \`pods\`, \`services\`, and the like replace the inferred ones, a node or a
namespace with the same name is completed by the objects. A node whose address is in a declared segment is attached to that
segment; for other nodes, a segment with a router is assumed. Findings in an object are reported in its file.`,
    example: around,
  },
  {
    keyword: "state",
    in: ["cluster"],
    args: [
      {
        name: "path",
        type: { kind: "string" },
        summary: "A folder with one folder per node, relative to this file",
      },
    ],
    repeat: "many",
    summary: "Compares the nodes with their real state",
    documentation: `The output of \`ip -j addr\`, \`ip -j route show table all\`, \`iptables-save\`, and other commands on real nodes of this cluster
(\`knet collect --nodes\` prints a script that collects it). It does not replace the derived state: differences are reported as
drift, at the statement and in the output of the command.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend host-gw }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  state "prod-dump/nodes"
}
`,
  },
  {
    keyword: "network",
    in: ["file"],
    args: [
      {
        name: "path",
        type: { kind: "string" },
        summary: "A JSON file, or a folder of them, relative to this file",
      },
    ],
    repeat: "many",
    summary: "Reads segments and routers from a Terraform plan or the output of a cloud's command line",
    documentation: `Adds the networks of \`terraform show -json\`, a Terraform state, or the JSON output of \`aws\`, \`az\`, and \`gcloud\`: a segment
per subnet, routers with the routes of the route tables and peerings, and a cluster per managed cluster. Findings are
reported at the resource in the JSON file.`,
    example: `network "plan.json"

host laptop { attach office 10.8.0.10 }
segment office { cidr 10.8.0.0/24 }
`,
  },
];
