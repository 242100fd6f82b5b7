import nodeModule from 'node:module';
import type { Application } from 'express';
import { callSiteOf } from '../../middleware/sync-io/call-site.js';
import type { AnyFunction } from '../../support/express-layers.js';
import { wrapMethod } from '../../support/replace-method.js';

/** What the app has created with the functions of known packages. */
export interface Recorded {
  readonly apps: Application[];
  /** The file, line and column of the call that created each app. */
  readonly appSites: Map<unknown, string>;
  /** Factories of body parsers with the options of each call. */
  readonly parsers: { readonly factory: AnyFunction; readonly options: object }[];
  /** Directories by the middleware that serves them. */
  readonly staticRoots: Map<unknown, string>;
  /** The package of each middleware that a well-known package has created. */
  readonly packages: Map<unknown, string>;
  /** Sessions by the name of their cookie. */
  readonly sessions: Map<string, RecordedSession>;
  /** Whether a package was loaded that reads bodies without a limit that can be found. */
  readsUploads: boolean;
}

export interface RecordedSession {
  readonly kind: 'express-session' | 'cookie-session';
  /** The options of the call. */
  readonly options: Readonly<Record<string, unknown>>;
}

interface LoadedModule {
  exports: unknown;
}

type Extension = (this: unknown, module: LoadedModule, file: string) => void;
type OnCall = (
  recorded: Recorded,
  result: unknown,
  args: readonly unknown[],
  factory: AnyFunction,
  trap: AnyFunction,
) => void;

const onParser: OnCall = ({ parsers }, _result, [options], factory) => {
  parsers.push({ factory, options: Object(options) as object });
};

const uploads = /^(?:busboy|@fastify\/busboy|formidable|multiparty|multer)(?:\/|$)/;

/** Packages whose middlewares are recognized, without the paths of their files. */
const middlewares =
  /^(?:body-parser|compression|cookie-parser|cookie-session|cors|express-session|helmet|morgan|serve-favicon|serve-static)(?=$|\/lib\/types\/)/;

/** What is recorded of a package, by its name or the path of a file in it. Express may be installed by another name. */
const recorders: Readonly<Record<string, OnCall>> = {
  '*/lib/express': ({ apps, appSites }, app, _args, _factory, trap) => {
    apps.push(app as Application);
    appSites.set(app, callSiteOf(trap).site);
  },
  'body-parser/lib/types/json': onParser,
  'body-parser/lib/types/raw': onParser,
  'body-parser/lib/types/text': onParser,
  'body-parser/lib/types/urlencoded': onParser,
  'serve-static': ({ staticRoots }, handler, [root]) => void staticRoots.set(handler, String(root)),
  'express-session': ({ sessions }, _handler, args) => {
    const options = Object(args[0]) as RecordedSession['options'];
    const name = String(options.name || options.key || 'connect.sid');
    sessions.set(name, { kind: 'express-session', options });
  },
  'cookie-session': ({ sessions }, _handler, args) => {
    const options = Object(args[0]) as RecordedSession['options'];
    sessions.set(String(options.name || 'session'), { kind: 'cookie-session', options });
  },
};

const { _extensions } = nodeModule as unknown as { readonly _extensions: Record<string, Extension> };

/** Records from now on what CommonJS modules of Express and its middleware create. ES modules load the same files. */
export function recordModules(): Recorded {
  const recorded: Recorded = {
    apps: [],
    appSites: new Map(),
    parsers: [],
    staticRoots: new Map(),
    packages: new Map(),
    sessions: new Map(),
    readsUploads: false,
  };
  // an import in an ES module reads the exports at the end of this step, before `require` would return them
  wrapMethod(_extensions, '.js', (original: Extension): Extension => {
    return function load(module, file) {
      original.call(this, module, file);
      const name = nameOf(file);
      if (uploads.test(name)) recorded.readsUploads = true;
      const [middleware] = middlewares.exec(name) ?? [];
      const onCall = Object.hasOwn(recorders, name) ? recorders[name] : middleware && (() => {});
      const { exports } = module;
      if (!onCall || typeof exports !== 'function') return;
      module.exports = new Proxy(exports as AnyFunction, {
        apply: function trap(factory, receiver, args) {
          const result = Reflect.apply(factory, receiver, args);
          onCall(recorded, result, args, factory, trap as AnyFunction);
          if (middleware) recorded.packages.set(result, middleware);
          return result;
        },
      });
    };
  });
  return recorded;
}

/** The name of a package for its index file, else the name with the path of the file, without its extension. */
function nameOf(file: string): string {
  const [, below = ''] = /.*[\\/]node_modules[\\/](.+)$/s.exec(file) ?? [];
  const name = below.replaceAll('\\', '/').replace(/(?:\/index)?\.[cm]?js$/, '');
  return /^[^/]+\/lib\/express$/.test(name) ? '*/lib/express' : name;
}
