/** The `express` function of a major version. */
export async function expressOf(version) {
  const { default: express } = await import(version === 4 ? 'express' : 'express5');
  return express;
}

/** Adds the routes of a load's app; `wrap` is what an app does for its async handlers. */
export async function addRoutes(app, express, load, wrap = (handler) => handler) {
  const { onExpress } = await import(`../apps/${load.app}.js`);
  await onExpress(app, { express, load, wrap });
}

/** What Express 4 needs so that a rejection does not end the process. */
export function catchAsync(handler) {
  return (req, res, next) => {
    handler(req, res, next).catch(next);
  };
}
