import { IncomingMessage, ServerResponse } from 'node:http';
import type { Application } from 'express';
import { constructorsKey, takesText } from '../../support/symbols.js';

/** Up to this many bytes, copying a body into the write of its head is cheaper than a second write. */
const maxTextBody = 4096;

type End = (
  this: ServerResponse,
  chunk?: unknown,
  encoding?: unknown,
  callback?: () => void,
) => ServerResponse;

/** The classes of which a server makes its requests and responses. */
export type Constructors = { IncomingMessage: typeof IncomingMessage; ServerResponse: typeof ServerResponse };

interface Made extends Constructors {
  /** Gives the app the objects back that it had before. */
  undo(): void;
}

interface Prototypes {
  request: object;
  response: object;
  [constructorsKey]?: Made;
}

/** The two classes of an app, made on first use. What is put on the app's prototypes later is then put on these. */
export function constructorsOf(app: Application): Constructors {
  const prototypes = app as unknown as Prototypes;
  prototypes[constructorsKey] ??= makeConstructors(prototypes);
  const { IncomingMessage, ServerResponse } = prototypes[constructorsKey];
  return { IncomingMessage, ServerResponse };
}

/** Makes the two classes of an app. The undo leaves an app as Express made it, and does nothing where others made them. */
export function installConstructors(app: Application): () => void {
  const prototypes = app as unknown as Prototypes;
  if (prototypes[constructorsKey] !== undefined) return () => {};
  constructorsOf(app);
  return () => {
    prototypes[constructorsKey]?.undo();
    delete prototypes[constructorsKey];
  };
}

// the names Express 4 and 5 set on each request before a handler runs; packages check `'route' in req`
type Added = Record<'res' | 'next' | 'baseUrl' | 'originalUrl' | '_parsedUrl' | 'params', unknown>;

function makeConstructors(app: Prototypes): Made {
  class AppRequest extends IncomingMessage {
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
  class AppResponse extends ServerResponse {
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

/** Node writes a head and bytes apart, but a head and text together; latin1 maps each byte to one character. */
const endInOneWrite: End = function end(chunk, encoding, callback) {
  const original = ServerResponse.prototype.end as End;
  const joins = chunk instanceof Buffer && chunk.length <= maxTextBody && encoding === undefined;
  return joins && !this.headersSent
    ? original.call(this, chunk.toString('latin1'), 'latin1', callback)
    : original.call(this, chunk, encoding, callback);
};

/** Moves what stands on an app's `request` or `response` object to the prototype of a class. The undo moves it back. */
function transplant(from: object, to: object): () => void {
  const ofClass = Object.getOwnPropertyDescriptors(to);
  move(from, to);
  Object.setPrototypeOf(to, Object.getPrototypeOf(from));
  // sub-apps that are mounted already inherit from the old object, and are to see what is added to the new one
  Object.setPrototypeOf(from, to);
  return () => {
    for (const name of Reflect.ownKeys(from)) Reflect.deleteProperty(from, name);
    for (const [name, { value }] of Object.entries(ofClass)) {
      if ((to as Record<string, unknown>)[name] === value) Reflect.deleteProperty(to, name);
    }
    move(to, from);
    Object.setPrototypeOf(from, Object.getPrototypeOf(to));
    // servers that run go on to construct with the new object, and sub-apps may inherit from it
    for (const name of Reflect.ownKeys(to)) Reflect.deleteProperty(to, name);
    Object.setPrototypeOf(to, from);
  };
}

function move(from: object, to: object): void {
  Object.defineProperties(to, Object.getOwnPropertyDescriptors(from));
}
