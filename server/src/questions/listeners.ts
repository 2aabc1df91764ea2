/** The ports that the containers of a workload listen on. */
import type { Workload } from "../topology/model.ts";

export function listens({ containers }: Workload, port: number, proto: string): boolean {
  return containers.some(({ listeners }) =>
    listeners.some((one) => one.proto === proto && one.first <= port && port <= one.last),
  );
}

/** Whether the workload declares ports. Without any declaration, its ports are unknown. */
export function saysPorts({ containers }: Workload): boolean {
  return containers.some(({ listeners }) => listeners.length > 0);
}
