// `load.routes` routes in the app itself. The loads request the last one.
export function onExpress(app, { load }) {
  for (let n = 1; n <= load.routes; n++) app.get(`/api/thing${n}`, (_req, res) => res.json({ thing: n }));
}

export function onFastify(app, { load }) {
  for (let n = 1; n <= load.routes; n++) app.get(`/api/thing${n}`, async () => ({ thing: n }));
}
