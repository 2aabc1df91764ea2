/** What a workload's containers are said to listen on. */
import type { Workload } from "../topology/model.ts";

export function listens({ containers }: Workload, port: number, proto: string): boolean {
  return containers.some(({ listeners }) =>
    listeners.some((one) => one.proto === proto && one.first <= port && port <= one.last),
  );
}

/** Of a workload with which nothing is said to listen, nothing is known about ports. */
export function saysPorts({ containers }: Workload): boolean {
  return containers.some(({ listeners }) => listeners.length > 0);
}
