/** The kernels of `knet lab --run --kernel`, without the code that boots them. */
export const KERNELS = ["host", "uml", "qemu"] as const;
export type Kernel = (typeof KERNELS)[number];
