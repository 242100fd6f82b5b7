export { type CaughtStall, catchStall, type StallRequest } from './catch-stall.js';
export { memoryOf, type SnapshotRequest, snapshotAtExit, type WorkerMemory } from './snapshot-at-exit.js';
export { type ProfileKind, type ProfileRequest, type TakenProfile, takeProfile } from './take-profile.js';
export { endEarly } from './until-drain.js';
