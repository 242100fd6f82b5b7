/** The largest body of a request. */
export function bodyLimit(bytes: number | null): string[] {
  return bytes === null
    ? ['# the app has no body parser: the default of nginx', 'client_max_body_size 1m;']
    : ['# the limit of the app: a larger body does not reach it', `client_max_body_size ${bytes};`];
}

/** Compression on one side only. */
export function compression(byApp: boolean): string[] {
  if (byApp) return ['# the app compresses, and leaves out what must not be compressed', 'gzip off;'];
  return [
    '# the app does not compress',
    'gzip on;',
    'gzip_proxied any;',
    'gzip_vary on;',
    'gzip_min_length 1024;',
    gzipTypes,
  ];
}

/** `text/html` is always included. */
export const gzipTypes =
  'gzip_types text/plain text/css text/xml text/javascript application/javascript application/json application/problem+json application/manifest+json application/xml application/rss+xml application/wasm image/svg+xml;';
