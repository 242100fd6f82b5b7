import { warnOnce } from '../../support/errors.js';
import { matchesEveryPath, type Router, walkLayers } from '../../support/express-layers.js';

const statics = new Set(['serveStatic', 'staticFilesMiddleware', 'expressStaticGzip']);
const compressions = new Set(['compression', 'compressionMiddleware']);

/**
 * Warns when files are served before the app's compression middleware, since those responses never reach it. Returns
 * the name of the middleware that serves the files.
 */
export function warnStaticBeforeCompression(router: Pick<Router, 'stack'>): string | undefined {
  let before: string | undefined;
  for (const layer of router.stack) {
    if (before !== undefined && matchesEveryPath(layer) && compressions.has(layer.handle.name)) {
      warnOnce(
        'ERR_PRODUCTIONIZE_STATIC_ORDER',
        `${before} is mounted before ${layer.handle.name}: its files are sent as they are. Mount the compression first, or leave it to productionize, whose compression stands before everything.`,
      );
      return before;
    }
    walkLayers({ stack: [layer] }, ({ handle }) => {
      if (statics.has(handle.name)) before ??= handle.name;
    });
  }
  return undefined;
}
