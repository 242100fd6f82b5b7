// The loads, in the order they run. `status` and `encoded` are checked before anything is measured; `encodes` says that
// servers compress, `files` that they serve files.

const compressing = { 'Accept-Encoding': 'gzip, br' };
const order = {
  customer: 'Ada',
  items: [
    { sku: 'a-1', count: 2 },
    { sku: 'b-7', count: 1 },
  ],
  express: true,
};

export const loads = [
  { name: 'json', title: 'Small JSON', path: '/small' },
  {
    name: 'cached',
    title: 'Small JSON that may be cached',
    path: '/cached',
    variants: [
      'raw',
      'express5',
      'ours5',
      'ours5-cache',
      'express4',
      'ours4-cache',
      'apicache5',
      'apicache4',
      'nginx-cache',
      'varnish-cache',
    ],
  },
  {
    name: 'json10k',
    title: '10 KB of JSON, compressed, the same each time',
    path: '/report',
    headers: compressing,
    encoded: true,
    encodes: true,
  },
  {
    name: 'json10k-fresh',
    title: '10 KB of JSON, compressed, another each time',
    path: '/fresh-report',
    headers: compressing,
    encoded: true,
    encodes: true,
  },
  { name: 'view', title: 'A rendered view (EJS)', path: '/view' },
  { name: 'not-found', title: 'A path that does not exist', path: '/missing', status: 404 },
  { name: 'async-error', title: 'An async handler that throws', path: '/failing', status: 500 },
  {
    name: 'post',
    title: 'A POST with a JSON body',
    path: '/echo',
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(order),
  },
  { name: 'stream', title: 'A stream of 1 MB', path: '/megabyte' },
  {
    name: 'static',
    title: 'A script of 6 KB with precompressed siblings',
    path: '/app.js',
    headers: { 'Accept-Encoding': 'gzip' },
    encoded: true,
    files: true,
  },
  { name: 'static-plain', title: 'A picture of 6 KB', path: '/picture.png', files: true },
  { name: 'static-miss', title: 'Small JSON, by a route behind static files', path: '/small', files: true },
].map((load) => ({
  method: 'GET',
  status: 200,
  encoded: false,
  encodes: false,
  files: false,
  headers: {},
  body: '',
  ...load,
}));
