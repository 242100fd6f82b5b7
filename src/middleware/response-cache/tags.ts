import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { headerText, listMembers } from '../../support/encoding/encoding-headers.js';

const debug = debugFor('cache');

const mostTags = 128;
const longestTag = 256;

/**
 * The tags of a response, from its `Cache-Tag` header and the option `tags`. Returns `undefined` when they are invalid.
 * The response is not stored then, because a purge would not remove it.
 */
export function tagsOf(
  req: IncomingMessage,
  res: ServerResponse,
  more: ((req: IncomingMessage, res: ServerResponse) => readonly string[]) | undefined,
): readonly string[] | undefined {
  const tags = listMembers(headerText(res, 'cache-tag'));
  if (more !== undefined) {
    try {
      tags.push(...more(req, res));
    } catch (error) {
      debug(() => ['tags() threw %s', error]);
      return undefined;
    }
  }
  const named = [...new Set(tags)].filter((tag) => tag !== '');
  const readable = named.every((tag) => typeof tag === 'string' && tag.length <= longestTag);
  return readable && named.length <= mostTags ? named : undefined;
}
