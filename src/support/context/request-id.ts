import { randomBytes } from 'node:crypto';

const wellFormed = /^[\w.:-]{1,128}$/;

const prefix = randomBytes(9).toString('base64url');
let count = 0;

/** Returns a new id: a random prefix of this process and a counter. It is unique, but not secret. */
export function newRequestId(): string {
  count += 1;
  return `${prefix}-${count.toString(36)}`;
}

/** Whether an incoming id is safe to log and to send in the response. */
export function validRequestId(id: string): boolean {
  return wellFormed.test(id);
}
