import { exitCodes } from '../command.js';

/** The proxy cannot be started, or the time limit was reached, so that there is no result. */
export class CannotProve extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.usage) {
    super(message);
    this.exitCode = exitCode;
  }
}
