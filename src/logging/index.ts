export { type LoggedError, serializeError } from '../support/serialize-error.js';
export {
  createLogDestination,
  type LogDestination,
  type LogDestinationOptions,
} from './log-destination.js';
