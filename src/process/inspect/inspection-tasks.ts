import { addWorkerTask } from '../../support/worker-tasks.js';
import { memoryOf, type ProfileRequest, type SnapshotRequest, snapshotAtExit, takeProfile } from './index.js';

/** Adds the tasks by which the primary looks inside this worker. Their code is loaded when one is requested. */
export function addInspectionTasks(): void {
  addWorkerTask('profile', (argument) => takeProfile(argument as ProfileRequest));
  addWorkerTask('memory', () => memoryOf());
  addWorkerTask('snapshot', (argument) => snapshotAtExit(argument as SnapshotRequest));
}
