import { contextOf, type LayerSettings } from '../../support/context/context.js';
import { warnOnce } from '../../support/errors.js';
import { withoutQuery } from '../../support/url-path.js';

/**
 * Watches for handlers that ended without a response: their promise resolved, nothing was sent, and `next` was not
 * called. If no other code responds within the limit, one warning names the method, the route pattern and the handler.
 */
export function watchForResponse(limitMs: number): LayerSettings['onNoResponse'] {
  return function onNoResponse(res) {
    const context = contextOf(res.req);
    if (context === undefined) return;
    const { method, route, url, handlerName } = context;
    const where = `${method} ${route ?? withoutQuery(url)} ${handlerName ?? '<anonymous>'}`;
    const timer = setTimeout(() => {
      if (res.headersSent || res.closed) return;
      warnOnce(
        'ERR_PRODUCTIONIZE_NO_RESPONSE',
        `${where}: the handler finished ${limitMs} ms ago, but sent no response and did not call next(). The client is still waiting.`,
        where,
      );
    }, limitMs);
    timer.unref();
    res.once('close', () => clearTimeout(timer));
  };
}
