import { addWorkerTask } from '../../support/worker-tasks.js';
import { type ProfileRequest, takeProfile } from './index.js';

/** Adds the tasks by which the primary looks inside this worker. Their code is loaded when one is requested. */
export function addInspectionTasks(): void {
  addWorkerTask('profile', (argument) => takeProfile(argument as ProfileRequest));
}
