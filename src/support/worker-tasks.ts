import { processWide } from './process-wide.js';
import { workerTasksKey } from './symbols.js';

/** A task that the primary of a cluster can request from this worker. Its argument and its result are plain data. */
export type WorkerTask = (argument: unknown) => unknown;

/** The tasks of this process, by their names. */
export const workerTasks = processWide(workerTasksKey, () => new Map<string, WorkerTask>());

/** Adds a task under a name, in the place of an earlier one. Returns a function that removes it. */
export function addWorkerTask(name: string, task: WorkerTask): () => void {
  workerTasks.set(name, task);
  return () => {
    if (workerTasks.get(name) === task) workerTasks.delete(name);
  };
}
