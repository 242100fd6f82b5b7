/** What stands for a secret. */
export const redacted = '[redacted]';

const maxUrl = 1024;

/** Names of secrets, in lower case, without the separators people write between words. */
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

// what separates names from values, plain or percent-encoded: a URL inside a parameter has secrets of its own
const nameInParameter = /(?:^|[?;#]|%3[fb]|%2[36])((?:(?!%3[dfb]|%2[36])[^=?;#])*)(?:=|%3d)/gi;
const controls = /[\p{Cc}\u2028\u2029 ]/gu;
const needsEncoding = /[^!-~]/;
const userInfo = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i;
const encodedUnit = /%([0-9a-f]{2})/gi;
const wordSeparators = /[-_.+\s]/g;

/** Makes the test for names of secrets; case, separators and percent encoding do not matter. */
export function secretNameTest(added: readonly string[] = []): (name: string) => boolean {
  const names = new Set([...secretNames, ...added.map(fold)]);
  return function isSecret(name) {
    // user[password] and user.password name the same thing as password
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

/** Makes a URL fit for a log line: no secret, no user name, no control character, no more than 1024 characters. */
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

/** The value of a secret ends at the next `&`, whatever other separators it has. */
function redactParameter(parameter: string, isSecret: (name: string) => boolean): string {
  for (const match of parameter.matchAll(nameInParameter)) {
    if (isSecret(match[1] as string)) return parameter.slice(0, match.index + match[0].length) + redacted;
  }
  return parameter;
}
