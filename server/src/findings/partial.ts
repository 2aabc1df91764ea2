/** Inputs that show only a part of the cluster. */
import type { CheckContext } from "./check.ts";

/** Whether the input has objects of kinds that are not read: an operator can create pods for them (a Prometheus, a Kafka). */
export function hasUnreadObjects({ files }: CheckContext): boolean {
  return files.some((file) => file.problems().some(({ code }) => code === "KN801"));
}

/** Whether the nodes are placeholders: the source states none, so their number is unknown. */
export function hasAssumedNodes({ files }: CheckContext): boolean {
  return files.some((file) =>
    file.problems().some((one) => one.code === "KN803" && "areNodes" in one.data && one.data.areNodes === true),
  );
}
