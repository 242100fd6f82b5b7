import { addWorkerTask } from '../../support/worker-tasks.js';
import {
  catchStall,
  endEarly,
  memoryOf,
  type ProfileRequest,
  type SnapshotRequest,
  type StallRequest,
  snapshotAtExit,
  takeProfile,
} from './index.js';

/** Adds the tasks by which the primary looks inside this worker. Their code is loaded when one is requested. */
export function addInspectionTasks(): void {
  addWorkerTask('profile', (argument) => takeProfile(argument as ProfileRequest));
  addWorkerTask('catch-stall', (argument) => catchStall(argument as StallRequest));
  addWorkerTask('end-profile', () => endEarly());
  addWorkerTask('memory', () => memoryOf());
  addWorkerTask('snapshot', (argument) => snapshotAtExit(argument as SnapshotRequest));
}
