import type { Application } from 'express';
import { ProductionizeError } from '../../support/errors.js';

/**
 * Refuses `app.use(productionize(app))`, which mounts an app in itself. Express's own listener for `mount` would make
 * the prototypes of the app inherit from themselves. This listener therefore runs before it. Returns its undo.
 */
export function refuseSelfMount(app: Application): () => void {
  const onMount = (parent: unknown): void => {
    if (parent !== app) return;
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_MIDDLEWARE',
      'productionize: it looks as if you wrote app.use(productionize(app)). productionize is no middleware and returns the app itself: write productionize(app), without app.use.',
    );
  };
  app.prependListener('mount', onMount);
  return () => app.removeListener('mount', onMount);
}
