/** Headers that apply to one connection only, not to the response (RFC 9110 section 7.6.1). */
export const hopByHop: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
