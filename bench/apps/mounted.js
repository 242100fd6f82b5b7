// A route in a router in a router in a router, with two parameters.
export function onExpress(app, { express }) {
  const [api, users, orders] = Array.from({ length: 3 }, () => express.Router({ mergeParams: true }));
  orders.get('/:orderId', (req, res) => res.json(req.params));
  users.use('/:userId/orders', orders);
  api.use('/users', users);
  app.use('/api', api);
}

export function onFastify(app) {
  app.register(
    async (api) => {
      api.register(
        async (users) => {
          users.register(async (orders) => orders.get('/:orderId', async (request) => request.params), {
            prefix: '/:userId/orders',
          });
        },
        { prefix: '/users' },
      );
    },
    { prefix: '/api' },
  );
}
