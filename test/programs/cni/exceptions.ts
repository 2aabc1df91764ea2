// Differences between the CNI plugins and knet that are not errors, each with its reason: none.
import type { Exception } from "../suite.ts";

export const EXCEPTIONS: readonly Exception[] = [];
