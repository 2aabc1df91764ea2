/** The topology to which the examples about real machines belong: node `n1` has 192.168.10.11. */
import { twoNodes } from "./nodes.ts";

export const STATE_TOPOLOGY = twoNodes("cni flannel { backend host-gw }");

/** The state of a node: a file with the output of a command. */
export function outputOf(file: string, output: string): string {
  return `# ${file}\n${output}`;
}
