const page = (name: string): string => `    set ${name}.http.Content-Type = "text/html; charset=utf-8";
    set ${name}.http.Cache-Control = "no-store";
    // clients and crawlers return later
    set ${name}.http.Retry-After = "5";
    ${name === 'beresp' ? 'set beresp.body = ' : 'synthetic('}"<!doctype html><meta charset=utf-8><title>Unavailable</title><h1>Unavailable</h1><p>The service does not respond. Please try again in a few seconds.</p>"${name === 'beresp' ? ';' : ');'}
    return (deliver);
`;

/** The subroutines for an instance that does not respond, and for responses of Varnish itself. */
export function failures(name: string, instances: number): string {
  const retries = Math.max(1, Math.min(instances - 1, 3));
  return `sub vcl_backend_error {
    // another instance is tried where the method allows it, but a slow handler is not started on one after the other
    if (bereq.retries < ${retries} && bereq.method ~ "^(GET|HEAD|OPTIONS)$" && now - std.time(real=std.real(regsub(bereq.http.X-Request-Start, "^t=", ""), 0.0), fallback=now) < 10s) {
${others(name, instances)}        return (retry);
    }
    if (bereq.http.X-Stale) {
        return (abandon);
    }
${page('beresp')}}

sub vcl_synth {
    // the backend failed: deliver the stale response
    if (req.http.X-Stale == "if-error" || req.http.X-Stale == "if-down") {
        set req.http.X-Stale = "use";
        return (restart);
    }
    if (resp.status >= 500) {
${page('resp').replace(/^/gm, '    ').trimEnd()}
    }
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    set resp.http.Cache-Control = "no-store";
    synthetic(resp.reason);
    return (deliver);
}
`;
}

/** The director may select the instance again that has just failed. */
function others(name: string, instances: number): string {
  if (instances < 2) return '';
  const branches = Array.from({ length: instances }, (_, i) => {
    const next = ((i + 1) % instances) + 1;
    return `if (beresp.backend == ${name}_${i + 1}) {
            set bereq.backend = ${name}_${next};
        }`;
  });
  return `        ${branches.join(' else ')}\n`;
}
