export { ProductionizeError } from './errors.js';
export { currentRequest, type RequestContextOptions, requestContext } from './request-context.js';
