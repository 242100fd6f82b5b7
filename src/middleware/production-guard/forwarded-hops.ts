import type { IncomingMessage } from 'node:http';
import type { Application } from 'express';

/** Requests with X-Forwarded-For that are examined. */
const maxRequests = 100;
const maxAddresses = 20;

/** Compares the setting `trust proxy` with the X-Forwarded-For of the first requests. */
export class ForwardedHops {
  readonly #app: Application;
  #requests = 0;
  #fewest: number | undefined;

  constructor(app: Application) {
    this.#app = app;
  }

  /** The fewest addresses of an X-Forwarded-For so far. Each proxy adds one, and only a client adds more. */
  get fewest(): number | undefined {
    return this.#fewest;
  }

  /** Whether no further request is examined. */
  get isDone(): boolean {
    return this.#requests >= maxRequests;
  }

  /** Examines a request. Returns a message when the setting does not match the header, and then examines no more. */
  examine({ headers }: IncomingMessage): string | undefined {
    const chain = headers['x-forwarded-for'];
    if (chain === undefined) return undefined;
    const addresses = String(chain).split(',', maxAddresses).length;
    this.#requests += 1;
    this.#fewest = Math.min(addresses, this.#fewest ?? addresses);
    const message = disagreement(this.#app.get('trust proxy'), addresses);
    if (message !== undefined) this.#requests = maxRequests;
    return message;
  }
}

function disagreement(trusted: unknown, addresses: number): string | undefined {
  const arrives = `X-Forwarded-For arrives with ${addresses} ${addresses === 1 ? 'address' : 'addresses'}`;
  const stand = addresses === 1 ? 'one proxy of yours stands' : `${addresses} proxies of yours stand`;
  const advice = `If ${stand} in front: app.set('trust proxy', ${addresses}).`;
  if (trusted === false) {
    return `${arrives}, but 'trust proxy' is off: req.ip is the proxy's address and req.protocol is wrong behind TLS. ${advice}`;
  }
  if (trusted === true) {
    return `${arrives}, and 'trust proxy' is true: req.ip is the first of them, which any client can choose. ${advice}`;
  }
  if (typeof trusted === 'number' && trusted > addresses) {
    return `${arrives}, but 'trust proxy' is ${trusted}: a client that sends an address of its own chooses req.ip. ${advice}`;
  }
  return undefined;
}
