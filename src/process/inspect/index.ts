export { type ProfileKind, type ProfileRequest, type TakenProfile, takeProfile } from './take-profile.js';
