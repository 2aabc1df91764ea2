/** Manifests that most examples about sources share. */

/** A node of a cluster with flannel; `more` are further objects. */
export function soundNode(more = ""): string {
  return `apiVersion: v1
kind: Node
metadata:
  name: n1
  annotations: {flannel.alpha.coreos.com/backend-type: vxlan}
spec: {podCIDR: 10.244.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}
${more === "" ? "" : `---\n${more}`}`;
}
