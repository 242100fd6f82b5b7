import { varyStar } from '../proxy-cache.js';

/** How responses are stored and delivered. */
export interface ResponseOptions {
  readonly stale: 'directives' | 'always';
  readonly maxStaleSeconds: number;
  /** Whether Varnish compresses what the app does not. */
  readonly compress: boolean;
}

/** The subroutines for stored responses. */
export const storedResponses = `sub vcl_hit {
    set req.http.X-Cache-Status = "hit; ttl=" + std.integer(duration=obj.ttl, fallback=0);
    if (obj.ttl > 0s || obj.ttl + std.duration(obj.http.X-Stale-While-Revalidate, 0s) > 0s) {
        return (deliver);
    }
    // the backend failed after a restart, or no backend is healthy
    if (req.http.X-Stale == "use" || !std.healthy(req.backend_hint)) {
        return (deliver);
    }
    // the stale response may be delivered instead of an error, or when there is no response
    if (obj.ttl + std.duration(obj.http.X-Stale-If-Error, 0s) > 0s) {
        set req.http.X-Stale = "if-error";
    } else {
        set req.http.X-Stale = "if-down";
    }
    return (restart);
}

sub vcl_miss {
    if (req.http.X-Stale) {
        set req.http.X-Cache-Status = "fwd=stale";
    } else {
        set req.http.X-Cache-Status = "fwd=uri-miss";
    }
}
`;

/** The subroutine for a response of the app. */
export function backendResponse({ stale, maxStaleSeconds, compress }: ResponseOptions): string {
  return `sub vcl_backend_response {
    unset beresp.http.X-Stale-While-Revalidate;
    unset beresp.http.X-Stale-If-Error;
${compressed(compress)}    if (beresp.status >= 500) {
        // an error does not replace a stale response that may be delivered instead
        if (bereq.is_bgfetch || bereq.http.X-Stale == "if-error") {
            return (abandon);
        }
        set beresp.ttl = 0s;
        set beresp.grace = 0s;
        set beresp.keep = 0s;
        return (deliver);
    }
    if (beresp.http.Cache-Control !~ "(?i)(^|,)[ \\t]*(s-maxage|max-age)[ \\t]*=" && (beresp.http.Expires !~ "${httpDate}" || std.time(beresp.http.Expires, now) <= now)) {
        // no lifetime, or an Expires that is invalid or past (RFC 9111 section 5.3)
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
        return (deliver);
    }
    if (beresp.http.Vary ~ "${varyStar}") {
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
        return (deliver);
    }
    if (beresp.http.Cache-Control ~ "(?i)(^|,)[ \\t]*(must-revalidate|proxy-revalidate)[ \\t]*(,|$)") {
        set beresp.grace = 0s;
    } else {
        if (beresp.http.Cache-Control ~ "(?i)(^|,)[ \\t]*stale-while-revalidate=") {
            set beresp.http.X-Stale-While-Revalidate = beresp.grace + "s";
        }
        if (beresp.http.Cache-Control ~ "(?i)(^|,)[ \\t]*stale-if-error=[0-9]") {
            set beresp.http.X-Stale-If-Error = regsub(beresp.http.Cache-Control, "(?i)^(.*,)?[ \\t]*stale-if-error=([0-9]{1,9}).*$", "\\2s");
        }
${always(stale, maxStaleSeconds)}        set beresp.grace = ${maxStaleSeconds}s;
    }
}
`;
}

/** The subroutine for every response that is sent. */
export const deliver = `sub vcl_deliver {
    unset resp.http.X-Stale-While-Revalidate;
    unset resp.http.X-Stale-If-Error;
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", Varnish; " + req.http.X-Cache-Status;
    } else {
        set resp.http.Cache-Status = "Varnish; " + req.http.X-Cache-Status;
    }
}
`;

const httpDate =
  '^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$';

function always(stale: ResponseOptions['stale'], seconds: number): string {
  if (stale !== 'always') return '';
  return `        set beresp.http.X-Stale-While-Revalidate = "${seconds}s";
        set beresp.http.X-Stale-If-Error = "${seconds}s";
`;
}

function compressed(compress: boolean): string {
  if (!compress) return '';
  return `    // the app does not compress
    if (beresp.http.Content-Type ~ "(?i)^(text/(html|plain|css|javascript|xml)|application/(javascript|json|problem[+]json|manifest[+]json|xml|wasm)|image/svg[+]xml) *(;|$)") {
        set beresp.do_gzip = true;
    }
`;
}
