import Negotiator from 'negotiator';
import { memoizeHeader } from '../bounded-map.js';

/** The contents of an error response, before they are rendered in the form that the client prefers. */
export interface ErrorSummary {
  readonly status: number;
  /** The status text. */
  readonly title: string;
  /** The text that Express itself sends in production. */
  readonly text: string;
  readonly detail: string | undefined;
  readonly requestId: string | undefined;
  readonly stack: string | undefined;
}

export interface ErrorBody {
  readonly type: string;
  readonly body: string;
}

const anything = '*/*';
const html = 'text/html';
const problem = 'application/problem+json';
const plain = 'text/plain';
// ties and wildcards select the first type, which is also the one that Express sends
const offers = [html, problem, 'application/json', plain];
const maxAccept = 1024;

/**
 * Renders an error in the form that the client prefers: problem details (RFC 9457), HTML or text. A client that states
 * no preference receives the page of Express's own final handler. A client that accepts none of these receives problem
 * details.
 */
export function renderError(accept: string | undefined, summary: ErrorSummary): ErrorBody {
  const { kind, named } = preference(accept?.slice(0, maxAccept).trim().toLowerCase() || anything);
  if (kind === html) {
    const page = named ? readableText(summary) : (summary.stack ?? summary.text);
    return { type: `${html}; charset=utf-8`, body: htmlPage(page) };
  }
  if (kind === plain) return { type: `${plain}; charset=utf-8`, body: `${readableText(summary)}\n` };
  return { type: problem, body: problemDetails(summary) };
}

/** The preferred type, and whether the client has named it. */
const preference = memoizeHeader((accept) => ({
  kind: accept === anything ? html : new Negotiator({ headers: { accept } }).mediaType(offers),
  named: accept.includes(html),
}));

function problemDetails({ status, title, detail, requestId, stack }: ErrorSummary): string {
  return JSON.stringify({ type: 'about:blank', title, status, detail, requestId, stack });
}

function readableText({ status, text, detail, requestId, stack }: ErrorSummary): string {
  const lines = [stack ?? text];
  if (stack === undefined && detail !== undefined && detail !== text) lines.push(detail);
  if (status >= 500 && requestId !== undefined) lines.push(`Request id: ${requestId}`);
  return lines.join('\n');
}

const entities: Record<string, string> = {
  '"': '&quot;',
  '&': '&amp;',
  "'": '&#39;',
  '<': '&lt;',
  '>': '&gt;',
};

function htmlPage(text: string): string {
  const escaped = text
    .replace(/["&'<>]/g, (character) => entities[character] as string)
    .replaceAll('\n', '<br>')
    .replaceAll('  ', ' &nbsp;');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Error</title>
</head>
<body>
<pre>${escaped}</pre>
</body>
</html>
`;
}
