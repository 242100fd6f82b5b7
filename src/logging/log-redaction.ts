/** The text that replaces a secret. */
export const redacted = '[redacted]';

const maxUrl = 1024;

/** Names of secrets, in lower case and without the separators between words. */
const secretNames = [
  'accesstoken',
  'apikey',
  'assertion',
  'auth',
  'authorization',
  'authtoken',
  'clientassertion',
  'clientsecret',
  'code',
  'codeverifier',
  'cookie',
  'credential',
  'credentials',
  'csrf',
  'csrftoken',
  'idtoken',
  'jwt',
  'key',
  'otp',
  'passwd',
  'password',
  'pin',
  'privatekey',
  'proxyauthorization',
  'pwd',
  'refreshtoken',
  'samlresponse',
  'secret',
  'secretkey',
  'session',
  'sessionid',
  'setcookie',
  'sid',
  'sig',
  'signature',
  'ticket',
  'token',
  'xamzcredential',
  'xamzsecuritytoken',
  'xamzsignature',
  'xapikey',
  'xauthtoken',
  'xcsrftoken',
  'xgoogcredential',
  'xgoogsignature',
  'xsrftoken',
  'xxsrftoken',
];

// matches a name and the `=` after it, plain or percent-encoded, since a URL inside a parameter may contain
// secrets too
const nameInParameter = /(?:^|[?;#]|%3[fb]|%2[36])((?:(?!%3[dfb]|%2[36])[^=?;#])*)(?:=|%3d)/gi;
const controls = /[\p{Cc}\u2028\u2029 ]/gu;
const needsEncoding = /[^!-~]/;
const userInfo = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i;
const encodedUnit = /%([0-9a-f]{2})/gi;
const wordSeparators = /[-_.+\s]/g;

/** Creates the test for names of secrets. It ignores case, separators and percent encoding. */
export function secretNameTest(added: readonly string[] = []): (name: string) => boolean {
  const names = new Set([...secretNames, ...added.map(fold)]);
  return function isSecret(name) {
    // user[password] and user.password are treated as password
    return (
      names.has(fold(name)) ||
      decode(name)
        .split(/[[\].]/)
        .some((part) => names.has(fold(part)))
    );
  };
}

function fold(name: string): string {
  return decode(name).toLowerCase().replace(wordSeparators, '');
}

function decode(name: string): string {
  return name.includes('%')
    ? name.replace(encodedUnit, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : name;
}

/**
 * Prepares a URL for a log line: without secrets, user name and control characters, and with at most 1024 characters.
 */
export function redactUrl(url: string, isSecret: (name: string) => boolean): string {
  let result = url.charCodeAt(0) === 47 ? url : url.replace(userInfo, '$1');
  const query = result.indexOf('?');
  if (query !== -1) {
    const parameters = result.slice(query + 1).split('&');
    result = `${result.slice(0, query)}?${parameters.map((each) => redactParameter(each, isSecret)).join('&')}`;
  }
  if (result.length > maxUrl) result = `${result.slice(0, maxUrl)}…`;
  return needsEncoding.test(result) ? result.replace(controls, encodeURIComponent) : result;
}

/** Redacts up to the end of the parameter, because the value of a secret may contain any separator except `&`. */
function redactParameter(parameter: string, isSecret: (name: string) => boolean): string {
  for (const match of parameter.matchAll(nameInParameter)) {
    if (isSecret(match[1] as string)) return parameter.slice(0, match.index + match[0].length) + redacted;
  }
  return parameter;
}
