/** Names of files and directories that a release has only where a caller includes them. */
const secret = [
  /^\.env(?!\.(example|sample|template|dist)$)(\..*)?$/,
  /\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/i,
  /^id_(rsa|dsa|ecdsa|ed25519)/,
  /^\.(git|npmrc|yarnrc|netrc|pgpass|htpasswd|git-credentials|ssh|aws|gnupg|docker|kube)$/,
];

/** Whether a path has a part whose name is usual for keys, passwords and tokens. */
export function isSecret(relative: string): boolean {
  return relative.split('/').some((part) => secret.some((pattern) => pattern.test(part)));
}
