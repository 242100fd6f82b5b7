// the same for all: a route, an async throw and an unknown path, through a real server
const assert = require('node:assert/strict');

module.exports = function check(app) {
  app.get('/', (_req, res) => res.send('it works'));
  app.get('/throws', async () => {
    throw new Error('secret');
  });
  const server = app.listen(0, '127.0.0.1', async () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    assert.equal(await (await fetch(url)).text(), 'it works');
    const failed = await fetch(`${url}/throws`, { headers: { accept: 'application/json' } });
    assert.equal(failed.status, 500);
    assert.equal(failed.headers.get('content-type'), 'application/problem+json');
    assert.ok(!(await failed.text()).includes('secret'));
    assert.equal((await fetch(`${url}/missing`)).status, 404);
    server.closeAllConnections();
    server.close();
  });
};
