import { indent } from '../proxy-cache.js';
import { type BackendOptions, backendDeclarations, selection } from './backends.js';
import { type ClientRequestOptions, dispatch, forwardedHeaders, pathPattern } from './client-requests.js';
import { failures } from './failures.js';
import { backendResponse, deliver, type ResponseOptions, storedResponses } from './responses.js';

export interface VclOptions extends BackendOptions, Omit<ClientRequestOptions, 'mayPurge'>, ResponseOptions {
  /** Whether an idle connection to an instance is used again. */
  readonly reusesConnections: boolean;
}

/** The VCL for a cache in front of an app, for options that are checked. */
export function vcl(options: VclOptions): string {
  const { trustForwarded, maxStaleSeconds, purgeFrom } = options;
  return `vcl 4.1;

import directors;
import std;

${backendDeclarations(options)}

sub vcl_recv {
    set req.backend_hint = ${selection(options)};
    if (req.restarts == 0) {
        unset req.http.X-Stale;
        unset req.http.X-Cache-Status;
        unset req.http.X-Request-Start;
${indent(forwardedHeaders(trustForwarded), 2).join('\n')}
    } else if (req.http.X-Stale == "use") {
        set req.grace = ${maxStaleSeconds}s;
    } else {
        // a fresh response is required now; requests for the same object wait for one response
        set req.grace = 0s;
    }
${dispatch({ ...options, mayPurge: purgeFrom.length > 0 }).join('\n')}
}

${trustForwarded ? hash : ''}sub vcl_pipe {
    // where the app refuses the upgrade, no further request of the client may pass unseen
    set bereq.http.Connection = "upgrade, close";
    set bereq.http.Upgrade = req.http.Upgrade;
}

${storedResponses}
${backendFetch(options)}
${backendResponse(options)}
${failures(options.name, options.upstreams.length)}
${deliver}`.replace(/\n{3,}/g, '\n\n');
}

// Responses can depend on the scheme and the host of the client.
const hash = `sub vcl_hash {
    hash_data(req.http.X-Forwarded-Proto);
    hash_data(req.http.X-Forwarded-Host);
}

`;

function backendFetch({ eventStreamPaths, reusesConnections }: VclOptions): string {
  return `sub vcl_backend_fetch {
    unset bereq.http.X-Cache-Status;
    if (bereq.retries == 0) {
        set bereq.http.X-Request-Start = "t=" + std.time2real(now, 0.0);
    }
${indent([
  ...(reusesConnections
    ? []
    : ['// the app closes idle connections too early for any reuse', 'set bereq.http.Connection = "close";']),
  ...(eventStreamPaths.length === 0
    ? []
    : [
        `if (bereq.url ~ "${pathPattern(eventStreamPaths)}") {`,
        '    // an event stream is silent between two events',
        '    set bereq.between_bytes_timeout = 1h;',
        '}',
      ]),
])
  .map((line) => `${line}\n`)
  .join('')}}
`;
}
