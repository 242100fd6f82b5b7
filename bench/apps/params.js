// One route with a parameter.
export function onExpress(app) {
  app.get('/items/:id', (req, res) => res.json({ id: req.params.id, ok: true }));
}

export function onFastify(app) {
  app.get('/items/:id', async (request) => ({ id: request.params.id, ok: true }));
}
