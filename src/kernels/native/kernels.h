/**
 * How an addon finds its kernels: by the name of the C file, and in it by the name of the function.
 */
#pragma once

/** Calls a kernel with arguments from a mailbox; offset 0 is no array. The answer is 0 where the kernel gives none. */
typedef double KernelCall(char *arena, const double *arguments);

typedef struct {
  const char *name;
  KernelCall *call;
} Kernel;

typedef struct {
  const char *name;
  /** Ends with a kernel without a name. */
  const Kernel *kernels;
} KernelSet;

/** Ends with a set without a name. */
extern const KernelSet kernelSets[];
