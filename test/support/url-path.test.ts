import { pathOf, withoutQuery } from '../../src/support/url-path.js';

it.each([
  ['/a/b', '/a/b', '/a/b'],
  ['/a?b=1?c=2', '/a', '/a'],
  ['/?', '/', '/'],
  ['/a#b?c', '/a#b', '/a'],
  ['/a?b#c', '/a', '/a'],
  ['//other/a?b', '//other/a', '//other/a'],
  ['http://host/a?b', 'http://host/a', '/a'],
  ['HTTPS://host:1/a#b', 'HTTPS://host:1/a#b', '/a'],
  ['http://host', 'http://host', '/'],
  ['http://host?a', 'http://host', ''],
  ['*', '*', '*'],
  ['', '', '/'],
])('%s without its query is %s, its path is %s', (url, rest, path) => {
  expect(withoutQuery(url)).toBe(rest);
  expect(pathOf(url)).toBe(path);
});
