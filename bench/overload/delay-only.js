/** What shedders for Express usually do: 503 for everybody while the event loop is late. */
export function delayOnly({ intervalMs = 5, maxDelayMs = 42 } = {}) {
  let delay = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    delay = now - last - intervalMs;
    last = now;
  }, intervalMs).unref();
  return function delayOnlyMiddleware(req, res, next) {
    if (delay <= maxDelayMs || req.path === '/livez') next();
    else res.set('Retry-After', '10').status(503).end();
  };
}
