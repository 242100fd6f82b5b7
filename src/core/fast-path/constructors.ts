import type { IncomingMessage, ServerResponse } from 'node:http';
import http from 'node:http';
import type { Application } from 'express';
import { constructorsKey, takesText } from '../../support/symbols.js';

/** Copying a body of at most this many bytes into the write of its head is cheaper than a second write. */
const maxTextBody = 4096;

type End = (
  this: ServerResponse,
  chunk?: unknown,
  encoding?: unknown,
  callback?: () => void,
) => ServerResponse;

/** The classes from which a server constructs its requests and responses. */
export type Constructors = { IncomingMessage: typeof IncomingMessage; ServerResponse: typeof ServerResponse };

interface Made extends Constructors {
  /** Restores the `request` and `response` objects that the app had before. */
  undo(): void;
}

interface Prototypes {
  request: object;
  response: object;
  [constructorsKey]?: Made;
}

/**
 * Returns the two classes of an app, which are created on first use. Properties that are added to the app's prototypes
 * later are added to these classes.
 */
export function constructorsOf(app: Application): Constructors {
  const prototypes = app as unknown as Prototypes;
  prototypes[constructorsKey] ??= makeConstructors(prototypes);
  const { IncomingMessage, ServerResponse } = prototypes[constructorsKey];
  return { IncomingMessage, ServerResponse };
}

/**
 * Creates the two classes of an app. The undo restores the app as Express made it. If the classes exist already, the
 * undo does nothing.
 */
export function installConstructors(app: Application): () => void {
  const prototypes = app as unknown as Prototypes;
  if (prototypes[constructorsKey] !== undefined) return () => {};
  constructorsOf(app);
  return () => {
    prototypes[constructorsKey]?.undo();
    delete prototypes[constructorsKey];
  };
}

// Express 4 and 5 set these properties on each request before a handler runs. `route` is not among them,
// since packages check `'route' in req`.
type Added = Record<'res' | 'next' | 'baseUrl' | 'originalUrl' | '_parsedUrl' | 'params', unknown>;

function makeConstructors(app: Prototypes): Made {
  class AppRequest extends http.IncomingMessage {
    constructor(...args: ConstructorParameters<typeof IncomingMessage>) {
      super(...args);
      const added = this as unknown as Added;
      added.res = undefined;
      added.next = undefined;
      added.baseUrl = undefined;
      added.originalUrl = undefined;
      added._parsedUrl = undefined;
      added.params = undefined;
    }
  }
  class AppResponse extends http.ServerResponse {
    constructor(...args: ConstructorParameters<typeof ServerResponse>) {
      super(...args);
      (this as { locals?: unknown }).locals = undefined;
    }
  }
  (AppResponse.prototype as { end: End }).end = Object.assign(endInOneWrite, { [takesText]: true });
  const { request, response } = app;
  const undo = [transplant(request, AppRequest.prototype), transplant(response, AppResponse.prototype)];
  app.request = AppRequest.prototype;
  app.response = AppResponse.prototype;
  return {
    IncomingMessage: AppRequest,
    ServerResponse: AppResponse as unknown as typeof ServerResponse,
    undo() {
      for (const put of undo) put();
      if (app.request === AppRequest.prototype) app.request = request;
      if (app.response === AppResponse.prototype) app.response = response;
    },
  };
}

/**
 * Node writes a head and bytes separately, but a head and a string together. latin1 maps each byte to one character.
 */
const endInOneWrite: End = function end(chunk, encoding, callback) {
  const original = http.ServerResponse.prototype.end as End;
  const joins = chunk instanceof Buffer && chunk.length <= maxTextBody && encoding === undefined;
  return joins && !this.headersSent
    ? original.call(this, chunk.toString('latin1'), 'latin1', callback)
    : original.call(this, chunk, encoding, callback);
};

/**
 * Moves the properties of an app's `request` or `response` object to the prototype of a class. The undo moves them
 * back.
 */
function transplant(from: object, to: object): () => void {
  const ofClass = Object.getOwnPropertyDescriptors(to);
  move(from, to);
  Object.setPrototypeOf(to, Object.getPrototypeOf(from));
  // sub-apps that are already mounted inherit from the old object and need the properties of the new one
  Object.setPrototypeOf(from, to);
  return () => {
    for (const name of Reflect.ownKeys(from)) Reflect.deleteProperty(from, name);
    for (const [name, { value }] of Object.entries(ofClass)) {
      if ((to as Record<string, unknown>)[name] === value) Reflect.deleteProperty(to, name);
    }
    move(to, from);
    Object.setPrototypeOf(from, Object.getPrototypeOf(to));
    // running servers still construct with the new object, and sub-apps may inherit from it
    for (const name of Reflect.ownKeys(to)) Reflect.deleteProperty(to, name);
    Object.setPrototypeOf(to, from);
  };
}

function move(from: object, to: object): void {
  Object.defineProperties(to, Object.getOwnPropertyDescriptors(from));
}
