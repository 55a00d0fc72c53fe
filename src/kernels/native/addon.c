/**
 * The Node-API side of the native kernels. An arena is bound once; a kernel bound to it is a JavaScript function without
 * arguments: they lie in the mailbox as numbers, addresses as offsets in the arena, and so does the answer.
 *
 * This file is built for any processor of the architecture; SUPPORTED says whether this one can run the kernels.
 */
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

/** One kernel on one arena. Everything belongs to one thread's environment. */
typedef struct {
  KernelCall *call;
  char *arena;
  double *mailbox;
} Bound;

static napi_value fail(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static napi_value run(napi_env env, napi_callback_info info) {
  void *data;
  if (napi_get_cb_info(env, info, NULL, NULL, NULL, &data) != napi_ok) return NULL;
  Bound *bound = data;
  bound->mailbox[0] = bound->call(bound->arena, bound->mailbox);
  return NULL;
}

static void release(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

/** The first byte of a typed array, which may lie in shared memory. */
static char *bytesOf(napi_env env, napi_value array) {
  void *data = NULL;
  bool isTyped = false;
  if (napi_is_typedarray(env, array, &isTyped) != napi_ok || !isTyped) return NULL;
  napi_get_typedarray_info(env, array, NULL, NULL, &data, NULL, NULL);
  return data;
}

static const KernelSet *setOf(napi_env env, napi_value name) {
  char text[64];
  size_t length;
  if (napi_get_value_string_utf8(env, name, text, sizeof text, &length) != napi_ok) return NULL;
  for (const KernelSet *set = kernelSets; set->name != NULL; set++) {
    if (strcmp(set->name, text) == 0) return set;
  }
  return NULL;
}

/** bind(set, arena: Uint8Array, mailbox: Float64Array): { kernel: function } */
static napi_value bind(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3], result;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  const KernelSet *set = setOf(env, arguments[0]);
  char *arena = bytesOf(env, arguments[1]);
  char *mailbox = bytesOf(env, arguments[2]);
  if (set == NULL) return fail(env, "native kernels: no such set");
  if (arena == NULL || mailbox == NULL) return fail(env, "native kernels: arena and mailbox must be typed arrays");
  napi_create_object(env, &result);
  for (const Kernel *kernel = set->kernels; kernel->name != NULL; kernel++) {
    Bound *bound = malloc(sizeof *bound);
    if (bound == NULL) return fail(env, "native kernels: out of memory");
    *bound = (Bound){kernel->call, arena, (double *)mailbox};
    napi_value function;
    napi_create_function(env, kernel->name, NAPI_AUTO_LENGTH, run, bound, &function);
    napi_add_finalizer(env, function, bound, release, NULL, NULL);
    napi_set_named_property(env, result, kernel->name, function);
  }
  return result;
}

/** offset(array): how far an array's first byte is behind a multiple of 64. */
static napi_value offset(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_create_uint32(env, (uint32_t)((uintptr_t)bytesOf(env, argument) % 64), &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function, isSupported;
  napi_get_boolean(env, SUPPORTED, &isSupported);
  napi_set_named_property(env, exports, "isSupported", isSupported);
  napi_create_function(env, "bind", NAPI_AUTO_LENGTH, bind, NULL, &function);
  napi_set_named_property(env, exports, "bind", function);
  napi_create_function(env, "offset", NAPI_AUTO_LENGTH, offset, NULL, &function);
  napi_set_named_property(env, exports, "offset", function);
  return exports;
}
