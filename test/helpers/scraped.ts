/** Reads Prometheus text: each series, as it is written, with its value. */
export function seriesIn(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1).replace('Inf', 'Infinity'))];
    }),
  );
}

/** The difference between two scrapes: the series whose value has changed, with the change. */
export function changesBetween(before: string, after: string): Record<string, number> {
  const earlier = seriesIn(before);
  const changed = [...seriesIn(after)].map(
    ([name, value]) => [name, value - (earlier.get(name) ?? 0)] as const,
  );
  return Object.fromEntries(changed.filter(([, change]) => change !== 0));
}

/** The counts of requests by method, route and status: `GET /users/:id 200`. */
export function requestsIn(changes: Record<string, number>): Record<string, number> {
  const pattern =
    /^http_server_request_duration_seconds_count\{http_request_method="(.*)",http_route="(.*)",http_response_status_code="(.*)"\}$/;
  return Object.fromEntries(
    Object.entries(changes).flatMap(([name, value]) => {
      const [, method, route, status] = pattern.exec(name) ?? [];
      return method === undefined ? [] : [[`${method} ${route} ${status}`, value] as const];
    }),
  );
}
