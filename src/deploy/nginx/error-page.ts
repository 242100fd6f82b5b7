/** The page that nginx sends when no instance responds. `headers` are the `add_header` lines of every response. */
export function errorPage(headers: readonly string[]): string[] {
  return [
    'default_type text/html;',
    '# clients and crawlers return later, and no cache stores the page',
    `add_header Retry-After ${retryAfterSeconds} always;`,
    'add_header Cache-Control no-store always;',
    ...headers,
    `return 503 '<!doctype html><meta charset="utf-8"><title>Unavailable</title><h1>Unavailable</h1><p>The service does not respond. Please try again in a few seconds.</p>';`,
  ];
}

export const retryAfterSeconds = 5;
