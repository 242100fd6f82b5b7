/** The kernel's tables of TCP sockets in this process's network; listening ones come first. */
export const tables: readonly string[] = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];

/** How the local address of a port ends in them. */
export function portSuffix(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}
