export { memoryOf, type SnapshotRequest, snapshotAtExit, type WorkerMemory } from './snapshot-at-exit.js';
export { type ProfileKind, type ProfileRequest, type TakenProfile, takeProfile } from './take-profile.js';
