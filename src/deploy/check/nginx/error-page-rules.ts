import type { Disagreement, Rule } from '../finding.js';
import { type Block, type Directive, textOf } from './nginx-reader.js';
import { effective, hasIncludes, lists, routesOf } from './proxied-routes.js';

const errorPage: Rule<Block> = {
  id: 'nginx/error-page',
  reason: 'clients see the page of nginx without Retry-After, and caches may store it',
  find: (root, { facts }) =>
    routesOf(root, facts).flatMap((route): Disagreement[] => {
      const statuses = lists(route, 'error_page').flatMap(({ args }) => args);
      if ((statuses.includes('502') && statuses.includes('504')) || hasIncludes(route)) return [];
      const expected = 'the app cannot respond while no instance is there';
      const fix = 'error_page 502 503 504 @unavailable;';
      return [{ line: route.pass.line, found: `${textOf(route.pass)} without error_page`, expected, fix }];
    }),
};

const replacedErrors: Rule<Block> = {
  id: 'nginx/replaced-errors',
  reason: 'clients of an API receive a page instead of the error of the app',
  find: (root, { facts }) =>
    routesOf(root, facts)
      .map((route) => effective(route, 'proxy_intercept_errors'))
      .filter((each): each is Directive => each?.args[0] === 'on')
      .map((each) => ({
        line: each.line,
        found: textOf(each),
        expected: 'the app sends its own error responses',
        fix: 'proxy_intercept_errors off;',
      })),
};

export const errorPageRules: readonly Rule<Block>[] = [errorPage, replacedErrors];
