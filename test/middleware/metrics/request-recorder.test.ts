import http from 'node:http';
import net from 'node:net';
import { RequestRecorder } from '../../../src/middleware/metrics/request-recorder.js';

function exchange(path?: string, status = 200) {
  const req = new http.IncomingMessage(new net.Socket());
  const res = new http.ServerResponse(req);
  res.statusCode = status;
  res.end();
  return [path === undefined ? req : Object.assign(req, { route: { path } }), res] as const;
}

it('limits the series of an app that adds a route for each request', () => {
  const recorder = new RequestRecorder();
  for (let at = 0; at < 20_000; at++) recorder.record(...exchange(`/runtime/${at}`), 1, 0.1);
  const samples = recorder.durationSamples();
  expect(samples.length).toBeLessThanOrEqual(2002);
  const sum = samples.reduce((total, { counts }) => total + counts.reduce((a, b) => a + b), 0);
  expect(sum).toBe(20_000);
  expect(samples.at(-1)?.labels.http_route).toBe('_OTHER');
});

it('adds one series for 100,000 random paths', () => {
  const recorder = new RequestRecorder();
  const [req, res] = exchange(undefined, 404);
  for (let at = 0; at < 100_000; at++) {
    const url = `/${Math.random().toString(36)}/${at}`;
    recorder.record(Object.assign(req, { url, originalUrl: url }), res, 1, 0.1);
  }
  expect(recorder.durationSamples().map(({ labels }) => labels)).toEqual([
    { http_request_method: 'GET', http_route: '(no route)', http_response_status_code: '404' },
  ]);
});

it('limits the series of an app with random statuses', () => {
  const recorder = new RequestRecorder();
  for (let at = 0; at < 20_000; at++) recorder.record(...exchange(`/${at % 100}`, 200 + (at % 799)), 1, 0.1);
  expect(recorder.durationSamples().length).toBeLessThanOrEqual(3000);
});

it('counts a duration that equals a bound in its bucket', () => {
  const recorder = new RequestRecorder();
  for (const seconds of [0.005, 0.0051, 10, 10.1]) recorder.record(...exchange(), 1, seconds);
  const [sample] = recorder.durationSamples();
  expect(sample?.counts).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
  expect(sample?.sum).toBeCloseTo(20.1101);
});
