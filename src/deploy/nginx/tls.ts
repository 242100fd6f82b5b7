/**
 * The intermediate profile of Mozilla's recommendations for TLS. Its DHE ciphers need a file of parameters and are left
 * out: clients that lack ECDHE are older than the profile.
 *
 * @see https://wiki.mozilla.org/Security/Server_Side_TLS
 */
export function tlsLines(name: string, certificate: string, certificateKey: string): string[] {
  return [
    `ssl_certificate ${certificate};`,
    `ssl_certificate_key ${certificateKey};`,
    "# Mozilla's intermediate profile: the ciphers are all strong, so the client selects the fastest",
    'ssl_protocols TLSv1.2 TLSv1.3;',
    `ssl_ciphers ${intermediateCiphers.join(':')};`,
    'ssl_ecdh_curve X25519:prime256v1:secp384r1;',
    'ssl_prefer_server_ciphers off;',
    `ssl_session_cache shared:${name}_tls:10m;`,
    'ssl_session_timeout 1d;',
    '# keys of tickets are not rotated without a restart, which would end forward secrecy',
    'ssl_session_tickets off;',
  ];
}

export const intermediateCiphers: readonly string[] = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
