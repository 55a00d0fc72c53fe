/**
 * The program of a thread: makes the operator of its task, and answers one request after the other.
 */
import { optionRange } from '../errors.js';
import { type Description, isOperator, type OpenOperator, type Operator } from '../operator.js';
import { decodeState, encodeState } from '../snapshot.js';
import { BatchDecoder, BatchEncoder, type BatchMessage, memoryOf } from './batch-messages.js';
import { operatorOf } from './recipe.js';
import { errorMessage, type Reply, type Request, type ThreadTask } from './thread-messages.js';

const { parentPort, workerData } = await import('node:worker_threads');

class Served {
  readonly #operator: Operator;
  readonly #open: OpenOperator;
  readonly #decoder: BatchDecoder;
  readonly #encoder = new BatchEncoder();
  /** Whether its states must say whose they are, since nobody outside knows. */
  readonly #isOfModule: boolean;

  constructor(operator: Operator, task: ThreadTask) {
    this.#operator = operator;
    this.#open = operator.open(task.backend && { backend: task.backend });
    this.#decoder = new BatchDecoder(operator.description.name);
    this.#isOfModule = 'module' in task;
  }

  answer(request: Request): Reply {
    if ('restore' in request) {
      const { restore: bytes } = request;
      this.#open.restore(this.#isOfModule ? decodeState(this.#identity, bytes) : bytes);
      return { batches: [] };
    }
    if ('snapshot' in request) {
      const state = this.#open.snapshot();
      return { state: this.#isOfModule ? encodeState(this.#identity, state) : state };
    }
    const batches: BatchMessage[] = [];
    const emit = (batch: Parameters<BatchEncoder['encode']>[0]) =>
      void batches.push(this.#encoder.encode(batch));
    if ('step' in request) this.#open.step(this.#decoder.decode(request.step), emit);
    else this.#open.flush(emit);
    return { batches };
  }

  get #identity() {
    const { name, version, options, layout }: Description = this.#operator.description;
    return { name, version, options, layout };
  }
}

async function operatorFor(task: ThreadTask): Promise<Operator> {
  if ('operator' in task) return operatorOf(task.operator);
  const { module, export: name, options } = task.module;
  const exported = ((await import(module)) as Record<string, unknown>)[name];
  const operator = isOperator(exported) || typeof exported !== 'function' ? exported : exported(options);
  if (isOperator(operator)) return operator;
  throw optionRange('inWorker', 'export', `an operator, or a function that makes one, in ${module}`, name);
}

const task = workerData as ThreadTask;
let served: Promise<Served> | undefined;

parentPort?.on('message', async (request: Request) => {
  let reply: Reply;
  try {
    served ??= operatorFor(task).then((operator) => new Served(operator, task));
    reply = (await served).answer(request);
  } catch (error) {
    reply = { error: errorMessage(error) };
  }
  parentPort.postMessage(reply, 'batches' in reply ? memoryOf(reply.batches) : []);
});
